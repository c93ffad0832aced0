"""PCD files of the Point Cloud Library: ASCII, binary and compressed, with what the header declares checked.

Other readers return as many points as the header declares even where the file holds fewer. Format: "The PCD (Point
Cloud Data) file format", version 0.7, documentation of the Point Cloud Library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import write_bytes
from vision_cli.io.limits import require_memory_for
from vision_cli.io.points.point_text import as_float64, parse_rows, require_cloud_file, wrong_count_error

Columns = Mapping[str, NDArray[np.float64]]
"""Numbers of each point by the name of their field."""

_HEADER_LIMIT = 1 << 16
_PAGE = 1 << 16
"""The library writes through memory maps, so that a file may end with the rest of a page."""

_MOST_FIELDS = 1 << 16
"""Numbers of a point; the longest descriptors have some hundreds."""

_TYPES = {"F": "f", "I": "i", "U": "u"}
_DENSEST = 300
"""LZF makes of a byte at most 88; a block that claims more is damaged."""


@dataclass(frozen=True)
class _Header:
    names: tuple[str, ...]
    types: tuple[np.dtype[np.generic], ...]
    points: int
    storage: str
    end: int
    lines: int

    @property
    def row_bytes(self) -> int:
        return sum(kind.itemsize for kind in self.types)


def read_pcd(path: Path) -> Columns:
    """Read the fields of a PCD file; one of several numbers becomes ``name_0``, ``name_1`` and so on.

    Raises
    ------
    InputError
        If the file is damaged, cut short, or holds another number of points than its header declares.
    """
    size = require_cloud_file(path)
    header = _header(path)
    if header.storage == "ascii":
        # A number takes a byte at least, and one between it and the next.
        most = (size - header.end + 1) // (2 * len(header.names))
        content = path.read_bytes()[header.end :]
        if header.points > most:
            rows = sum(1 for line in content.split(b"\n") if line.strip())
            if rows != header.points:
                raise wrong_count_error(path, header.points, rows)
        return _ascii(path, content, header)
    # The file, what it unpacks to, and the columns.
    ratio = 1 if header.storage == "binary" else _DENSEST
    bytes_each = 2 * header.row_bytes + 8 * len(header.names)
    stored = header.points * header.row_bytes
    require_memory_for(path, header.points, bytes_each, stored=stored, most=ratio * size)
    with path.open("rb") as stream:
        stream.seek(header.end)
        if header.storage == "binary":
            return _binary(path, stream.read(), header)
        return _compressed(path, stream.read(), header)


def write_pcd(path: Path, points: NDArray[np.floating]) -> None:
    """Write points ``(N, 3)`` whole or not at all, binary, as float32: what data sets and other readers expect.

    Raises
    ------
    ResourceError
        If the disk is full or the directory cannot be written to.
    """
    count = len(points)
    header = (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n"
        f"WIDTH {count}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {count}\nDATA binary\n"
    )
    write_bytes(path, header.encode("ascii") + np.ascontiguousarray(points, dtype="<f4").tobytes())


def _header(path: Path) -> _Header:
    with path.open("rb") as stream:
        start = stream.read(_HEADER_LIMIT)
    entries: dict[str, list[str]] = {}
    end = lines = 0
    while "DATA" not in entries:
        stop = start.find(b"\n", end)
        if stop < 0:
            raise InputError(
                f"{path}: no line DATA; the header of a PCD file expected.",
                hint="Is it another format? Correct the suffix.",
            )
        words = start[end:stop].decode("ascii", "replace").split()
        if words and not words[0].startswith("#"):
            entries[words[0].upper()] = words[1:]
        end, lines = stop + 1, lines + 1
    try:
        return _understood(path, entries, end, lines)
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{path}: a PCD header that cannot be understood ({error}).", hint="Write the file again."
        ) from error


def _understood(path: Path, entries: Mapping[str, list[str]], end: int, lines: int) -> _Header:
    names = entries["FIELDS" if "FIELDS" in entries else "COLUMNS"]
    sizes = [int(word) for word in entries["SIZE"]]
    counts = [int(word) for word in entries.get("COUNT", ["1"] * len(names))]
    kinds = entries["TYPE"]
    if not len(names) == len(sizes) == len(counts) == len(kinds):
        raise ValueError(f"{len(names)} fields, {len(sizes)} sizes, {len(kinds)} types, {len(counts)} counts")
    grid = int(entries["WIDTH"][0]) * int(entries["HEIGHT"][0]) if "WIDTH" in entries and "HEIGHT" in entries else None
    points = int(entries["POINTS"][0]) if "POINTS" in entries else grid
    if points is None or points < 0 or min(counts) < 0:
        raise ValueError("no number of points")
    if sum(counts) > _MOST_FIELDS:
        raise ValueError(f"{sum(counts)} numbers a point; at most {_MOST_FIELDS} expected")
    if grid is not None and grid != points:
        raise InputError(
            f"{path}: header declares {points} points, but WIDTH × HEIGHT is {grid}.", hint="Write the file again."
        )
    storage = entries["DATA"][0].lower()
    if storage not in {"ascii", "binary", "binary_compressed"}:
        raise ValueError(f"DATA {storage}")
    all_names: list[str] = []
    types: list[np.dtype[np.generic]] = []
    for name, size, kind, count in zip(names, sizes, kinds, counts, strict=True):
        # Padding has the name "_" and any size.
        kind_of_one = np.dtype(f"V{size}") if name == "_" else np.dtype(f"<{_TYPES[kind]}{size}")
        all_names += [name] if count == 1 else [f"{name}_{number}" for number in range(count)]
        types += [kind_of_one] * count
    return _Header(tuple(all_names), tuple(types), points, storage, end, lines)


def _ascii(path: Path, content: bytes, header: _Header) -> Columns:
    values = parse_rows(path, content, " ", len(header.names), header.lines + 1)
    if len(values) != header.points:
        raise wrong_count_error(path, header.points, len(values))
    return {name: values[:, number].copy() for number, name in enumerate(header.names)}


def _binary(path: Path, content: bytes, header: _Header) -> Columns:
    needed = header.points * header.row_bytes
    if not needed <= len(content) <= needed + _PAGE:
        raise wrong_count_error(path, header.points, len(content) // max(header.row_bytes, 1))
    offsets = np.cumsum([0, *(kind.itemsize for kind in header.types)])[:-1].tolist()
    rows = np.frombuffer(
        content,
        np.dtype(
            {
                "names": [str(number) for number in range(len(header.names))],
                "formats": list(header.types),
                "offsets": offsets,
                "itemsize": header.row_bytes,
            }
        ),
        header.points,
    )
    return {
        name: as_float64(rows[str(number)])
        for number, (name, kind) in enumerate(zip(header.names, header.types, strict=True))
        if kind.kind != "V"
    }


def _compressed(path: Path, content: bytes, header: _Header) -> Columns:
    """Read one block of LZF that holds the fields one after the other."""
    needed = header.points * header.row_bytes
    packed, unpacked = (int(n) for n in np.frombuffer(content[:8].ljust(8, b"\0"), "<u4"))
    if unpacked != needed:
        raise wrong_count_error(path, header.points, unpacked // max(header.row_bytes, 1))
    if packed > len(content) - 8 or packed * _DENSEST < needed:
        raise InputError(
            f"{path}: cut short, {len(content) - 8} compressed bytes; {packed} by its header expected.",
            hint="Copy the file again.",
        )
    plain = _unpacked(path, content[8 : 8 + packed], needed)
    columns = {}
    start = 0
    for name, kind in zip(header.names, header.types, strict=True):
        if kind.kind != "V":
            columns[name] = as_float64(np.frombuffer(plain, kind, header.points, start))
        start += kind.itemsize * header.points
    return columns


def _unpacked(path: Path, packed: bytes, size: int) -> bytearray:
    """Undo the compression LZF of M. Lehmann."""
    plain = bytearray()
    place, end = 0, len(packed)
    try:
        while place < end:
            control = packed[place]
            place += 1
            if control < 32:
                plain += packed[place : place + control + 1]
                place += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += packed[place]
                place += 1
            length += 2
            back = ((control & 31) << 8) + packed[place] + 1
            place += 1
            start = len(plain) - back
            if start < 0:
                raise IndexError("a reference before the start")
            while length > 0:
                # A reference may reach into what it writes itself.
                piece = plain[start : start + min(length, back)]
                plain += piece
                length -= len(piece)
                start += len(piece)
            if len(plain) > size:
                break
    except IndexError as error:
        raise InputError(f"{path}: damaged compressed data ({error}).", hint="Copy the file again.") from error
    if len(plain) != size:
        raise InputError(
            f"{path}: {len(plain)} bytes after decompression; {size} by its header expected.", hint="Copy it again."
        )
    return plain
