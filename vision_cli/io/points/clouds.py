"""Point clouds and meshes: what they are in memory, their files in all formats, and the import of open3d.

Files: ``pcd ply xyz txt asc csv pts npy e57 las laz`` hold points, ``stl obj ply`` meshes. A file that holds another
number of points than it declares is an error, never a shorter cloud. Rows that are NaN or infinite are kept in place,
for the caller to count. Coordinates are float64 in the unit of the file, which no format but E57 says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, MissingError
from vision_cli.io.limits import require_memory_for
from vision_cli.io.points.columns import find_coordinates, find_normals
from vision_cli.io.points.meshes import read_obj, read_stl
from vision_cli.io.points.pcd import read_pcd
from vision_cli.io.points.ply import read_ply, write_ply
from vision_cli.io.points.point_text import Rows, read_rows, require_cloud_file, wrong_count_error
from vision_cli.io.points.scanner_files import read_e57, read_las

__all__ = [
    "MESH_SUFFIXES",
    "POINT_SUFFIXES",
    "LabelledRows",
    "Mesh",
    "PointCloud",
    "import_open3d",
    "read_labels",
    "read_mesh",
    "read_points",
    "read_points_or_mesh",
    "write_ply",
]

_SCANNER_SUFFIXES = (".e57", ".las", ".laz")
POINT_SUFFIXES = (".pcd", ".ply", ".xyz", ".txt", ".asc", ".csv", ".pts", ".npy", ".stl", ".obj", *_SCANNER_SUFFIXES)
"""Suffixes of files that points can be read from."""

MESH_SUFFIXES = (".stl", ".obj", ".ply")
"""Suffixes of files that may hold triangles."""

_UNIT = 0.01
_AXIS_COUNTS, _LEAST_LONG = (3, 4, 6, 7, 9), 32
"""Arrays ``(K, N)`` of so few rows and of at least so many columns hold a point a column, not a row."""


@dataclass(frozen=True)
class PointCloud:
    """Points as a file holds them; rows that are NaN or infinite are kept.

    Attributes
    ----------
    points
        ``(N, 3)`` in the unit of the file.
    normals
        ``(N, 3)``, or None where the file has none.
    scalars
        Further numbers of each point, ``(N,)`` by name; columns of a text file without names are ``column_4`` and so
        on.
    """

    points: NDArray[np.float64]
    normals: NDArray[np.float64] | None = None
    scalars: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mesh:
    """A surface of triangles.

    Attributes
    ----------
    vertices
        ``(V, 3)`` in the unit of the file.
    triangles
        ``(T, 3)``, three vertices each, counter-clockwise seen from outside.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]


@dataclass(frozen=True)
class LabelledRows:
    """Ground truth of a scan.

    Attributes
    ----------
    points
        ``(N, 3)``, or None where the file holds labels alone.
    labels
        ``(N,)``, 1 where the part is defective, or None where the file lists points alone.
    """

    points: NDArray[np.float64] | None
    labels: NDArray[np.uint8] | None


def import_open3d() -> Any:
    """Import open3d, which needs libusb-1.0: that of the package libusb-package is loaded first.

    Raises
    ------
    MissingError
        If open3d cannot be imported all the same.
    """
    import ctypes

    try:
        import libusb_package

        library = libusb_package.get_library_path()
        if library is not None:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        import open3d
    except (ImportError, OSError) as error:
        raise MissingError(
            f"open3d cannot be imported ({error}).",
            hint="Install what it names: libx11-6, libgl1, libegl1 and libgomp1 are what a bare machine lacks most.",
        ) from error
    return open3d


def read_points(path: str | Path) -> PointCloud:
    """Read the points of a file, of a mesh its vertices.

    Parameters
    ----------
    path
        A file with one of `POINT_SUFFIXES`.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged, of another format, or holds another number of points than it declares.
    MissingError
        If an E57 or LAS file is read without the extra ``scanners``.
    """
    path = Path(path)
    suffix = _suffix(path, POINT_SUFFIXES)
    if suffix == ".pcd":
        cloud = _from_columns(path, read_pcd(path))
    elif suffix == ".ply":
        cloud = _from_columns(path, read_ply(path).columns)
    elif suffix == ".e57":
        cloud = _from_columns(path, read_e57(path))
    elif suffix in {".las", ".laz"}:
        cloud = _from_columns(path, read_las(path))
    elif suffix == ".npy":
        cloud = _from_rows(path, _read_npy(path))
    elif suffix in MESH_SUFFIXES:
        cloud = PointCloud(read_stl(path)[0] if suffix == ".stl" else read_obj(path)[0])
    else:
        cloud = _from_rows(path, read_rows(path))
    if not len(cloud.points):
        raise InputError(f"{path}: no points; one or more expected.", hint="Give another file.")
    return cloud


