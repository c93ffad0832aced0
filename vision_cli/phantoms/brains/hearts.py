"""A beating heart in a chest, seen as thick short-axis slices at the end of diastole and of systole.

The axes of space are those of the heart: x from the right to the left ventricle, y to the anterior wall, z
from apex to base, in mm; the origin is the middle of the left ventricle.
Blood leaves through sinks on the axes of the ventricles, so that the wall thickens and keeps its volume, and
the base comes down towards the apex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.phantoms.arrays import Floats, Labels
from vision_cli.phantoms.brains.deformations import Deformation, compose, diffeomorphism
from vision_cli.phantoms.brains.pairs import PhantomGrid, PhantomPair, observe
from vision_cli.phantoms.brains.rendering import Scanner
from vision_cli.phantoms.brains.shapes import ellipsoid
from vision_cli.phantoms.noise import Waves

CINE_LABEL_NAMES: dict[int, str] = {1: "right ventricle", 2: "myocardium", 3: "left ventricle"}
"""Names of the labels, numbered as in the ACDC data set."""

_RIGHT, _MYOCARDIUM, _LEFT, _SOFT, _LUNG, _FAT, _LIVER, _BLOOD = 1, 2, 3, 4, 5, 6, 7, 8
_STRUCTURES = tuple(CINE_LABEL_NAMES)
_MEANS = {
    _RIGHT: 0.86,
    _MYOCARDIUM: 0.30,
    _LEFT: 0.90,
    _SOFT: 0.34,
    _LUNG: 0.06,
    _FAT: 0.95,
    _LIVER: 0.42,
    _BLOOD: 0.80,
}

_BASE_MM = 38.0
_RIGHT_AXIS = (-27.0, 5.0)
_RIGHT_SINK = (-46.0, 6.0)
"""Middle of the crescent that the right ventricle is where the left one stands in it."""

_STEP_MM = (4.0, 4.0, 5.0)
_PHASES = 4
_MARGIN_MM = 15.0
_SCANNER = Scanner(noise=0.025, shading=0.2, shading_mm=120.0, texture=0.05)


@dataclass(frozen=True)
class Heart:
    """A heart at the end of diastole.

    Attributes
    ----------
    cavity_mm
        Radius of the left ventricle at its widest.
    wall_mm
        Thickness of its wall.
    length_mm
        From base to the tip of the cavity.
    right_mm
        Radius of the right ventricle at its widest.
    uneven
        Makes the contours irregular.
    """

    cavity_mm: float
    wall_mm: float
    length_mm: float
    right_mm: float
    uneven: Waves

    @staticmethod
    def draw(rng: np.random.Generator) -> Heart:
        """Draw a healthy heart."""
        return Heart(
            cavity_mm=float(rng.uniform(22, 26)),
            wall_mm=float(rng.uniform(8, 10)),
            length_mm=float(rng.uniform(72, 80)),
            right_mm=float(rng.uniform(34, 38)),
            uneven=Waves.in_band(rng, (40.0, 90.0), count=16),
        )

    def tissues_at(self, points: Floats) -> Labels:
        """Return the tissues ``(N,)`` at points ``(3, N)`` in mm: 1 to 3 are the labels."""
        x, y, z = points
        uneven = 1.2 * self.uneven.at(points)
        base = (0, 0, _BASE_MM)
        cavity = ellipsoid(points, base, (self.cavity_mm, self.cavity_mm, self.length_mm)) + 0.4 * uneven
        wall = self.wall_mm
        thick = (self.cavity_mm + wall, self.cavity_mm + wall, self.length_mm + 0.8 * wall)
        outer = ellipsoid(points, base, thick) + 0.4 * uneven
        right_centre = (*_RIGHT_AXIS, _BASE_MM)
        right = ellipsoid(points, right_centre, (self.right_mm, 1.08 * self.right_mm, 0.86 * self.length_mm))
        right += uneven
        papillary = np.minimum(
            np.hypot(x - 0.45 * self.cavity_mm, y - 0.5 * self.cavity_mm),
            np.hypot(x - 0.2 * self.cavity_mm, y + 0.62 * self.cavity_mm),
        )
        tissues = _chest(points, uneven)
        heart = np.minimum(outer, right)
        tissues[heart < 4.5 + 2 * uneven] = _FAT
        tissues[heart < 2.5] = _SOFT
        above = z > _BASE_MM + 6 + 0.12 * x
        tissues[right < 0] = _RIGHT
        tissues[outer < 0] = _MYOCARDIUM
        tissues[cavity < 0] = _LEFT
        tissues[(cavity < -2) & (papillary < 3.4) & (np.abs(z + 2) < 16)] = _MYOCARDIUM
        tissues[above & ((cavity < 0) | (right < 0))] = _BLOOD
        tissues[above & (outer < 0) & (cavity >= 0)] = _SOFT
        return tissues


def cine_pair(
    seed: int,
    shape: Sequence[int] = (128, 128, 9),
    spacing: Sequence[float] = (1.5, 1.5, 10.0),
) -> PhantomPair:
    """Draw a heart and scan it at the end of diastole (fixed) and of systole (moving).

    Parameters
    ----------
    seed
        Decides everything.
    shape, spacing
        Voxels, and mm a voxel; the third axis runs through the slices.
    """
    shapes, scans = np.random.default_rng(seed).spawn(2)
    heart = Heart.draw(shapes)
    grid = PhantomGrid.oriented(shape, spacing, axcodes="RAS", centre=(0, 0, 0))
    beat = _contraction(heart, shapes, grid)
    images, labels = [], []
    for pull_back, rng in zip((lambda points: points, beat.unmap), scans.spawn(2), strict=True):
        samples = observe(heart.tissues_at, grid, pull_back)
        images.append(_SCANNER.take(_MEANS, samples, grid.spacing, rng))
        labels.append(np.where(np.isin(samples[0], _STRUCTURES), samples[0], 0).astype(np.uint8))
    points = grid.points()
    return PhantomPair(
        fixed=images[0],
        moving=images[1],
        fixed_labels=labels[0],
        moving_labels=labels[1],
        fixed_vox2ras=grid.vox2ras,
        moving_vox2ras=grid.vox2ras,
        displacement=(beat.map(points) - points).reshape(3, *grid.shape),
        fixed_to_moving_ras=np.eye(4),
        label_names=CINE_LABEL_NAMES,
    )


def _chest(points: Floats, uneven: Floats) -> Labels:
    """Return the tissues around the heart: lungs and liver in the wall of the chest."""
    x, y, z = points
    tissues = np.zeros(points.shape[1], np.uint8)
    chest = np.hypot(x / 92, (y + 8) / 78) - 1
    tissues[chest < 0] = _FAT
    tissues[chest < -0.08] = _SOFT
    tissues[chest < -0.16 + 0.01 * uneven] = _LUNG
    liver = (y < -26 - 0.25 * x + 2 * uneven) & (x < 20) & (z < 28)
    tissues[(chest < -0.14) & liver] = _LIVER
    tissues[np.hypot(x - 30, y + 62) < 11] = _BLOOD
    return tissues


def _contraction(heart: Heart, rng: np.random.Generator, grid: PhantomGrid) -> Deformation:
    """Return the map from diastole to systole over a grid.

    A sink of constant strength would empty the middle of a cavity first. The contraction is a sequence of
    short phases, each with sinks as wide as the cavities then are, which shrinks the blood pool evenly.
    """
    low, high = grid.box(_MARGIN_MM)
    shape = [int(np.ceil((b - a) / step)) + 1 for a, b, step in zip(low, high, _STEP_MM, strict=True)]
    axes = [a + step * np.arange(n) for a, step, n in zip(low, _STEP_MM, shape, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    along = np.clip((z - _BASE_MM + heart.length_mm + 6) / heart.length_mm, 0, 1.1)
    ejected = float(rng.uniform(0.68, 0.78))
    descent = float(rng.uniform(9, 13)) * np.exp(-((((x + 22) ** 2 + y**2) / 75**2) ** 2))
    widening = along / heart.length_mm
    shortening = descent * np.stack([widening * x, widening * y, -(along**2)])
    forward = inverse = np.zeros((3, *shape), np.float32)
    for phase in range(1, _PHASES + 1):
        velocity = shortening / _PHASES
        for (cx, cy), radius, share in (
            ((0.0, 0.0), heart.cavity_mm, ejected),
            (_RIGHT_SINK, heart.right_mm, 0.35 * ejected),
        ):
            offsets = np.stack([x - cx, y - cy])
            squared = (offsets**2).sum(axis=0)
            width = radius**2 * (1 - share * phase / _PHASES)
            flow = 0.5 * share / _PHASES * radius**2 * np.sqrt(along) * np.exp(-squared / 70**2)
            velocity[:2] -= flow * offsets / np.maximum(squared, width)
        step, step_back = diffeomorphism(velocity.astype(np.float32), _STEP_MM)
        forward = compose(forward, step, _STEP_MM)
        inverse = compose(step_back, inverse, _STEP_MM)
    return Deformation(forward, inverse, low, _STEP_MM)
