"""Reading of the files of a pair, and checks of their consistency."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.tables.tables import read_points
from vision_cli.io.volumes.volumes import Volume, read_volume
from vision_cli.register.options.pair_files import LandmarkFiles, PairFiles
from vision_cli.register.transforms.fields import Grid

_MOST_SIZE_RATIO = 4
_MOST_BETWEEN_PLANES_DEG = 45.0


@dataclass(frozen=True)
class Pair:
    """The inputs of one registration.

    Attributes
    ----------
    fixed, moving
        Images with the same number of axes.
    fixed_mask, moving_mask, fixed_labels, moving_labels
        Masks and label maps, each on its own grid; None if not given.
    fixed_points, moving_points
        ``(N, D)`` corresponding landmarks in RAS mm; None if not given.
    notes
        Warnings from reading the files.
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

    def on_file_grids(self) -> Pair:
        """Return the pair with slices on the three-dimensional grids of their files."""
        if self.fixed.plane is None:
            return self
        fixed, moving, fixed_labels, moving_labels = (
            None if one is None else _in_space(one)
            for one in (self.fixed, self.moving, self.fixed_labels, self.moving_labels)
        )
        assert fixed is not None
        assert moving is not None
        return replace(self, fixed=fixed, moving=moving, fixed_labels=fixed_labels, moving_labels=moving_labels)


def read_pair(files: PairFiles, volume: int | None = None) -> Pair:
    """Read the files of a pair.

    Parameters
    ----------
    files
        The files.
    volume
        Index of the volume of 4D images.

    Raises
    ------
    InputError
        If a file cannot be used, or the numbers of axes or of landmarks differ.
    UsageError
        If landmarks of one image alone are given.
    """
    require_both_landmarks(files)
    fixed, moving = (read_volume(path, kind="image", volume=volume) for path in (files.fixed, files.moving))
    if fixed.ndim != moving.ndim:
        raise InputError(
            f"{moving.path}: {moving.ndim}D found; {fixed.ndim}D, as {fixed.path}, expected.",
            hint="Register images of the same number of axes; extract a slice of the 3D image first.",
        )
    fixed_mask, moving_mask = (_read_optional(path, "mask") for path in (files.fixed_mask, files.moving_mask))
    fixed_labels, moving_labels = (_read_optional(path, "labels") for path in (files.fixed_label, files.moving_label))
    notes = _notes_on_planes(fixed, moving)
    for read in (fixed, moving, fixed_mask, moving_mask, fixed_labels, moving_labels):
        if read is not None:
            notes += [f"{read.path.name}: {note}" for note in read.notes]
    for image, extra in (
        (fixed, fixed_mask),
        (moving, moving_mask),
        (fixed, fixed_labels),
        (moving, moving_labels),
    ):
        if extra is None:
            continue
        if extra.ndim != image.ndim:
            raise InputError(f"{extra.path}: {extra.ndim}D found; {image.ndim}D, as {image.path}, expected.")
        if extra.shape == image.shape and not _same_grid(extra, image):
            notes.append(
                f"{extra.path.name}: same shape as {image.path.name} but another position in space; its own header is "
                "used"
            )
    fixed_points, moving_points = (
        None if path is None else read_points(path, image.ndim, space=files.points_space, vox2ras=image.vox2ras)
        for path, image in ((files.fixed_points, fixed), (files.moving_points, moving))
    )
    if fixed_points is not None and moving_points is not None and len(fixed_points) != len(moving_points):
        raise InputError(
            f"{files.moving_points}: {len(moving_points)} points found; {len(fixed_points)}, as the fixed ones, "
            "expected.",
            hint="Give corresponding landmarks in the same order.",
        )
    return Pair(
        fixed=fixed,
        moving=moving,
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        fixed_labels=fixed_labels,
        moving_labels=moving_labels,
        fixed_points=fixed_points,
        moving_points=moving_points,
        notes=tuple(notes),
    )


def require_both_landmarks(files: LandmarkFiles) -> None:
    """Refuse landmarks of one image alone.

    Raises
    ------
    UsageError
        If only one side is given.
    """
    if (files.fixed_points is None) != (files.moving_points is None):
        given, missing = ("fixed", "moving") if files.moving_points is None else ("moving", "fixed")
        raise UsageError(f"--{given}-points without --{missing}-points found; landmarks of both images expected.")


def require_similar_sizes(pair: Pair) -> None:
    """Refuse a pair whose sizes in space differ so much that the unit of a header must be wrong.

    Raises
    ------
    InputError
        If the longest sides of the two images differ by more than a factor of 4.
    """
    fixed_mm, moving_mm = (
        max(n * step for n, step in zip(image.shape, image.spacing, strict=True)) for image in (pair.fixed, pair.moving)
    )
    if max(fixed_mm, moving_mm) > _MOST_SIZE_RATIO * min(fixed_mm, moving_mm):
        raise InputError(
            f"{pair.moving.path}: an image of {moving_mm:.4g} mm found; {pair.fixed.path} is {fixed_mm:.4g} mm long; "
            f"sizes within a factor of {_MOST_SIZE_RATIO} expected.",
            hint="Correct the voxel sizes in the header (cm or m instead of mm?), crop the larger image, or give the "
            "start with --init FILE.",
        )


def grid_of(volume: Volume) -> Grid:
    """Return the grid of a volume."""
    return Grid(volume.shape, volume.vox2ras)


def _notes_on_planes(fixed: Volume, moving: Volume) -> list[str]:
    """Return a warning if two slices lie in planes of different orientation, such as axial and sagittal."""
    if fixed.plane is None or moving.plane is None:
        return []
    across = float(abs(fixed.plane.frame[:3, 2] @ moving.plane.frame[:3, 2]))
    angle = float(np.degrees(np.arccos(min(across, 1.0))))
    note = f"the planes of the two slices are at {angle:.0f} degrees by their headers: other views, or a wrong header"
    return [note] if angle > _MOST_BETWEEN_PLANES_DEG else []


def _read_optional(path: Path | None, kind: Literal["labels", "mask"]) -> Volume | None:
    return None if path is None else read_volume(path, kind=kind)


def _in_space(volume: Volume) -> Volume:
    """Return an image of two axes with three: on the grid of its file, or in the axial plane at 0 mm."""
    if volume.plane is not None or volume.ndim == 3:
        return volume.with_axes(3)
    vox2ras = np.eye(4)
    vox2ras[np.ix_([0, 1, 3], [0, 1, 3])] = volume.vox2ras
    return replace(volume, data=volume.data[..., None], vox2ras=vox2ras)


def _same_grid(one: Volume, other: Volume) -> bool:
    return bool(np.allclose(one.vox2ras, other.vox2ras, atol=1e-3))
