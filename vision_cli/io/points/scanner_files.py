"""E57 (ASTM E2807) and LAS or LAZ (ASPRS) files of laser scanners, by the libraries of the extra ``scanners``.

Both formats declare how many points they hold; a file that is cut short is an error. Coordinates are those of the file
with the pose of each scan applied: E57 is in metres by its standard, LAS in the unit of its coordinate system.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, MissingError, VcliError
from vision_cli.io.limits import require_memory_for
from vision_cli.io.points.point_text import require_cloud_file, wrong_count_error

Columns = dict[str, NDArray[np.float64]]

_CARTESIAN = ("cartesianX", "cartesianY", "cartesianZ")
_SPHERICAL = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
_INVALID = {_CARTESIAN: "cartesianInvalidState", _SPHERICAL: "sphericalInvalidState"}
_CHUNK = 1 << 20
_HINT = "Copy the file again, or convert it to PLY."


def read_e57(path: Path) -> Columns:
    """Read the points of all scans of an E57 file, in their order, as columns x, y and z.

    Points that the scanner marked as invalid are NaN, so that every row of the file keeps its place. Each scan is moved
    by its own pose to the coordinates that all share.

    Parameters
    ----------
    path
        E57 file.

    Raises
    ------
    InputError
        If it is no E57 file, damaged, or holds no points.
    InputTooLarge
        If it does not fit into memory.
    MissingError
        If pye57 is not installed.
    """
    _require_magic(path, b"ASTM-E57")
    with _library(path, "pye57"):
        import pye57
    with _damaged(path, "an E57 file"), pye57.E57(str(path)) as file:
        headers = [file.get_header(number) for number in range(file.scan_count)]
        # Points are bit-packed, a constant coordinate in no bits at all: the size of the file bounds nothing.
        require_memory_for(path, sum(header.point_count for header in headers), 9 * 8, most=math.inf)
        scans = [_e57_scan(path, file, header) for header in headers if header.point_count]
        points = np.concatenate(scans) if scans else np.empty((0, 3))
    return dict(zip("xyz", np.ascontiguousarray(points.T), strict=True))


def read_las(path: Path) -> Columns:
    """Read the points of a LAS or LAZ file: columns x, y and z, and its extra dimensions by name.

    An extra dimension of several components is a column for each, ``name:0`` and so on.

    Parameters
    ----------
    path
        LAS or LAZ file.

    Raises
    ------
    InputError
        If it is no LAS file, damaged, or holds another number of points than it declares.
    InputTooLarge
        If it does not fit into memory.
    MissingError
        If laspy is not installed.
    """
    size = _require_magic(path, b"LASF")
    with _library(path, "laspy"):
        import laspy
    with _damaged(path, "a LAS file"), laspy.open(path) as reader:
        header = reader.header
        count, record = int(header.point_count), int(header.point_format.size)
        names = list(header.point_format.extra_dimension_names)
        # LAZ packs equal points without a bound; LAS does not pack.
        most = math.inf if header.are_points_compressed else size
        require_memory_for(path, count, record + 2 * 8 * (3 + len(names)), stored=count * record, most=most)
        parts = [_las_columns(points, names) for points in reader.chunk_iterator(_CHUNK)]
    found = {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}
    held = len(found.get("x", ()))
    if held != count:
        raise wrong_count_error(path, count, held)
    return found or {axis: np.empty(0) for axis in "xyz"}


def _e57_scan(path: Path, file: Any, header: Any) -> NDArray[np.float64]:
    """Return the points of one scan in the coordinates of the file, ``(N, 3)``."""
    fields = next((fields for fields in _INVALID if set(fields) <= set(header.point_fields)), None)
    if fields is None:
        raise InputError(
            f"{path}: fields {', '.join(header.point_fields)}; cartesian or spherical coordinates expected.",
            hint=_HINT,
        )
    mark = _INVALID[fields]
    wanted = [*fields, mark] if mark in header.point_fields else [*fields]
    columns, buffers = file.make_buffers(wanted, header.point_count)
    held = header.points.reader(buffers).read()
    if held != header.point_count:
        raise wrong_count_error(path, header.point_count, held)
    points = np.stack([columns[name] for name in fields], axis=1)
    if fields == _SPHERICAL:
        distance, azimuth, elevation = points.T
        flat = distance * np.cos(elevation)
        points = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), distance * np.sin(elevation)], axis=1)
    if mark in columns:
        # 1 is a direction without a distance, 2 nothing at all.
        points[columns[mark] != 0] = np.nan
    if header.has_pose():
        points = points @ np.asarray(header.rotation_matrix).T + header.translation
    return points


def _las_columns(points: Any, names: Sequence[str]) -> Columns:
    """Return the columns of a chunk of points."""
    found = {axis: np.asarray(points[axis], dtype=np.float64) for axis in "xyz"}
    for name in names:
        values = np.asarray(points[name], dtype=np.float64)
        if values.ndim == 1:
            found[name] = values
        else:
            found |= {f"{name}:{number}": values[:, number] for number in range(values.shape[1])}
    return found


def _require_magic(path: Path, magic: bytes) -> int:
    """Refuse a file that does not begin as its format does. Return its size in bytes."""
    size = require_cloud_file(path)
    with path.open("rb") as stream:
        start = stream.read(len(magic))
    if start != magic:
        raise InputError(
            f"{path}: begins with {start!r}; {magic.decode()} expected.",
            hint="Correct the suffix, or copy the file again.",
        )
    return size


@contextmanager
def _library(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingError(
            f"{path}: {name} is not installed, which reads {path.suffix.lower()[1:]} files.",
            hint="Install it with `uv sync --extra scanners`, or convert the file to PLY.",
        ) from error


@contextmanager
def _damaged(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a library raises over a damaged file into one `InputError`."""
    try:
        yield
    except (VcliError, MemoryError):
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = (lines[0] if lines else type(error).__name__).replace(str(path), path.name)
        raise InputError(f"{path}: damaged or cut short ({reason}); {kind} expected.", hint=_HINT) from error
