"""All files of an input: a MetaImage or NRRD header may name other files that hold its voxels.

HDF5 files can link to other files, too; as no program of the field writes such inputs, they are refused.

A run records all files of an input, so that changed voxels are noticed. As a header is untrusted, its data files must
lie beside it or below it. Headers are parsed here by their standards, more strictly than by the libraries: a line that
cannot be parsed is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import BinaryIO

from vision_cli.core.errors import InputError

_META_SUFFIXES = {".mha", ".mhd"}
_NRRD_SUFFIXES = {".nrrd", ".nhdr"}
_NRRD_MAGIC = b"NRRD"
_HDF5_MAGIC, _HDF5_PLACES = b"\x89HDF\r\n\x1a\n", (0, 512, 1024, 2048)
_LONGEST_HEADER = 1 << 24
_META_DATA = re.compile(rb"[ \t]*ElementDataFile[ \t]*[=:][ \t]*(.*?)[ \t\r]*")
_META_MENTION = re.compile(rb"elementdatafile", re.IGNORECASE)
_META_SIZE = re.compile(rb"[ \t]*DimSize[ \t]*[=:][ \t]*(?:\d+[ \t]+)*(\d+)[ \t\r]*")
_NRRD_DATA = re.compile(rb"data ?file:[ \t]*(.*?)[ \t\r]*", re.IGNORECASE)
_COUNTED = re.compile(r"[^%]*%0?\d{0,2}d[^%]*")
_WHOLE = re.compile(r"-?\d{1,9}")


def data_files(header: Path) -> list[Path]:
    """Return the files beside `header` that hold its data; none for a file that holds them itself.

    Parameters
    ----------
    header
        Any input file. Of MetaImage (``.mha``, ``.mhd``) and NRRD (``.nrrd``, ``.nhdr``, or any that begins as one)
        the header is parsed; every other file is complete in itself.

    Raises
    ------
    InputError
        If the header is damaged, or names a file that is missing or outside the header's folder; if an HDF5 file links
        to other files.
    """
    if not header.is_file():
        return []
    with header.open("rb") as stream:
        is_nrrd = stream.read(len(_NRRD_MAGIC)) == _NRRD_MAGIC
        stream.seek(0)
        if is_nrrd or header.suffix.lower() in _NRRD_SUFFIXES:
            named = _nrrd_names(header, stream)
        elif header.suffix.lower() in _META_SUFFIXES:
            named = _meta_image_names(header, stream)
        else:
            if any(_holds(stream, place, _HDF5_MAGIC) for place in _HDF5_PLACES):
                _require_whole_hdf5(header)
            return []
        return [_beside(header, name) for name in named]


def _meta_image_names(header: Path, stream: Iterable[bytes]) -> Iterator[str]:
    """Yield the file names in a MetaImage header: one name, a numbered pattern, or a list of lines.

    A file without such a line is not of this format, which its reader reports.
    """
    depth = 0
    lines = _lines(header, stream)
    for line in lines:
        if size := _META_SIZE.fullmatch(line):
            depth = int(size.group(1))
        if not _META_MENTION.search(line):
            continue
        found = _META_DATA.fullmatch(line)
        if found is None:
            raise _damaged(header, "a line with ElementDataFile that cannot be parsed")
        value = _text(header, found.group(1))
        if value.upper() == "LOCAL":
            return
        if value[:4].upper() == "LIST":
            yield from _rest(header, lines)
        elif "%" in value:
            pattern, *numbers = value.split()
            yield from _counted(header, pattern, [*numbers, *["1", str(depth), "1"][len(numbers) :]])
        else:
            yield value
        return


def _nrrd_names(header: Path, stream: Iterable[bytes]) -> Iterator[str]:
    """Yield the file names in an NRRD header; without a field ``data file`` the data follow a blank line."""
    lines = _lines(header, stream)
    named: str | None = None
    for line in lines:
        if not line.strip():
            break
        if not (found := _NRRD_DATA.fullmatch(line)):
            continue
        if named is not None:
            raise _damaged(header, "two fields `data file`")
        named = _text(header, found.group(1))
        if named.split()[:1] == ["LIST"]:
            yield from _rest(header, lines)
            return
    if named is None:
        return
    words = named.split()
    if len(words) > 3 and "%" in words[0]:
        yield from _counted(header, words[0], words[1:4])
    else:
        yield named


def _lines(header: Path, stream: Iterable[bytes]) -> Iterator[bytes]:
    read = 0
    for line in stream:
        read += len(line)
        if read > _LONGEST_HEADER:
            raise _damaged(header, f"a header of more than {_LONGEST_HEADER >> 20} MiB")
        yield line.removesuffix(b"\n")


def _rest(header: Path, lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        if line.strip():
            yield _text(header, line.strip())


def _counted(header: Path, pattern: str, numbers: Sequence[str]) -> Iterator[str]:
    """Yield the names of a pattern such as ``slice%03d.raw`` from a first to a last number."""
    if not _COUNTED.fullmatch(pattern) or not all(_WHOLE.fullmatch(number) for number in numbers[:3]):
        # Any other format specification could misuse the ``%`` operator below.
        raise _damaged(header, f"the pattern {pattern!r} of names")
    first, last, step = map(int, numbers[:3])
    if step == 0:
        raise _damaged(header, f"the pattern {pattern!r} of names with a step of 0")
    yield from (pattern % number for number in range(first, last + (1 if step > 0 else -1), step))


def _text(header: Path, value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise _damaged(header, f"a data file name that is not UTF-8, {value!r}") from None


def _beside(header: Path, name: str) -> Path:
    """Return the path of a file that a header names; raise `InputError` if it is outside the header's folder."""
    path = PurePath(name)
    found = header.parent / path
    leads_away = path.is_absolute() or ".." in path.parts or path.parts in {(), ("-",)} or "\0" in name
    if not leads_away:
        try:
            leads_away = not found.resolve().is_relative_to(header.parent.resolve())
        except OSError as error:
            raise InputError(f"{found}: cannot be read ({error.strerror}; data of {header.name}).") from error
    if leads_away:
        raise InputError(
            f"{header}: data file {name!r} found; a file beside the header or below it expected.",
            hint="Move the data beside the header, and name them there without a path.",
        )
    if not found.is_file():
        raise InputError(
            f"{found}: no such file (data of {header.name}).", hint="Copy the data along with their header."
        )
    return found


def _holds(stream: BinaryIO, place: int, mark: bytes) -> bool:
    stream.seek(place)
    return stream.read(len(mark)) == mark


def _require_whole_hdf5(path: Path) -> None:
    """Refuse an HDF5 file with values in other files; damage is reported by its reader."""
    import h5py

    with suppress(OSError, RuntimeError, KeyError, ValueError), h5py.File(path, "r") as file:
        seen, waiting = set(), [file["/"]]
        while waiting:
            group = waiting.pop()
            for name in group:
                if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                    raise _elsewhere(path, f"{group.name}/{name}".replace("//", "/"))
                found = group[name]
                if isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
                    raise _elsewhere(path, found.name)
                place = h5py.h5o.get_info(found.id).addr
                if isinstance(found, h5py.Group) and place not in seen:
                    seen.add(place)
                    waiting.append(found)


def _elsewhere(path: Path, name: str) -> InputError:
    return InputError(
        f"{path}: {name} is stored in another file; a file that holds all its values expected.",
        hint="Write it again without links to other files.",
    )


def _damaged(header: Path, what: str) -> InputError:
    return InputError(
        f"{header}: {what} found; a header that names its data files expected.", hint="Write the header again."
    )
