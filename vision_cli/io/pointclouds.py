"""Point clouds and meshes in memory, and their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import MissingError


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
        Further numbers of each point, ``(N,)`` by name.
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
