"""PLY files: points and meshes in, ASCII or binary of either byte order; points out, binary with double coordinates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import atomic_path
from vision_cli.io.limits import require_memory_for, require_room
from vision_cli.io.points.point_text import as_float64, parse_rows, require_cloud_file, wrong_count_error

_HEADER_LIMIT = 1 << 18
_HEADER_END = re.compile(rb"^end_header[ \t]*\r?\n", re.MULTILINE)
_TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "float": "f4",
    "double": "f8",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "int64": "i8",
    "uint64": "u8",
    "float32": "f4",
    "float64": "f8",
}
_BYTES_A_POLYGON, _BYTES_A_CORNER = 200, 120
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}


@dataclass(frozen=True)
class Ply:
    """What a PLY file holds.

    Attributes
    ----------
    columns
        Numbers of each vertex, ``(N,)`` by the name of their property; lists are left out.
    triangles
        ``(T, 3)``; polygons are fans of them. None where the file has no faces.
    """

    columns: Mapping[str, NDArray[np.float64]]
    triangles: NDArray[np.int64] | None


@dataclass(frozen=True)
class _Element:
    """An element of the header; a property is (name, type of its count or "", type)."""

    name: str
    count: int
    properties: tuple[tuple[str, str, str], ...]

    @property
    def has_lists(self) -> bool:
        return any(count for _, count, _ in self.properties)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the properties that are one number each."""
        return tuple(name for name, count, _ in self.properties if not count)


@dataclass(frozen=True)
class _Header:
    storage: str
    elements: tuple[_Element, ...]
    end: int
    lines: int


def read_ply(path: Path) -> Ply:
    """Read vertices and faces; other elements are skipped.

    Raises
    ------
    InputError
        If the file is damaged, cut short, or holds other numbers of vertices and faces than its header declares.
    """
    size = require_cloud_file(path)
    header = _header(path)
    vertex = next((element for element in header.elements if element.name == "vertex"), None)
    if vertex is None or not vertex.numbers:
        raise InputError(f"{path}: no vertices with simple properties; points expected.", hint="Write the file again.")
    for element in header.elements:
        # Refused by the size of the file before memory is taken for what the header claims.
        least = sum(
            1 if header.storage == "ascii" else np.dtype(count or kind).itemsize
            for _, count, kind in element.properties
        )
        if element.count * least > size and element.name == "vertex":
            found = (size - header.end) // max(least, 1)
            if header.storage != "ascii":
                raise wrong_count_error(path, element.count, found)
            raise wrong_count_error(path, element.count, _rows_left(path, header))
        stored = element.count * least
        require_memory_for(path, element.count, 2 * least, f"{element.name} elements", stored=stored, most=size)
    with path.open("rb") as stream:
        stream.seek(header.end)
        content = stream.read()
    if header.storage == "ascii":
        return _read_ascii(path, content, header)
    return _read_binary(path, content, header)


