"""Application of transform files to images, series of volumes and points."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vision_cli.core.command.console import say
from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.files import atomic_path
from vision_cli.io.limits import require_memory
from vision_cli.io.tables.tables import PointSpace, point_space, points_in_ras, read_point_table
from vision_cli.io.volumes.series import read_series, series_length, write_series
from vision_cli.io.volumes.volumes import Kind, Volume, read_volume, write_volume
from vision_cli.register.runs.transform_files import read_chain
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.itk_objects import dimension
from vision_cli.register.transforms.transforms import map_points, resample


@dataclass(frozen=True)
class Resampling:
    """How an image is warped.

    Attributes
    ----------
    interpolation
        See `vision_cli.register.transforms.transforms.resample`.
    fill
        Value outside of the image.
    volume
        Index of the volume of a 4D image; None for all.
    """

    interpolation: str = "linear"
    fill: float = 0.0
    volume: int | None = None


def require_new(target: Path, overwrite: bool) -> None:
    """Refuse a file that exists, unless it is to be replaced.

    Raises
    ------
    UsageError
        If it exists and ``overwrite`` is False.
    """
    if target.exists() and not overwrite:
        raise UsageError(
            f"{target}: an existing file found; a new name expected.",
            hint="Replace the file with --overwrite, or choose another name.",
        )


def apply_to_image(
    image: Path, reference: Path, transforms: Sequence[Path], target: Path, inverted: Sequence[int], how: Resampling
) -> dict[str, object]:
    """Warp an image file onto the grid of another one; return file, shape, transforms and interpolation.

    A series of volumes is warped volume by volume.

    Parameters
    ----------
    image, reference
        The image to warp, and one on the grid to warp it onto.
    transforms
        Transform files in the order in which they are applied to points.
    target
        File to write.
    inverted
        Numbers of transforms to invert, from 1.
    how
        Interpolation, value outside, and volume.

    Raises
    ------
    InputError
        If a file cannot be used.
    """
    count = series_length(image) if how.volume is None else None
    if count is not None and not target.name.lower().endswith((".nii", ".nii.gz")):
        raise UsageError(f"{target}: a series of {count} volumes for this suffix found; .nii or .nii.gz expected.")
    kind: Kind = "labels" if how.interpolation == "label" else "values"
    moving: tuple[Volume, ...]
    if count is None:
        moving, step = (read_volume(image, kind=kind, volume=how.volume),), 0.0
    else:
        series = read_series(image)
        moving, step = series.volumes, series.step
    fixed = read_volume(reference, kind="values", volume=None if series_length(reference) is None else 0)
    for note in dict.fromkeys(f"{one.path.name}: {note}" for one in (moving[0], fixed) for note in one.notes):
        say("warning", note)
    # Slices lie in space, unless the transforms are between images of two axes.
    is_slice = fixed.plane is not None or moving[0].plane is not None
    chain = read_chain(transforms, None if is_slice else fixed.ndim, inverted)
    ndim = dimension(chain[0])
    fixed, moving = fixed.with_axes(ndim), tuple(one.with_axes(ndim) for one in moving)
    if moving[0].ndim != fixed.ndim:
        raise InputError(f"{image}: {moving[0].ndim}D found; {fixed.ndim}D, as {reference}, expected.")
    if ndim != fixed.ndim:
        raise InputError(f"{transforms[0]}: a transform in {ndim}D found; {fixed.ndim}D, as the image, expected.")
    onto = Grid(fixed.shape, fixed.vox2ras)

    home = fixed.with_axes(3)

    def warped(one: Volume) -> NDArray[Any]:
        values = resample(one.data, Grid(one.shape, one.vox2ras), onto, chain, how.interpolation, how.fill)
        return values.reshape(home.shape) if fixed.plane is not None else values

    facts: dict[str, object] = {"file": str(target), "shape": list(home.shape)}
    if count is None:
        with atomic_path(target) as hidden:
            write_volume(hidden, warped(moving[0]), home.vox2ras, moving[0].dtype)
    else:
        require_memory(image, (*fixed.shape, count), 2 * moving[0].dtype.itemsize)
        write_series(target, map(warped, moving), home.vox2ras, moving[0].dtype, step)
        facts["volumes"] = count
    return {**facts, "transforms": len(chain), "interpolation": how.interpolation}


def apply_to_points(
    points: Path,
    transforms: Sequence[Path],
    target: Path,
    inverted: Sequence[int],
    space: PointSpace | None,
    reference: Path | None,
) -> dict[str, object]:
    """Map the points of a table from the fixed to the moving image; return file, number, coordinates and transforms.

    The table is written with its other columns, in the coordinates that it came in; voxels of the reference become RAS
    mm. Columns or a comment name the coordinates.

    Parameters
    ----------
    points
        Table of points, see `vision_cli.io.tables.tables.read_point_table`.
    transforms, target, inverted
        See `apply_to_image`.
    space
        Coordinates of a table that does not name them.
    reference
        The fixed image, for points in voxels.

    Raises
    ------
    InputError
        If a file cannot be used, or the coordinates are not known.
    """
    chain = read_chain(transforms, None, inverted)
    ndim = dimension(chain[0])
    table = read_point_table(points, ndim)
    given = point_space(points, table, space)
    vox2ras = None if reference is None else read_volume(reference, kind="values").vox2ras
    mapped = map_points(chain, points_in_ras(points, table.coordinates, given, vox2ras))
    wanted: PointSpace = "lps" if given == "lps" else "ras"
    # The same change of signs leads back.
    mapped = points_in_ras(points, mapped, wanted)
    names = [f"{axis}_{wanted}" for axis in "xyz"[:ndim]]
    header, comments = list(table.header), list(table.comments)
    if table.space != wanted:
        if header and given == wanted:
            comments = [f"# space: {wanted.upper()}", *comments]
        else:
            comments = [line for line in comments if "space" not in line]
            header = header or [f"column{n + 1}" for n in range(len(table.rows[0]))]
            for column, name in zip(table.columns, names, strict=True):
                header[column] = name
    buffer = io.StringIO()
    buffer.writelines(f"{line}\n" for line in comments)
    writer = csv.writer(buffer, lineterminator="\n")
    if header:
        writer.writerow(header)
    for cells, place in zip(table.rows, mapped.tolist(), strict=True):
        row = list(cells)
        for column, value in zip(table.columns, place, strict=True):
            row[column] = f"{value:.6f}"
        writer.writerow(row)
    with atomic_path(target) as hidden:
        hidden.write_text(buffer.getvalue(), encoding="utf-8")
    return {"file": str(target), "points": len(mapped), "space": wanted, "transforms": len(chain)}
