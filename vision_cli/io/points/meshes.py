"""STL and OBJ files: triangles in, with what a file declares checked against what it holds."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.limits import require_memory_for
from vision_cli.io.points.point_text import as_float64, parse_rows, require_cloud_file, wrong_count_error

Surface = tuple[NDArray[np.float64], NDArray[np.int64]]
"""Vertices ``(V, 3)`` and triangles ``(T, 3)``."""

_STL_START, _STL_ROW = 84, 50
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_CORNER = re.compile(rb"^\s*vertex\s+(.*)$", re.MULTILINE | re.IGNORECASE)
_FACET_END = re.compile(rb"^\s*endfacet\b", re.MULTILINE | re.IGNORECASE)
_CONTINUED = re.compile(rb"\\[ \t]*\r?\n")
"""A backslash at its end continues a line of OBJ on the next one."""

_SOLID_END = re.compile(rb"endsolid[^\n]*\s*\Z", re.IGNORECASE)


def read_stl(path: Path) -> Surface:
    """Read an STL file, ASCII or binary; corners at the same place become one vertex, in the order of the file.

    Raises
    ------
    InputError
        If the file is damaged, cut short, or holds another number of triangles than its header declares.
    """
    size = require_cloud_file(path)
    content = path.read_bytes()
    declared = int(np.frombuffer(content[80:84], "<u4")[0]) if size >= _STL_START else -1
    # Some programs begin binary files with "solid" too, so the length decides.
    if declared >= 0 and size == _STL_START + _STL_ROW * declared:
        corners = as_float64(np.frombuffer(content, _FACET, declared, _STL_START)["corners"].reshape(-1, 3))
    elif content.lstrip()[:5].lower() == b"solid" and b"\0" not in content[:256]:
        corners = _ascii_corners(path, content)
    elif declared >= 0:
        raise wrong_count_error(path, declared, (size - _STL_START) // _STL_ROW, "triangles")
    else:
        raise InputError(f"{path}: {size} bytes; an STL header of 84 expected.", hint="Copy the file again.")
    if not len(corners):
        raise InputError(f"{path}: no triangles; a surface expected.", hint="Give another file.")
    if not np.isfinite(corners).all():
        raise InputError(f"{path}: corners that are NaN or infinite; finite expected.", hint="Write the file again.")
    return _merge_corners(corners)


def read_obj(path: Path) -> Surface:
    """Read vertices and faces of an OBJ file; polygons become fans, textures and materials are skipped.

    A file without faces gives no triangle.

    Raises
    ------
    InputError
        If there are no vertices, or a line of a vertex or a face is damaged.
    """
    size = require_cloud_file(path)
    # Words are objects of Python, of a letter or two each at worst.
    require_memory_for(path, size, 40, "characters")
    places, faces = [], []
    for number, line in enumerate(_CONTINUED.sub(b" ", path.read_bytes()).split(b"\n"), start=1):
        words = line.split(b"#")[0].split()
        if not words:
            continue
        if words[0] == b"v":
            # Weights and colours may follow the coordinates.
            if len(words) < 4:
                raise _bad_line(path, number, line, "three coordinates")
            places.append(b" ".join(words[1:4]))
        elif words[0] == b"f":
            faces.append((number, line, words[1:]))
    if not places:
        raise InputError(f"{path}: no vertices; lines that begin with v expected.", hint="Give another file.")
    vertices = parse_rows(path, b"\n".join(places), " ", 3)
    triangles = [corner for number, line, words in faces for corner in _fan(path, number, line, words, len(vertices))]
    return vertices, np.asarray(triangles, dtype=np.int64).reshape(-1, 3)


def _fan(path: Path, number: int, line: bytes, words: list[bytes], count: int) -> list[tuple[int, int, int]]:
    try:
        named = [int(word.split(b"/")[0]) for word in words]
    except ValueError:
        raise _bad_line(path, number, line, "numbers of vertices") from None
    # Negative numbers count from the last vertex; few files use them, and then after all vertices.
    corners = [n - 1 if n > 0 else count + n for n in named]
    if len(corners) < 3:
        raise _bad_line(path, number, line, "three corners or more")
    if not all(0 <= corner < count for corner in corners) or 0 in named:
        raise _bad_line(path, number, line, f"vertices 1 to {count}")
    return [(corners[0], second, third) for second, third in pairwise(corners[1:])]


def _ascii_corners(path: Path, content: bytes) -> NDArray[np.float64]:
    rows = _CORNER.findall(content)
    facets = len(_FACET_END.findall(content))
    if len(rows) != 3 * facets or not _SOLID_END.search(content):
        raise InputError(
            f"{path}: {len(rows)} corners in {facets} whole triangles; three each and endsolid expected.",
            hint="The file is cut short; copy it again.",
        )
    return parse_rows(path, b"\n".join(rows), " ", 3) if rows else np.empty((0, 3))


def _merge_corners(corners: NDArray[np.float64]) -> Surface:
    """Merge the corners at one place into one vertex: the triangles of an STL file share none."""
    # Adding 0 turns -0 into 0, so that equal places have equal bytes.
    rows = np.ascontiguousarray(corners + 0.0).view(np.dtype((np.void, 24))).ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return corners[first[order]], rank[inverse.ravel()].reshape(-1, 3)


def _bad_line(path: Path, number: int, line: bytes, expected: str) -> InputError:
    shown = line.strip()[:60].decode("utf-8", "replace")
    return InputError(
        f"{path}: line {number} is {shown!r}; {expected} expected.", hint="The file is damaged; copy it again."
    )
