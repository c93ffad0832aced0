"""The faces of a data set in memory: cut, with their labels as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output
from vision_cli.core.errors import UsageError
from vision_cli.core.runs import interrupts
from vision_cli.io.limits import require_room
from vision_cli.synth_faces.data.opening import open_faces
from vision_cli.synth_faces.data.reading import read_faces
from vision_cli.synth_faces.options.sets import Crop, SetOptions
from vision_cli.synth_faces.pipeline.framing import CutFace, FaceCutter
from vision_cli.synth_faces.values import FaceDataset, LabelledFace, Picture

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FaceTable:
    """Cut faces and what is known of them.

    Attributes
    ----------
    dataset
        The faces that could be read, in their order, and what was left out.
    cuts
        ``(N, side, side)`` uint8.
    is_found
        Whether the detector found each, ``(N,)``.
    """

    dataset: FaceDataset
    cuts: NDArray[np.uint8] = field(repr=False)
    is_found: NDArray[np.bool_] = field(repr=False)

    @property
    def faces(self) -> tuple[LabelledFace, ...]:
        """The faces, in the order of the rows."""
        return self.dataset.faces

    def chances(self, classes: Sequence[str]) -> Floats:
        """Return the share of annotators by class, ``(N, K)``; 1 for the one label, NaN for a face without one."""
        found = np.full((len(self.faces), len(classes)), np.nan)
        for row, face in enumerate(self.faces):
            votes = {name: share for name, share in face.votes.items() if name in classes}
            if not votes and face.expression is not None and face.expression in classes:
                votes = {face.expression: 1.0}
            if total := sum(votes.values()):
                found[row] = [votes.get(name, 0.0) / total for name in classes]
        return found

    def labels(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of the class of each face, ``(N,)``; -1 for one without a label among them."""
        return np.array(
            [classes.index(face.expression) if face.expression in classes else -1 for face in self.faces], np.int64
        )

    def intensities(self, names: Sequence[str]) -> Floats:
        """Return the intensities of action units, ``(N, A)``; NaN where one is not labelled."""
        return np.array([[face.aus.get(name, np.nan) for name in names] for face in self.faces], np.float64)

    def subjects(self) -> list[str]:
        """Return the person of each face; its own name where it is not known."""
        return [face.subject or face.name for face in self.faces]


def open_set(path: Path, options: SetOptions, *, for_training: bool = False, plain: bool = False) -> FaceDataset:
    """Return a data set; for training its training part, where it has parts and none is asked for.

    ``plain`` as in `vision_cli.synth_faces.data.opening.open_faces`.

    Raises
    ------
    UsageError, InputError
        See `vision_cli.synth_faces.data.opening.open_faces`.
    """

    def opened(split: str | None) -> FaceDataset:
        return open_faces(
            path, options.layout, split=split, strict=options.strict, allow_skips=options.allow_skips, plain=plain
        )

    if for_training and options.split is None:
        try:
            return opened("train")
        except UsageError:
            return opened(None)
    return opened(options.split)


def cut_faces(
    dataset: FaceDataset,
    sides: Sequence[int],
    crop: Crop,
    output: Output,
    *,
    allow_skips: bool = False,
    what: str = "faces",
) -> list[FaceTable]:
    """Read and cut all faces of a data set, at each of several sides.

    Raises
    ------
    InputError
        If none can be used, or too many cannot.
    InputTooLarge
        If they do not fit into memory.
    """
    needed = len(dataset.faces) * sum(side * side for side in sides)
    named = " and ".join(str(side) for side in sides)
    require_room(Path(dataset.layout), 2 * needed, f"{len(dataset.faces)} faces of {named} px", most=np.inf)
    cutter = FaceCutter(max(sides), crop)
    with output.progress(what, len(dataset.faces)) as progress:

        def take(face: LabelledFace, picture: Picture) -> list[CutFace]:
            interrupts.check()
            progress.advance(note=face.name)
            return cutter.at_sides(picture, sides)

        taken, kept = read_faces(dataset, take, allow_skips=allow_skips)
    return [
        FaceTable(kept, np.stack([cut.grey for cut in cuts]), np.array([cut.is_found for cut in cuts]))
        for cuts in zip(*taken, strict=True)
    ]


def joined(tables: Sequence[FaceTable]) -> FaceTable:
    """Return several tables as one; names and persons carry the number of their table where there are several."""
    if len(tables) == 1:
        return tables[0]
    faces = tuple(
        replace(face, name=f"{number}/{face.name}", subject=f"{number}/{face.subject}" if face.subject else "")
        for number, table in enumerate(tables)
        for face in table.faces
    )
    skipped = tuple(entry for table in tables for entry in table.dataset.skipped)
    notes = tuple(note for table in tables for note in table.dataset.notes)
    return FaceTable(
        FaceDataset("several", faces, skipped, notes),
        np.concatenate([table.cuts for table in tables]),
        np.concatenate([table.is_found for table in tables]),
    )


def chosen(table: FaceTable, which: NDArray[np.bool_]) -> FaceTable:
    """Return the rows of a table that are chosen."""
    faces = tuple(face for face, taken in zip(table.faces, which, strict=True) if taken)
    return FaceTable(replace(table.dataset, faces=faces), table.cuts[which], table.is_found[which])
