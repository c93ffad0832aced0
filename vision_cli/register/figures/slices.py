"""Slices of a volume in radiological convention: their selection, orientation and size in mm.

The patient's right, or anterior, is on the left of the picture, and superior, or anterior, at its top. An oblique grid
is cut along its own axes, each named after the nearest body axis.
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
"""Name, and the body axes (0 right, 1 anterior, 2 superior) through, up and across the picture."""
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
        Whether the picture is reversed along these array axes.
    crop
        First index and one past the last index shown, on both axes.
    pixel_mm
        Height and width of a pixel in mm.
    directions
        ``(2, D)``, unit vectors in RAS space that point down and right in the picture.
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
        """Height and width of the picture in mm."""
        (top, bottom), (left, right) = self.crop
        return (bottom - top) * self.pixel_mm[0], (right - left) * self.pixel_mm[1]

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the pixel centres, across ``(W,)`` and down ``(H,)``, in mm from the top left corner."""
        (top, bottom), (left, right) = self.crop
        height, width = self.pixel_mm
        across = np.arange(0.5, right - left, dtype=np.float64) * width
        return across, np.arange(0.5, bottom - top, dtype=np.float64) * height

    def cut(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return this slice of ``(*grid)`` or ``(*grid, C)``, as ``(H, W)`` or ``(H, W, C)``, the top row first."""
        plane = values if self.through is None else values.take(self.through[1], axis=self.through[0])
        if self.axes[0] > self.axes[1]:
            plane = plane.swapaxes(0, 1)
        (top, bottom), (left, right) = self.crop
        down, across = (-1 if flip else 1 for flip in self.flipped)
        return plane[top:bottom, left:right][::down, ::across]


def foreground(image: NDArray[Any], share: float = 0.25) -> NDArray[np.bool_]:
    """Return the voxels of the subject, ``(*grid)``: those above a share of Otsu's threshold, all if there is none."""
    values = np.asarray(image, dtype=np.float32) - image.min()
    sample = values.ravel()[:: max(1, values.size // _SAMPLE)]
    inside: NDArray[np.bool_] = values > share * otsu_threshold(sample)
    return inside if inside.any() else np.ones_like(inside)


def choose_views(grid: Grid, image: NDArray[Any]) -> tuple[View, ...]:
    """Return the axial, coronal and sagittal slice that show most of the subject; for a 2D image, the image.

    Slices are ranked by their number of bright voxels: in a head, brain rather than neck.

    Parameters
    ----------
    grid
        Grid of the image.
    image
        ``(*grid.shape)``.
    """
    inside, bright = foreground(image), foreground(image, 1.0)
    # The nearest body axis of each array axis, and whether they have the same direction.
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
        index = _largest_slice(bright, axis, float(grid.spacing[axis]))
        views.append(view(f"{name}, {'ijk'[axis]} = {index}", (axis, index), up, across))
    return tuple(views)


def _profile(inside: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """Return the number of voxels of the subject in each slice along an axis."""
    others = tuple(a for a in range(inside.ndim) if a != axis)
    return np.asarray(np.count_nonzero(inside, axis=others), dtype=np.float64)


def _largest_slice(bright: NDArray[np.bool_], axis: int, spacing: float) -> int:
    from scipy import ndimage

    return int(np.argmax(ndimage.gaussian_filter1d(_profile(bright, axis), _SMOOTH_MM / spacing, mode="constant")))


def _crop(inside: NDArray[np.bool_], axis: int, spacing: float) -> tuple[int, int]:
    hit = np.flatnonzero(_profile(inside, axis))
    pad = round(_MARGIN_MM / spacing)
    return max(0, int(hit[0]) - pad), min(inside.shape[axis], int(hit[-1]) + 1 + pad)