def write_ply(
    path: Path,
    points: NDArray[np.float64],
    normals: NDArray[np.floating] | None = None,
    colours: NDArray[np.uint8] | None = None,
    scalars: Mapping[str, NDArray[np.generic]] | None = None,
    triangles: NDArray[np.int64] | None = None,
) -> None:
    """Write points whole or not at all, binary, with double coordinates: far from the origin float32 loses 1 mm.

    Parameters
    ----------
    path
        The file.
    points
        ``(N, 3)``.
    normals
        ``(N, 3)``.
    colours
        ``(N, 3)``, red, green and blue.
    scalars
        ``(N,)`` each, by the name of the property; float32 in the file.
    triangles
        ``(T, 3)`` of the points.

    Raises
    ------
    ValueError
        If the parts have other numbers of rows than there are points.
    ResourceError
        If the disk is full or the directory cannot be written to.
    """
    columns: list[tuple[str, str, NDArray[np.generic]]] = [(axis, "f8", points[:, k]) for k, axis in enumerate("xyz")]
    if normals is not None:
        columns += [(f"n{axis}", "f4", normals[:, k]) for k, axis in enumerate("xyz")]
    if colours is not None:
        columns += [(name, "u1", colours[:, k]) for k, name in enumerate(("red", "green", "blue"))]
    columns += [(name, "f4", values) for name, values in (scalars or {}).items()]
    rows = np.empty(len(points), dtype=[(name, f"<{kind}") for name, kind, _ in columns])
    for name, _, values in columns:
        if len(values) != len(points):
            raise ValueError(f"{name}: {len(values)} values for {len(points)} points")
        rows[name] = values
    words = {"f8": "double", "f4": "float", "u1": "uchar"}
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
    lines += [f"property {words[kind]} {name}" for name, kind, _ in columns]
    if triangles is not None:
        lines += [f"element face {len(triangles)}", "property list uchar int vertex_indices"]
    lines.append("end_header")
    with atomic_path(path) as hidden, hidden.open("wb") as stream:
        stream.write(("\n".join(lines) + "\n").encode("ascii"))
        stream.write(rows.tobytes())
        if triangles is not None:
            faces = np.empty(len(triangles), dtype=[("count", "u1"), ("corners", "<i4", 3)])
            faces["count"], faces["corners"] = 3, triangles
            stream.write(faces.tobytes())


def _header(path: Path) -> _Header:
    with path.open("rb") as stream:
        start = stream.read(_HEADER_LIMIT)
    if not start.startswith(b"ply"):
        raise InputError(
            f"{path}: does not begin with ply; a PLY file expected.", hint="Is it another format? Correct the suffix."
        )
    # The word may stand in a comment, too.
    found = _HEADER_END.search(start)
    if found is None:
        raise InputError(f"{path}: no line end_header; the header of a PLY file expected.", hint="Copy the file again.")
    marker, stop = found.start(), found.end()
    storage = ""
    elements: list[_Element] = []
    lines = start[:marker].decode("ascii", "replace").splitlines()
    try:
        for words in (line.split() for line in lines[1:]):
            if words and words[0] == "format":
                storage = words[1]
            elif words and words[0] == "element":
                elements.append(_Element(words[1], int(words[2]), ()))
            elif words and words[0] == "property":
                last = elements[-1]
                is_list = words[1] == "list"
                kind = (_TYPES[words[2]], _TYPES[words[3]]) if is_list else ("", _TYPES[words[1]])
                elements[-1] = _Element(last.name, last.count, (*last.properties, (words[-1], *kind)))
        if storage not in _ORDERS or any(element.count < 0 for element in elements):
            raise ValueError(f"format {storage!r}")
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{path}: a PLY header that cannot be understood ({error}).", hint="Write the file again."
        ) from error
    return _Header(storage, tuple(elements), stop, len(lines) + 1)


def _rows_left(path: Path, header: _Header) -> int:
    return sum(1 for line in path.read_bytes()[header.end :].split(b"\n") if line.strip())


def _read_ascii(path: Path, content: bytes, header: _Header) -> Ply:
    lines = [line for line in content.split(b"\n") if line.strip()]
    columns: dict[str, NDArray[np.float64]] = {}
    triangles = None
    start = 0
    for element in header.elements:
        block = lines[start : start + element.count]
        if len(block) < element.count:
            raise wrong_count_error(path, element.count, len(block), "points" if element.name == "vertex" else "faces")
        start += element.count
        if element.name == "vertex":
            if element.has_lists:
                block = [_without_lists(path, line, element) for line in block]
            values = parse_rows(path, b"\n".join(block), " ", len(element.numbers), header.lines + 1)
            columns = {name: values[:, k].copy() for k, name in enumerate(element.numbers)}
        elif element.name == "face" and element.has_lists:
            triangles = _fans(path, [_polygon(path, line, element) for line in block])
    if start < len(lines):
        raise wrong_count_error(path, sum(element.count for element in header.elements), len(lines), "rows")
    return _checked(path, columns, triangles)


