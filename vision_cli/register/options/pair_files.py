"""Files of a pair: images, label maps, masks and landmarks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import typer

INPUT = "Input options"

PointsSpaceOption = Annotated[
    Literal["ras", "lps", "voxel"] | None,
    typer.Option(
        "--points-space",
        help="Coordinates of landmarks in files that do not name them: mm in RAS or LPS (ITK, ANTs), or voxels.",
        rich_help_panel=INPUT,
    ),
]


@dataclass(frozen=True)
class LabelFiles:
    """Label maps of a pair.

    Attributes
    ----------
    fixed_label, moving_label
        Label maps of the fixed and the moving image.
    """

    fixed_label: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Labels of the fixed image, to score the map by.", rich_help_panel=INPUT),
    ] = None
    moving_label: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labels of the moving image.", rich_help_panel=INPUT)
    ] = None


@dataclass(frozen=True)
class MaskFiles:
    """Masks of a pair.

    Attributes
    ----------
    fixed_mask, moving_mask
        Regions of the two images that are compared; a mask of the moving image hides a lesion, and is warped with it.
    """

    fixed_mask: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Region of the fixed image that is compared.", rich_help_panel=INPUT),
    ] = None
    moving_mask: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Region of the moving image that is compared.", rich_help_panel=INPUT),
    ] = None


@dataclass(frozen=True)
class LandmarkFiles:
    """Landmarks of a pair.

    Attributes
    ----------
    fixed_points, moving_points
        Corresponding landmarks.
    points_space
        Their coordinates: RAS mm, LPS mm (ITK, ANTs) or voxels of their image; None for those that the files name.
    """

    fixed_points: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Landmarks on the fixed image, to score the map by.", rich_help_panel=INPUT),
    ] = None
    moving_points: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Corresponding landmarks on the moving image.", rich_help_panel=INPUT),
    ] = None
    points_space: PointsSpaceOption = None


# The order of the fields, which is that of the options, is the reverse of the order of the base classes.
@dataclass(frozen=True)
class PairExtras(LandmarkFiles, MaskFiles, LabelFiles):
    """Optional files of a pair: label maps, masks and landmarks."""


@dataclass(frozen=True, kw_only=True)
class PairFiles(PairExtras):
    """All files of a pair.

    Attributes
    ----------
    fixed, moving
        The fixed and the moving image.
    """

    fixed: Path
    moving: Path

    def given(self) -> dict[str, Path]:
        """Return the given files by the names of their fields, the images first, as ``run.json`` records them."""
        names = ("fixed", "moving", *(field.name for field in fields(PairExtras)))
        return {name: path for name in names if isinstance(path := getattr(self, name), Path)}