def read_mesh(path: str | Path) -> Mesh:
    """Read a mesh.

    Parameters
    ----------
    path
        A file with one of `MESH_SUFFIXES`.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged, of another format, or holds no triangles.
    """
    path = Path(path)
    suffix = _suffix(path, MESH_SUFFIXES)
    if suffix == ".ply":
        ply = read_ply(path)
        points, found = _from_columns(path, ply.columns).points, ply.triangles
    else:
        points, found = read_stl(path) if suffix == ".stl" else read_obj(path)
    if found is None or not len(found):
        raise InputError(f"{path}: no triangles; a mesh expected.", hint="Give it as a point cloud, or export a mesh.")
    if not np.isfinite(points).all():
        raise InputError(f"{path}: vertices that are NaN or infinite; finite expected.", hint="Write the file again.")
    return Mesh(points, found)


def read_points_or_mesh(path: str | Path) -> PointCloud | Mesh:
    """Read a mesh where the file holds triangles, else its points.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged, of another format, or holds another number of points than it declares.
    """
    path = Path(path)
    suffix = _suffix(path, POINT_SUFFIXES)
    if suffix == ".ply":
        ply = read_ply(path)
        cloud = _from_columns(path, ply.columns)
        return cloud if ply.triangles is None else Mesh(cloud.points, ply.triangles)
    if suffix in MESH_SUFFIXES:
        vertices, triangles = read_stl(path) if suffix == ".stl" else read_obj(path)
        return Mesh(vertices, triangles) if len(triangles) else PointCloud(vertices)
    return read_points(path)


def read_labels(path: str | Path) -> LabelledRows:
    """Read the ground truth of a scan: rows ``x y z label``, labels alone, or the defective points alone.

    Parameters
    ----------
    path
        A text file separated by blanks, commas or semicolons, a NumPy array, or a PCD, PLY or LAS file with a field
        ``label``. Labels other than 0 are defective.

    Raises
    ------
    InputError
        If the file is missing or damaged, or its rows have two columns or labels that are not finite.
    """
    path = Path(path)
    suffix = _suffix(path, POINT_SUFFIXES)
    if suffix in {".pcd", ".ply", *_SCANNER_SUFFIXES}:
        cloud = read_points(path)
        if "label" not in cloud.scalars:
            raise InputError(
                f"{path}: fields {', '.join(cloud.scalars) or 'x, y, z'}; label expected.", hint="Name the field label."
            )
        return LabelledRows(cloud.points, _as_labels(path, cloud.scalars["label"]))
    found = _read_npy(path) if suffix == ".npy" else read_rows(path)
    rows, width = found.values, found.values.shape[1]
    if width == 1:
        return LabelledRows(None, _as_labels(path, rows[:, 0]))
    if width == 2:
        raise InputError(f"{path}: 2 columns; x y z label expected.", hint="Write four columns, or one of labels.")
    axes = find_coordinates(found.names) if found.names else None
    points = rows[:, :3] if axes is None else rows[:, list(axes)]
    # Labels stand last, unless the file names their column.
    named = [number for number, name in enumerate(found.names) if name.lower() == "label"]
    return LabelledRows(points.copy(), None if width == 3 else _as_labels(path, rows[:, named[0] if named else -1]))


def _as_labels(path: Path, values: NDArray[np.float64]) -> NDArray[np.uint8]:
    if not np.isfinite(values).all():
        raise InputError(f"{path}: labels that are NaN or infinite; 0 or 1 expected.", hint="Correct the labels.")
    return np.asarray(values != 0, dtype=np.uint8)


