"""The files of a pair, read and checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import read_points
from vision_cli.io.volumes.volumes import Volume, read_volume
from vision_cli.register.options.registration import PairFiles
from vision_cli.register.transforms.fields import Grid


@dataclass(frozen=True)
class Pair:
    """The inputs of one registration, read and checked.

    Attributes
    ----------
    fixed, moving
        Images of the same number of axes.
    fixed_mask, moving_mask, fixed_labels, moving_labels
        What came with them, each on a grid of its own.
    fixed_points, moving_points
        ``(N, D)`` corresponding landmarks, RAS mm.
    notes
        What was noticed while reading.
    """

    fixed: Volume
    moving: Volume
    fixed_mask: Volume | None = None
    moving_mask: Volume | None = None
    fixed_labels: Volume | None = None
    moving_labels: Volume | None = None
    fixed_points: NDArray[np.float64] | None = None
    moving_points: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()


def read_pair(files: PairFiles, volume: int | None = None) -> Pair:
    """Read the files of a pair.

    Parameters
    ----------
    files
        Where they are.
    volume
        Which volume of 4D images.

    Raises
    ------
    InputError
        If a file cannot be used, or the two images differ in their number of axes.
    """
    fixed, moving = (read_volume(path, kind="image", volume=volume) for path in (files.fixed, files.moving))
    if fixed.ndim != moving.ndim:
        raise InputError(
            f"{moving.path}: {moving.ndim}D found; {fixed.ndim}D, as {fixed.path}, expected.",
            hint="Register images of the same number of axes; take a slice of the 3D one first.",
        )
    kinds: Mapping[str, Literal["labels", "mask"]] = {
        "fixed_mask": "mask",
        "moving_mask": "mask",
        "fixed_label": "labels",
        "moving_label": "labels",
    }
    paths = files.by_role()
    extras = {role: read_volume(paths[role], kind=kind) if role in paths else None for role, kind in kinds.items()}
    notes: list[str] = []
    for volume_ in (fixed, moving, *extras.values()):
        if volume_ is not None:
            notes += [f"{volume_.path.name}: {note}" for note in volume_.notes]
    for role, extra in extras.items():
        image = fixed if role.startswith("fixed") else moving
        if extra is not None and extra.ndim != image.ndim:
            raise InputError(f"{extra.path}: {extra.ndim}D found; {image.ndim}D, as {image.path}, expected.")
        if extra is not None and extra.shape == image.shape and not _same_grid(extra, image):
            notes.append(
                f"{extra.path.name}: same shape as {image.path.name} but another place in space; its own header is used"
            )
    points = [
        read_points(paths[role], fixed.ndim) if role in paths else None for role in ("fixed_points", "moving_points")
    ]
    if points[0] is not None and points[1] is not None and len(points[0]) != len(points[1]):
        raise InputError(
            f"{paths['moving_points']}: {len(points[1])} points found; {len(points[0])}, as the fixed ones, expected."
        )
    return Pair(
        fixed,
        moving,
        extras["fixed_mask"],
        extras["moving_mask"],
        extras["fixed_label"],
        extras["moving_label"],
        points[0],
        points[1],
        tuple(notes),
    )


def grid_of(volume: Volume) -> Grid:
    """Return the grid of a volume."""
    return Grid(volume.shape, volume.vox2ras)


def _same_grid(one: Volume, other: Volume) -> bool:
    return bool(np.allclose(one.vox2ras, other.vox2ras, atol=1e-3))