def _without_lists(path: Path, line: bytes, element: _Element) -> bytes:
    """Return the numbers of a vertex in a line, without those of its lists."""
    words = line.split()
    kept, place = [], 0
    try:
        for _, count, _ in element.properties:
            if count:
                place += 1 + int(words[place])
            else:
                kept.append(words[place])
                place += 1
        if place == len(words):
            return b" ".join(kept)
    except (ValueError, IndexError):
        pass
    raise InputError(
        f"{path}: a vertex {line[:40].decode('ascii', 'replace')!r}; its numbers and lists expected.",
        hint="Copy it again.",
    )


def _polygon(path: Path, line: bytes, element: _Element) -> list[int]:
    words = line.split()
    try:
        for _, count, _ in element.properties:
            if count:
                corners = [int(word) for word in words[1 : 1 + int(words[0])]]
                if len(corners) == int(words[0]):
                    return corners
                break
            words = words[1:]
    except (ValueError, IndexError):
        pass
    raise InputError(
        f"{path}: a face {line[:40].decode('ascii', 'replace')!r}; corners expected.", hint="Copy it again."
    )


def _read_binary(path: Path, content: bytes, header: _Header) -> Ply:
    order = _ORDERS[header.storage]
    columns: dict[str, NDArray[np.float64]] = {}
    triangles = None
    start = 0
    for element in header.elements:
        if element.name == "face" and element.has_lists:
            triangles, start = _binary_faces(path, content, start, element, order)
            continue
        if element.has_lists:
            values, start = _binary_rows(path, content, start, element, order)
            if element.name == "vertex":
                columns = values
            continue
        kind = np.dtype([(str(k), f"{order}{dtype}") for k, (_, _, dtype) in enumerate(element.properties)])
        held = (len(content) - start) // max(kind.itemsize, 1)
        if held < element.count:
            raise wrong_count_error(path, element.count, held, "points" if element.name == "vertex" else element.name)
        if element.name == "vertex":
            rows = np.frombuffer(content, kind, element.count, start)
            columns = {name: as_float64(rows[str(k)]) for k, (name, _, _) in enumerate(element.properties)}
        start += element.count * kind.itemsize
    if start < len(content):
        raise InputError(
            f"{path}: {len(content) - start} bytes after the last element; none expected.",
            hint="The header does not fit the data; write the file again.",
        )
    return _checked(path, columns, triangles)


def _binary_faces(
    path: Path, content: bytes, start: int, element: _Element, order: str
) -> tuple[NDArray[np.int64], int]:
    """Read faces: the triangles of their first list, ``(T, 3)``, and where the next element begins."""
    listed = [k for k, (_, count, _) in enumerate(element.properties) if count]
    rows = _equal_rows(content, start, element, order)
    if rows is not None and rows[f"v{listed[0]}"].shape[1:] == (3,):
        return rows[f"v{listed[0]}"].astype(np.int64), start + rows.nbytes
    # Polygons are lists of Python, each corner a number of its own.
    held = element.count * _BYTES_A_POLYGON + (len(content) - start) * _BYTES_A_CORNER
    require_room(path, held, f"{element.count} polygons", most=len(content))
    polygons: list[list[int]] = []
    for spans in _spans(path, content, start, element, order):
        at, kind, length = spans[listed[0]]
        polygons.append(np.frombuffer(content, kind, length, at).astype(np.int64).tolist())
        start = _end(spans)
    return _fans(path, polygons), start


