"""Atomic writing of files, which appear whole or not at all.

A file is written under a hidden name in its directory, flushed to the disk and renamed, which is atomic on local and on
network file systems. A killed process leaves at most a hidden file, which the next run removes.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from numbers import Integral, Real
from pathlib import Path
from types import SimpleNamespace

from vision_cli.core.errors import InputError, ResourceError
from vision_cli.core.escapes import spreadsheet_cell

TEMPORARY_PREFIX = ".vcli-tmp-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_CHUNK = 1 << 20


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a hidden path beside ``target`` to write to, which is renamed to ``target`` if the block succeeds.

    The hidden name keeps all suffixes, as writers choose the format by them. Parent directories are created.

    Raises
    ------
    ResourceError
        If the disk is full or the directory cannot be written to.
    """
    hidden = target.with_name(f"{TEMPORARY_PREFIX}{os.urandom(6).hex()}-{target.name}")
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield hidden
            _flush(hidden)
            hidden.replace(target)
            flush_directory(target.parent)
    finally:
        with suppress(OSError):
            hidden.unlink()


def write_bytes(target: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(target) as hidden:
        hidden.write_bytes(content)


def write_text(target: Path, text: str) -> None:
    r"""Write a UTF-8 file atomically.

    Bytes of file names that are not UTF-8 become escapes such as ``\udcff``, which JSON parses.
    """
    write_bytes(target, text.encode("utf-8", "backslashreplace"))


def json_text(document: Mapping[str, object] | Sequence[object], *, in_ascii: bool = False) -> str:
    """Return a document as indented JSON in its own order; non-finite numbers become null.

    With ``in_ascii`` non-ASCII characters are escaped.
    """
    return json.dumps(_finite(document), indent=2, ensure_ascii=in_ascii, allow_nan=False) + "\n"


def write_json(target: Path, document: Mapping[str, object] | Sequence[object]) -> None:
    """Write `json_text` of a document atomically."""
    write_text(target, json_text(document))


def as_json(value: object) -> object:
    """Return a number of another library or a path as a JSON value, for ``default`` of `json.dumps`.

    Raises
    ------
    TypeError
        If the value is neither a number nor a path.
    """
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__}: not a JSON value.")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV (comma, newline, quotes where needed); None is an empty cell.

    Texts that a spreadsheet would evaluate are marked, see `vision_cli.core.escapes.spreadsheet_cell`.
    """
    lines: list[str] = []
    # With "\r\n" the writer quotes cells with either character; with "\n" it would not quote a bare "\r".
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
    writer.writerow(map(_cell, columns))
    writer.writerows(map(_cell, row) for row in rows)
    return "".join(f"{line[:-2]}\n" for line in lines)


def write_csv(target: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write `csv_text` of a table atomically."""
    write_text(target, csv_text(columns, rows))


def library_path(path: str | Path) -> str:
    """Return the path of an input as text for a C++ library, some of which abort on a name that is not UTF-8.

    Raises
    ------
    InputError
        If the path is not UTF-8.
    """
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{path}: the name is not UTF-8; a UTF-8 name expected by the library that reads it.",
            hint="Rename the file or its folder.",
        ) from None
    return text


def append_line(path: Path, line: str) -> None:
    """Append a line to a file and flush it to the disk.

    An incomplete last line, left by a killed writer, a power cut or a full disk, is removed first.

    Raises
    ------
    ResourceError
        If the disk is full.
    """
    is_new = not path.exists()
    rest = f"{line}\n".encode()
    with writing(path), path.open("a+b", buffering=0) as stream:
        _remove_incomplete_line(stream)
        while rest:
            rest = rest[stream.write(rest) :]
        os.fsync(stream.fileno())
    if is_new:
        flush_directory(path.parent)


def whole_lines(path: Path) -> list[bytes]:
    """Return the complete lines of a file that `append_line` wrote; none if there is no file."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []


def sha256(path: Path) -> str:
    """Return the hex digest of a file, or of the names and contents of the files directly in a directory."""
    digest = hashlib.sha256()
    for file in _files(path):
        if path.is_dir():
            digest.update(os.fsencode(file.name) + b"\0")
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def size(path: Path) -> int:
    """Return the bytes of a file, or of the files directly in a directory."""
    return sum(file.stat().st_size for file in _files(path))


def require_free_space(directory: Path, needed: int) -> None:
    """Require free space for an output.

    Parameters
    ----------
    directory
        Directory of the output, which need not exist.
    needed
        Size of the output in bytes.

    Raises
    ------
    ResourceError
        If the file system of ``directory`` has fewer than ``needed`` bytes free.
    """
    existing = next(p for p in (directory, *directory.absolute().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ResourceError(
            f"{directory}: {free / 2**20:.0f} MiB free; about {needed / 2**20:.0f} MiB expected.",
            hint="Free space or choose another --out.",
        )


def require_room_for(path: Path, size: int) -> None:
    """Require space for a file of ``size`` bytes, before a library writes it that crashes on a full disk.

    The space is allocated and released at once, which shows limits, quotas and full disks.

    Parameters
    ----------
    path
        A file that does not exist yet, such as from `atomic_path`.
    size
        Size of the file in bytes.

    Raises
    ------
    ResourceError
        If there is not enough space.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            # Some file systems cannot allocate space in advance.
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
        finally:
            os.close(descriptor)
            path.unlink()


def remove_stale_temporaries(directory: Path) -> None:
    """Remove the hidden files that killed writers left in ``directory`` and below.

    Only to be called with the lock of ``directory``. Shards inside are skipped, as they may be running.
    """
    for parent, names, file_names in os.walk(directory):
        names[:] = [name for name in names if not name.startswith("shard-")]
        for name in file_names:
            if name.startswith(TEMPORARY_PREFIX):
                with suppress(OSError):
                    (Path(parent) / name).unlink()


def flush_directory(directory: Path) -> None:
    """Flush the entries of a directory to the disk, where the file system supports it."""
    with suppress(OSError):
        # Some network file systems refuse this; the rename is still atomic there.
        _flush(directory)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Raise `ResourceError` for a full disk or missing permission when writing ``target``."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceError(
                f"{target}: no space left to write it.",
                hint="Free space or choose another --out, then --resume.",
            ) from error
        if error.errno in _REFUSED and _is_at_target(error.filename, target):
            raise ResourceError(
                f"{target}: cannot be written ({error.strerror}).",
                hint="Choose a directory that you may write to.",
            ) from error
        raise


def _is_at_target(refused: object, target: Path) -> bool:
    """Return whether a refused path is ``target``, beside it or a parent of it, and not an input."""
    if not isinstance(refused, str):
        return True
    path = Path(refused).absolute()
    parents = target.absolute().parents
    return path in parents or path.parent == parents[0] or path == target.absolute()


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]


def _cell(value: object) -> object:
    if value is None:
        return ""
    return spreadsheet_cell(value) if isinstance(value, str) else value


def _remove_incomplete_line(stream: FileIO) -> None:
    end = stream.seek(0, os.SEEK_END)
    stream.seek(max(end - 1, 0))
    if stream.read(1) not in {b"", b"\n"}:
        stream.seek(0)
        stream.truncate(stream.readall().rfind(b"\n") + 1)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _finite(value: object) -> object:
    """Return a value as plain containers and numbers, with None for non-finite numbers."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    plain = as_json(value)
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
