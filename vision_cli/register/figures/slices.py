"""Slices of a volume as radiologists look at them: which ones, which way up, and how large in mm.

The patient's right, or the front, is on the left of the picture, and the head, or the front, at its top. A grid
that stands oblique to the body is cut along its own axes, each named for the direction that it is nearest to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from vision_cli.register.optimisation.images import otsu_threshold
from vision_cli.register.transforms.fields import Grid

_PLANES = (("axial", 2, 1, 0), ("coronal", 1, 2, 0), ("sagittal", 0, 2, 1))
"""Name, and the body axes (0 to the right, 1 to the front, 2 to the head) through, up and across the picture."""
_MARGIN_MM = 6.0
_SMOOTH_MM = 4.0
_SAMPLE = 300_000


@dataclass(frozen=True)
class View:
    """A slice of a grid, cropped to the subject.

    Attributes
    ----------
    name
        Plane and slice number; empty for a 2D image.
    through
        Array axis through the slice and the index on it; None for a 2D image.
    axes
        Array axes down and across the picture.
    flipped
        Whether the picture runs down and across against its array axis.
    crop
        First and one past the last index shown on the two axes.
    pixel_mm
        Height and width of a pixel.
    directions
        ``(2, D)``, unit vectors in RAS space that point down and to the right of the picture.
    letters
        Body directions at the top, bottom, left and right of the picture; empty for a 2D image.
    """

    name: str
    through: tuple[int, int] | None
    axes: tuple[int, int]
    flipped: tuple[bool, bool]
    crop: tuple[tuple[int, int], tuple[int, int]]
    pixel_mm: tuple[float, float]
    directions: NDArray[np.float64]
    letters: str

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and width of the picture."""
        (top, bottom), (left, right) = self.crop
        return (bottom - top) * self.pixel_mm[0], (right - left) * self.pixel_mm[1]

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres of the pixels, across ``(W,)`` and down ``(H,)``, in mm from the top left corner."""
        (top, bottom), (left, right) = self.crop
        height, width = self.pixel_mm
        across = np.arange(0.5, right - left, dtype=np.float64) * width
        return across, np.arange(0.5, bottom - top, dtype=np.float64) * height

    def cut(self, values: NDArray[Any]) -> NDArray[Any]:
        """Take this slice of ``(*grid)`` or ``(*grid, C)``: ``(H, W)`` or ``(H, W, C)``, the top row first."""
        plane = values if self.through is None else values.take(self.through[1], axis=self.through[0])
        if self.axes[0] > self.axes[1]:
            plane = plane.swapaxes(0, 1)
        (top, bottom), (left, right) = self.crop
        down, across = (-1 if flip else 1 for flip in self.flipped)
        return plane[top:bottom, left:right][::down, ::across]


def foreground(image: NDArray[Any], share: float = 0.25) -> NDArray[np.bool_]:
    """Voxels that belong to the subject, ``(*grid)``: above a share of Otsu's threshold, or all if none is."""
    values = np.asarray(image, dtype=np.float32) - image.min()
    sample = values.ravel()[:: max(1, values.size // _SAMPLE)]
    inside: NDArray[np.bool_] = values > share * otsu_threshold(sample)
    return inside if inside.any() else np.ones_like(inside)


def choose_views(grid: Grid, image: NDArray[Any]) -> tuple[View, ...]:
    """Choose the axial, coronal and sagittal slice that show most of the subject; of a 2D image, the image.

    A slice counts by its bright voxels: of a head that is brain rather than neck and air.

    Parameters
    ----------
    grid
        Where the voxels lie.
    image
        ``(*grid.shape)``.
    """
    inside, bright = foreground(image), foreground(image, 1.0)
    # For each array axis the body axis that it is nearest to, and whether it runs along or against it.
    nearest = nib.io_orientation(grid.vox2ras)
    array_axis = {int(body): axis for axis, (body, _) in enumerate(nearest)}
    flipped = [bool(sign > 0) for _, sign in nearest]
    crops = [_crop(inside, axis, float(grid.spacing[axis])) for axis in range(grid.ndim)]
    unit = grid.vox2ras[:-1, :-1] / grid.spacing

    def view(name: str, through: tuple[int, int] | None, up: int, across: int) -> View:
        axes = array_axis[up], array_axis[across]
        signs = [-1 if flipped[axis] else 1 for axis in axes]
        return View(
            name,
            through,
            axes,
            (flipped[axes[0]], flipped[axes[1]]),
            (crops[axes[0]], crops[axes[1]]),
            (float(grid.spacing[axes[0]]), float(grid.spacing[axes[1]])),
            np.stack([sign * unit[:, axis] for sign, axis in zip(signs, axes, strict=True)]),
            "" if through is None else "RAS"[up] + "LPI"[up] + "RAS"[across] + "LPI"[across],
        )

    if grid.ndim == 2:
        return (view("", None, 1, 0),)
    views = []
    for name, through, up, across in _PLANES:
        axis = array_axis[through]
        index = _fullest(bright, axis, float(grid.spacing[axis]))
        views.append(view(f"{name}, {'ijk'[axis]} = {index}", (axis, index), up, across))
    return tuple(views)


def _profile(inside: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """Voxels of the subject on each slice across an axis."""
    others = tuple(a for a in range(inside.ndim) if a != axis)
    return np.asarray(np.count_nonzero(inside, axis=others), dtype=np.float64)


def _fullest(bright: NDArray[np.bool_], axis: int, spacing: float) -> int:
    from scipy import ndimage

    return int(np.argmax(ndimage.gaussian_filter1d(_profile(bright, axis), _SMOOTH_MM / spacing, mode="constant")))


def _crop(inside: NDArray[np.bool_], axis: int, spacing: float) -> tuple[int, int]:
    hit = np.flatnonzero(_profile(inside, axis))
    pad = round(_MARGIN_MM / spacing)
    return max(0, int(hit[0]) - pad), min(inside.shape[axis], int(hit[-1]) + 1 + pad)