def _binary_rows(
    path: Path, content: bytes, start: int, element: _Element, order: str
) -> tuple[dict[str, NDArray[np.float64]], int]:
    """Read the numbers of an element with lists, without these, and where the next element begins."""
    kept = [k for k, (_, count, _) in enumerate(element.properties) if not count]
    rows = _equal_rows(content, start, element, order)
    if rows is not None:
        return {element.properties[k][0]: as_float64(rows[f"v{k}"]) for k in kept}, start + rows.nbytes
    require_room(path, element.count * 8 * (len(kept) + 1), f"{element.count} {element.name} rows", most=len(content))
    values = np.empty((element.count, len(kept)))
    for number, spans in enumerate(_spans(path, content, start, element, order)):
        for column, k in enumerate(kept):
            at, kind, _ = spans[k]
            values[number, column] = as_float64(np.frombuffer(content, kind, 1, at))[0]
        start = _end(spans)
    return {name: values[:, column].copy() for column, name in enumerate(element.numbers)}, start


def _equal_rows(content: bytes, start: int, element: _Element, order: str) -> NDArray[np.void] | None:
    """Return the rows of an element whose lists are as long in each row as in the first; None if they are not."""
    if not element.count:
        return None
    fixed: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    lengths: dict[str, int] = {}
    place = start
    for k, (_, count, kind) in enumerate(element.properties):
        if count:
            counted = np.frombuffer(content[place : place + np.dtype(count).itemsize], order + count)
            if not len(counted) or not 0 <= counted[0] <= len(content):
                return None
            lengths[f"n{k}"] = int(counted[0])
            fixed += [(f"n{k}", order + count), (f"v{k}", order + kind, (lengths[f"n{k}"],))]
        else:
            fixed.append((f"v{k}", order + kind))
        place = start + np.dtype(fixed).itemsize
    row = np.dtype(fixed)
    if element.count * row.itemsize > len(content) - start:
        return None
    rows = np.frombuffer(content, row, element.count, start)
    return rows if all((rows[name] == length).all() for name, length in lengths.items()) else None


_Span = tuple[int, np.dtype[np.generic], int]
"""Place of a property in the file, type of its numbers, and how many there are."""


def _spans(path: Path, content: bytes, start: int, element: _Element, order: str) -> Iterator[list[_Span]]:
    """Yield the places of the properties of each row of an element with lists of any lengths."""
    kinds = [
        (np.dtype(order + count) if count else None, np.dtype(order + kind)) for _, count, kind in element.properties
    ]
    what = "points" if element.name == "vertex" else "faces" if element.name == "face" else element.name
    for number in range(element.count):
        found: list[_Span] = []
        for count, kind in kinds:
            length = 1
            if count is not None:
                counted = np.frombuffer(content[start : start + count.itemsize], count)
                if not len(counted):
                    raise wrong_count_error(path, element.count, number, what)
                length, start = int(counted[0]), start + count.itemsize
            found.append((start, kind, length))
            start += max(length, 0) * kind.itemsize
            if length < 0 or start > len(content):
                raise wrong_count_error(path, element.count, number, what)
        yield found


def _end(spans: list[_Span]) -> int:
    at, kind, length = spans[-1]
    return at + length * kind.itemsize


def _fans(path: Path, polygons: list[list[int]]) -> NDArray[np.int64]:
    if any(len(corners) < 3 for corners in polygons):
        raise InputError(f"{path}: a face of fewer than 3 corners; triangles or polygons expected.", hint="Correct it.")
    triangles = [(corners[0], second, third) for corners in polygons for second, third in pairwise(corners[1:])]
    return np.asarray(triangles, dtype=np.int64).reshape(-1, 3)


def _checked(path: Path, columns: Mapping[str, NDArray[np.float64]], triangles: NDArray[np.int64] | None) -> Ply:
    count = len(next(iter(columns.values()), ()))
    if triangles is not None and len(triangles) and not 0 <= triangles.min() <= triangles.max() < count:
        raise InputError(
            f"{path}: a face names vertex {triangles.max()}; 0 to {count - 1} expected.", hint="Copy the file again."
        )
    return Ply(columns, triangles if triangles is not None and len(triangles) else None)
