"""What all exports share: pictures that are read when they are written, parts by person, what was left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vision_cli.io.pictures.left_out import Skipped
from vision_cli.synth_faces.plans.rows import ManifestRow
from vision_cli.synth_faces.plans.seeds import share_of
from vision_cli.synth_faces.values import Picture

ReadPicture = Callable[[ManifestRow], Picture]


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes
    ----------
    written
        How many pictures.
    left_out
        Rows whose label the layout cannot hold.
    """

    written: int
    left_out: tuple[Skipped, ...]


def exportable(
    rows: Sequence[ManifestRow], classes: Sequence[str], layout: str
) -> tuple[list[ManifestRow], tuple[Skipped, ...]]:
    """Return the rows with a label of some classes, and those that the layout cannot hold."""
    kept = [row for row in rows if row.label in classes]
    left_out = tuple(
        Skipped(row.sample_id, f"label {row.label or 'none'}: {layout} has no such class")
        for row in rows
        if row.label not in classes
    )
    return kept, left_out


def is_held_out(row: ManifestRow, share: float) -> bool:
    """Return whether a row belongs to the held-out part; all pictures of a person fall into the same part."""
    return share_of(f"held out/{row.person_seed}") < share
