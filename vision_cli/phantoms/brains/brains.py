"""Generated heads: label maps, images in several contrasts, and pairs for registration with known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vision_cli.phantoms.arrays import Floats, Labels
from vision_cli.phantoms.brains.deformations import Deformation
from vision_cli.phantoms.brains.heads import LABEL_NAMES, OUTSIDE_THE_SKULL, RIGHT_OF, Head
from vision_cli.phantoms.brains.pairs import (
    Anatomy,
    PhantomGrid,
    PhantomPair,
    observe,
    residual_affine,
    transform_points,
)
from vision_cli.phantoms.brains.rendering import Scanner

Contrast = Literal["t1", "t2", "random"]

HEAD_CENTRE = (0.0, -9.0, -2.0)
"""Middle of a head in RAS mm; the origin is the anterior commissure."""

_MARGIN_MM = 24.0
_SLICE_MM = 10.0
"""Height of the axial slice: through ventricles, thalamus and basal ganglia."""

_T1 = {
    2: 0.82, 3: 0.50, 4: 0.14, 7: 0.77, 8: 0.51, 10: 0.66, 11: 0.55, 12: 0.59, 13: 0.69, 14: 0.14, 15: 0.15,
    16: 0.72, 17: 0.53, 18: 0.52, 24: 0.16, 165: 0.12, 192: 0.84, 201: 0.95, 202: 0.42, 203: 0.20,
}  # fmt: skip
_T2 = {
    2: 0.38, 3: 0.55, 4: 0.98, 7: 0.39, 8: 0.53, 10: 0.47, 11: 0.52, 12: 0.48, 13: 0.34, 14: 0.97, 15: 0.96,
    16: 0.42, 17: 0.56, 18: 0.56, 24: 0.92, 165: 0.10, 192: 0.35, 201: 0.62, 202: 0.24, 203: 0.90,
}  # fmt: skip
_SPREAD_BETWEEN_SCANS = 0.03


def brain_labels(shape: Sequence[int], spacing: Sequence[float], rng: np.random.Generator) -> Labels:
    """Draw a head and label it on a grid in RAS orientation around :data:`HEAD_CENTRE`.

    Parameters
    ----------
    shape, spacing
        Voxels, and mm a voxel, along R, A and S. A whole head takes about 190 x 225 x 190 mm.
    rng
        Where the random numbers come from. The head does not depend on the grid.

    Returns
    -------
    ndarray
        ``(X, Y, Z)`` uint8 with the numbers of :data:`LABEL_NAMES`; 0 is air.
    """
    grid = PhantomGrid.oriented(shape, spacing, axcodes="RAS", centre=HEAD_CENTRE)
    return Head.draw(rng).labels_at(grid.points()).reshape(grid.shape)


def draw_means(rng: np.random.Generator, contrast: Contrast) -> dict[int, float]:
    """Draw the mean intensity of each label in a contrast; both hemispheres have the same."""
    if contrast == "random":
        means = {label: float(rng.uniform(0.05, 1)) for label in _T1}
    else:
        usual = {"t1": _T1, "t2": _T2}[contrast]
        means = {label: mean * float(np.exp(rng.normal(0, _SPREAD_BETWEEN_SCANS))) for label, mean in usual.items()}
    return means | {right: means[left] for left, right in RIGHT_OF.items()}


def render(
    labels: Labels,
    rng: np.random.Generator,
    contrast: Contrast = "t1",
    *,
    spacing: Sequence[float],
    scanner: Scanner | None = None,
) -> Floats:
    """Render a label map as an image.

    Parameters
    ----------
    labels
        ``(X, Y, Z)`` or ``(X, Y)`` with the numbers of :data:`LABEL_NAMES`.
    rng
        Where the random numbers come from.
    contrast
        ``"t1"``, ``"t2"``, or ``"random"``: an intensity of its own for each label.
    spacing
        Voxel size in mm along each axis.
    scanner
        Noise, shading and sharpness; the usual scanner if not given.

    Returns
    -------
    ndarray
        Same shape, float32, not negative, about 1 in the brightest tissue.
    """
    return (scanner or Scanner()).take(draw_means(rng, contrast), [labels], spacing, rng)


@dataclass(frozen=True)
class Difference:
    """How two generated heads differ.

    Attributes
    ----------
    deform_mm, correlation_mm
        Standard deviation and correlation length of the velocity that deforms each of the two heads.
    shift_mm, angle_deg
        How far and by what angle the moving head is shifted and turned, in random directions.
    stretch
        Largest share by which the moving head is longer or shorter along each axis.
    """

    deform_mm: float = 2.5
    correlation_mm: float = 24.0
    shift_mm: float = 5.0
    angle_deg: float = 5.0
    stretch: float = 0.03


def brain_pair(
    seed: int,
    shape: Sequence[int] = (96, 112, 96),
    spacing: Sequence[float] = (2.0, 2.0, 2.0),
    contrasts: tuple[Contrast, Contrast] = ("t1", "t1"),
    *,
    strip: bool = False,
    difference: Difference | None = None,
    fixed_axcodes: str = "RAS",
    moving_axcodes: str = "RAS",
    moving_spacing: Sequence[float] | None = None,
    moving_oblique_deg: float = 0.0,
) -> PhantomPair:
    """Draw two heads that are deformations of one, and scan each.

    Parameters
    ----------
    seed
        Decides everything; anatomy and deformations do not depend on the contrasts.
    shape, spacing
        Grid of the fixed image: voxels, and mm a voxel, along R, A and S, whatever order the array has.
    contrasts
        Contrast of the fixed and of the moving image, as in :func:`render`.
    strip
        Leave out all that is outside the skull's inner surface.
    difference
        How the heads differ; the usual if not given.
    fixed_axcodes, moving_axcodes
        Directions of the arrays' axes.
    moving_spacing
        mm a voxel of the moving image along R, A and S, over the same field of view; as the fixed one if not
        given.
    moving_oblique_deg
        Angle by which the grid of the moving image is turned about the diagonal of space.
    """
    fixed_grid = PhantomGrid.oriented(shape, spacing, axcodes=fixed_axcodes, centre=HEAD_CENTRE)
    moving_step = spacing if moving_spacing is None else moving_spacing
    moving_grid = PhantomGrid.oriented(
        [max(1, round(n * old / new)) for n, old, new in zip(shape, spacing, moving_step, strict=True)],
        moving_step,
        axcodes=moving_axcodes,
        centre=HEAD_CENTRE,
        oblique_deg=moving_oblique_deg,
    )
    streams = np.random.default_rng(seed).spawn(3)
    anatomy = _anatomy(Head.draw(streams[0]), strip)
    return _scan_two(
        anatomy, (fixed_grid, moving_grid), HEAD_CENTRE, contrasts, difference or Difference(), streams[1:]
    )


def slice_pair(
    seed: int,
    shape: Sequence[int] = (96, 112),
    spacing: Sequence[float] = (2.0, 2.0),
    contrasts: tuple[Contrast, Contrast] = ("t1", "t1"),
    *,
    strip: bool = False,
    difference: Difference | None = None,
) -> PhantomPair:
    """Draw an axial slice of a head in two deformations within its plane, and scan each.

    The parameters are those of :func:`brain_pair`, in the axes R and A.
    """
    grid = PhantomGrid.oriented(shape, spacing, axcodes="RA", centre=HEAD_CENTRE[:2])
    streams = np.random.default_rng(seed).spawn(3)
    whole = _anatomy(Head.draw(streams[0]), strip)

    def in_plane(points: Floats) -> Labels:
        return whole(np.concatenate([points, np.full((1, points.shape[1]), _SLICE_MM, np.float32)]))

    return _scan_two(in_plane, (grid, grid), HEAD_CENTRE[:2], contrasts, difference or Difference(), streams[1:])


def _anatomy(head: Head, strip: bool) -> Anatomy:
    if not strip:
        return head.labels_at
    kept = np.arange(256, dtype=np.uint8)
    kept[list(OUTSIDE_THE_SKULL)] = 0
    return lambda points: kept[head.labels_at(points)]


def _scan_two(
    anatomy: Anatomy,
    grids: tuple[PhantomGrid, PhantomGrid],
    centre: Sequence[float],
    contrasts: tuple[Contrast, Contrast],
    difference: Difference,
    streams: Sequence[np.random.Generator],
) -> PhantomPair:
    """Deform an anatomy in two ways and scan each on its grid; the streams are for shapes and for scans."""
    shapes, scans = streams
    fixed_grid, moving_grid = grids
    box = fixed_grid.box(_MARGIN_MM)
    fixed_deformation, moving_deformation = (
        Deformation.draw(shapes, *box, std_mm=difference.deform_mm, correlation_mm=difference.correlation_mm)
        for _ in grids
    )
    pose = residual_affine(
        shapes,
        shift_mm=difference.shift_mm,
        angle_deg=difference.angle_deg,
        stretch=difference.stretch,
        centre=centre,
    )
    unpose = np.linalg.inv(pose).astype(np.float64)
    fixed_samples = observe(anatomy, fixed_grid, fixed_deformation.map)
    moving_samples = observe(
        anatomy, moving_grid, lambda points: moving_deformation.map(transform_points(unpose, points))
    )
    images = [
        Scanner().take(draw_means(rng, contrast), samples, grid.spacing, rng)
        for rng, contrast, samples, grid in zip(
            scans.spawn(2), contrasts, (fixed_samples, moving_samples), grids, strict=True
        )
    ]
    points = fixed_grid.points()
    images_of_points = transform_points(pose, moving_deformation.unmap(fixed_deformation.map(points)))
    return PhantomPair(
        fixed=images[0],
        moving=images[1],
        fixed_labels=fixed_samples[0],
        moving_labels=moving_samples[0],
        fixed_vox2ras=fixed_grid.vox2ras,
        moving_vox2ras=moving_grid.vox2ras,
        displacement=(images_of_points - points).reshape(fixed_grid.ndim, *fixed_grid.shape),
        fixed_to_moving_ras=pose,
        label_names=LABEL_NAMES,
    )
