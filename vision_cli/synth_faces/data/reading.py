"""Reading all pictures of a data set once, damaged ones left out with their reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.left_out import Skipped, require_few_skipped
from vision_cli.synth_faces.values import FaceDataset, LabelledFace, Picture

Taken = TypeVar("Taken")

SKIPPED_COLUMNS = ("name", "reason", "is_damage")


def read_faces(
    dataset: FaceDataset, take: Callable[[LabelledFace, Picture], Taken], *, allow_skips: bool = False
) -> tuple[list[Taken], FaceDataset]:
    """Return what is taken of each face, and the data set of those faces.

    Parameters
    ----------
    dataset
        The faces.
    take
        Returns what is wanted of a face and its picture; an `InputError` of it leaves the face out too, as one where no
        face is found.
    allow_skips
        Whether more than 5 % missing or damaged entries are accepted.

    Raises
    ------
    InputError
        If none is left, or too many are left out.
    """
    taken: list[Taken] = []
    kept: list[LabelledFace] = []
    skipped = list(dataset.skipped)
    for face in dataset.faces:
        try:
            result = take(face, face.source.read())
        except InputError as error:
            skipped.append(Skipped(face.name, error.message.rstrip(".")))
            continue
        taken.append(result)
        kept.append(face)
    left = dataclasses.replace(dataset, faces=tuple(kept), skipped=tuple(skipped))
    if not kept:
        raise InputError(f"{dataset.layout}: none of {len(dataset.faces)} pictures can be used. {skipped[-1].reason}.")
    require_few_skipped(Path(dataset.layout), left.skipped, len(kept), allow_skips=allow_skips)
    return taken, left


def skipped_rows(dataset: FaceDataset) -> list[tuple[str, str, bool]]:
    """Return the rows of ``skipped.csv``, in the order of `SKIPPED_COLUMNS`."""
    return [(entry.name, entry.reason, entry.is_damage) for entry in dataset.skipped]
