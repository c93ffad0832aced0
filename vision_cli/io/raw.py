"""What every reader of images hands back, and the check of a header's claims before memory is taken.

A reader gives the stored values with their grid; what the values mean, and whether they can be used, is for
`vision_cli.io.volumes` to say, once for all formats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.devices import available_memory
from vision_cli.core.errors import InputError

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class RawImage:
    """Values as stored and their grid.

    Attributes
    ----------
    data
        ``(X, Y)`` or ``(X, Y, Z)``, in the order of NIfTI.
    vox2ras
        ``(D + 1, D + 1)``, voxel index to RAS mm.
    dtype
        The type that holds the values without loss: the type on disk, or float32 where the file scales it.
    notes
        What was assumed or ignored while reading.
    """

    data: NDArray[np.generic]
    vox2ras: Matrix
    dtype: np.dtype[np.generic]
    notes: tuple[str, ...] = ()


def ras_from_lps(vox2lps: Matrix) -> Matrix:
    """Turn a matrix to LPS mm into one to RAS mm, or back: the signs of x and y change."""
    flip = np.ones(len(vox2lps))
    flip[:2] = -1
    return np.asarray(flip[:, None] * vox2lps, dtype=np.float64)


def pixel_grid(ndim: int, spacing: Sequence[float] | None = None) -> Matrix:
    """Give the grid of an image without geometry: ITK's, the identity in LPS, 1 mm unless said."""
    return ras_from_lps(np.diag([*(spacing if spacing is not None else [1.0] * ndim), 1.0]))


def pick_volume(path: Path, shape: Sequence[int], volume: int | None) -> tuple[int | None, tuple[str, ...]]:
    """Say which entry of the fourth axis to read, None where there is no such axis, and what to note.

    Raises
    ------
    InputError
        If the image is neither 2D nor 3D and no volume is picked, or there is no volume of this number.
    """
    used = list(shape)
    while len(used) > 2 and used[-1] == 1:
        used.pop()
    if len(used) < 2 or min(used) < 1:
        raise InputError(
            f"{path}: array of shape {tuple(shape)}; 2D or 3D image expected.", hint="Give another file."
        )
    if len(used) <= 3:
        note = () if volume is None else (f"the image is {len(used)}D, so volume {volume} was not picked",)
        return None, note
    if len(used) > 4:
        raise InputError(
            f"{path}: {len(used)}D image {tuple(used)}; 3D expected.", hint="Split the image into 3D files."
        )
    if volume is None:
        raise InputError(
            f"{path}: 4D image {tuple(used)}; 3D expected.",
            hint="Pick a volume with --volume N or split the series.",
        )
    if not 0 <= volume < used[3]:
        raise InputError(
            f"{path}: volume {volume} asked for; 0 to {used[3] - 1} expected.",
            hint="Choose another --volume.",
        )
    return volume, ()


def require_memory(path: Path, shape: Sequence[int], itemsize: int) -> None:
    """Refuse an image whose header claims more than the memory at hand, before any of it is taken.

    Raises
    ------
    InputError
        If the stored values with their float32 copy would not fit.
    """
    needed = math.prod(int(n) for n in shape) * (itemsize + 4)
    available = available_memory()
    if needed > available:
        raise InputError(
            f"{path}: the header claims {tuple(int(n) for n in shape)} voxels, {needed / 2**30:.1f} GiB; "
            f"at most {available / 2**30:.1f} GiB of free memory expected.",
            hint="Crop or resample the image, or use a machine with more memory.",
        )
