"""What every reader of images hands back, and the error of a damaged file.

A reader gives the stored values with their grid; what the values mean, and whether they can be used, is for
`vision_cli.io.volumes.volumes` to say, once for all formats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError

Matrix = NDArray[np.float64]

_TILTED = 1e-3
_ACROSS = 0.1
_ORTHOGONAL = 1e-3


@dataclass(frozen=True)
class SlicePlane:
    """The place of a slice in space.

    Attributes
    ----------
    axis
        The axis of one voxel in the file.
    vox2ras
        ``(4, 4)``, voxel index of the file to RAS mm.
    frame
        ``(4, 4)``, mm along the two axes of the plane and across it to RAS mm; the slice lies at 0 mm across.
    """

    axis: int
    vox2ras: Matrix
    frame: Matrix

    @property
    def thickness(self) -> float:
        """Length of the voxels across the slice, in mm."""
        return float(np.linalg.norm(self.vox2ras[:3, self.axis]))


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
    plane
        Place in space of a file of one slice, whose data has two axes; None for other images.
    """

    data: NDArray[np.generic]
    vox2ras: Matrix
    dtype: np.dtype[np.generic]
    notes: tuple[str, ...] = ()
    plane: SlicePlane | None = None


def ras_from_lps(vox2lps: Matrix) -> Matrix:
    """Turn a matrix to LPS mm into one to RAS mm, or back: the signs of x and y change."""
    flip = np.ones(len(vox2lps))
    flip[:2] = -1
    # Adding 0 turns -0 into 0.
    return np.asarray(flip[:, None] * vox2lps + 0.0, dtype=np.float64)


def pixel_grid(ndim: int, spacing: Sequence[float] | None = None) -> Matrix:
    """Return the grid of an image without geometry: ITK's, the identity in LPS, 1 mm unless said."""
    return ras_from_lps(np.diag([*(spacing if spacing is not None else [1.0] * ndim), 1.0]))


def slice_grid(vox2ras: Matrix) -> tuple[Matrix, tuple[str, ...]]:
    """Return the grid of a single slice, ``(3, 3)``, from its ``(4, 4)`` one, and what to note.

    It is the part in the plane of x and y, as ITK has it. Of a slice that is tilted against this plane the
    nearest rotation is taken, and of one across the body none, so that its pixels keep their sizes.
    """
    flat = np.eye(3)
    flat[:2, :2], flat[:2, 2] = vox2ras[:2, :2], vox2ras[:2, 3]
    lengths = np.linalg.norm(vox2ras[:3, :2], axis=0)
    if not np.all(np.isfinite(flat)) or not np.all(lengths > 0):
        return flat, ()
    if np.all(np.abs(vox2ras[2, :2]) < _TILTED * lengths):
        return flat, ()
    left, stretches, right = np.linalg.svd(flat[:2, :2] / lengths)
    if stretches[-1] < _ACROSS:
        note = "the slice does not lie in the plane of x and y; only its pixel sizes were used"
        return pixel_grid(2, lengths.tolist()), (note,)
    flat[:2, :2] = left @ right * lengths
    return flat, ("the slice is tilted against the plane of x and y; its nearest place in this plane was used",)


def is_orthogonal(vox2ras: Matrix) -> bool:
    """Return whether the axes of a grid stand at right angles."""
    axes = vox2ras[:-1, :-1]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.all(lengths > 0):
        return False
    cosines = (axes / lengths).T @ (axes / lengths)
    return bool(np.abs(cosines - np.eye(len(axes))).max() < _ORTHOGONAL)


def without_trailing_ones(data: NDArray[np.generic]) -> NDArray[np.generic]:
    """Drop trailing axes of one entry, down to two axes."""
    while data.ndim > 2 and data.shape[-1] == 1:
        data = data[..., 0]
    return data


def pick_volume(path: Path, shape: Sequence[int], volume: int | None) -> tuple[int | None, tuple[str, ...]]:
    """Return which entry of the fourth axis to read, None where there is no such axis, and what to note.

    Raises
    ------
    InputError
        If the image is neither 2D nor 3D and no volume is picked, or there is no volume of this number.
    """
    used = list(shape)
    while len(used) > 2 and used[-1] == 1:
        used.pop()
    if len(used) < 2 or min(used) < 1:
        raise InputError(f"{path}: array of shape {tuple(shape)}; 2D or 3D image expected.", hint="Give another file.")
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