def _from_columns(path: Path, columns: Mapping[str, NDArray[np.float64]]) -> PointCloud:
    names = tuple(columns)
    axes = find_coordinates(names)
    if axes is None:
        raise InputError(
            f"{path}: fields {', '.join(names) or 'none'}; x, y and z expected among them.",
            hint="Name the three columns of coordinates x, y and z.",
        )
    of_normals = find_normals(names)
    used = {*axes, *(of_normals or ())}
    scalars = {name: columns[name] for number, name in enumerate(names) if number not in used}
    normals = None if of_normals is None else np.stack([columns[names[number]] for number in of_normals], axis=1)
    return PointCloud(np.stack([columns[names[number]] for number in axes], axis=1), normals, scalars)


def _from_rows(path: Path, rows: Rows) -> PointCloud:
    width = rows.values.shape[1]
    if width < 3:
        raise InputError(f"{path}: {width} columns; x, y and z expected.", hint="Write one point a row.")
    # A comment may hold names or anything else; a line of names is meant.
    if rows.names and (rows.is_header or find_coordinates(rows.names) is not None):
        if len(set(rows.names)) < width:
            raise InputError(
                f"{path}: columns {', '.join(rows.names)}; each name once expected.", hint="Correct the line of names."
            )
        return _from_columns(path, {name: rows.values[:, k].copy() for k, name in enumerate(rows.names)})
    if width > 3 and len(rows.values) >= _LEAST_LONG and (np.diff(rows.values[:, 0]) == 1).all():
        raise InputError(
            f"{path}: the first of {width} columns counts the rows; x, y and z expected first.",
            hint="Name the columns in a first line, as: id x y z.",
        )
    normals, first = None, 3
    if width >= 6 and _are_unit(rows.values[:, 3:6]):
        normals, first = rows.values[:, 3:6].copy(), 6
    scalars = {f"column_{k + 1}": rows.values[:, k].copy() for k in range(first, width)}
    return PointCloud(rows.values[:, :3].copy(), normals, scalars)


def _are_unit(vectors: NDArray[np.float64]) -> bool:
    """Return whether these are normals and not colours: nearly all have length 1."""
    lengths = np.linalg.norm(vectors, axis=1)
    return bool(np.mean(np.abs(lengths - 1) < _UNIT) > 0.9)


def _read_npy(path: Path) -> Rows:
    """Read an array ``(N, K)``, ``(H, W, K)``, ``(K, N)`` or ``(K, H, W)`` as rows, or one of named numbers ``(N,)``.

    Pickled objects are never loaded.
    """
    size = require_cloud_file(path)
    try:
        with path.open("rb") as stream:
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(stream)
            start = stream.tell()
    except Exception as error:
        # NumPy reads the header as Python, so that a damaged one raises whatever Python's parser does.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"{path}: not a NumPy array ({reason}); points expected.", hint="Copy the file again."
        ) from error
    names = dtype.names or ()
    kinds = {dtype[name].kind if dtype[name].shape == () else "" for name in names} or {dtype.kind}
    if not kinds <= set("biuf") or len(shape) not in ((1,) if names else (1, 2, 3)):
        raise InputError(
            f"{path}: array of shape {shape} and type {dtype}; numbers of shape (N, 3) expected.",
            hint="Store one point a row, no objects.",
        )
    rows = int(np.prod(shape[:-1], dtype=object)) if len(shape) > 1 else shape[0]
    width = shape[-1] if len(shape) > 1 else 1
    row_bytes = width * dtype.itemsize
    require_memory_for(path, rows, row_bytes + 8 * max(width, len(names)), stored=rows * row_bytes, most=size)
    if size - start < rows * row_bytes:
        raise wrong_count_error(path, rows, (size - start) // max(row_bytes, 1))
    found = np.load(path, allow_pickle=False)
    if names:
        return Rows(np.stack([found[name].astype(np.float64) for name in names], axis=1), names, is_header=True)
    values = np.asarray(found, dtype=np.float64)
    if len(shape) > 1 and shape[0] in _AXIS_COUNTS and shape[-1] >= _LEAST_LONG:
        return Rows(np.ascontiguousarray(values.reshape(shape[0], -1).T))
    return Rows(values.reshape(rows, width))


def _suffix(path: Path, expected: Sequence[str]) -> str:
    suffix = path.suffix.lower()
    if suffix not in expected:
        raise InputError(
            f"{path}: suffix {suffix or 'none'}; {', '.join(s[1:] for s in expected)} expected.",
            hint="Convert the file, or correct its suffix.",
        )
    return suffix
