"""Forgeries beside the faces that they were made of, and parts that share no person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.coherence.linear import Rows
from vision_cli.forgery_detect.data.groups import groups_of
from vision_cli.forgery_detect.pipeline.example_tables import FaceInputs
from vision_cli.forgery_detect.values import Examples, Medium

_FEWEST_PAIRS = 2
_FEWEST_GROUPS = 2


def features_of_pairs(examples: Examples) -> tuple[Rows, Rows]:
    """Return coherence features of real and forged faces in pairs of a source, each ``(N, F)``.

    Raises
    ------
    InputError
        If there are fewer than two pairs.
    """
    first_real: dict[int, int] = {}
    for row in np.flatnonzero(examples.labels == 0):
        first_real.setdefault(int(examples.sources[row]), int(row))
    fakes = [row for row in np.flatnonzero(examples.labels == 1) if int(examples.sources[row]) in first_real]
    if len(fakes) < _FEWEST_PAIRS:
        raise InputError(
            f"{len(fakes)} pairs of a forgery and its source; two or more expected.",
            hint="Train another --method on unpaired data, or simulate pairs with `vcli forgery-detect synth`.",
        )
    reals = [first_real[int(examples.sources[row])] for row in fakes]
    return examples.coherence[reals], examples.coherence[fakes]


def split_faces(media: Sequence[Medium], faces: FaceInputs, share: float, seed: int) -> tuple[FaceInputs, FaceInputs]:
    """Return the faces to train on and those to calibrate with; what shares a person or a source is on one side.

    Parameters
    ----------
    media
        What the faces were cut from.
    faces
        The faces.
    share
        Of the persons or sources, for the second part.
    seed
        Of the drawing.

    Raises
    ------
    InputError
        If there are fewer than two persons or sources.
    """
    groups = groups_of([media[place] for place in dict.fromkeys(faces.media)])
    if len(groups) < _FEWEST_GROUPS:
        raise InputError(
            f"{len(groups)} persons or sources; enough for two parts expected.",
            hint="Give media of other persons, too.",
        )
    drawn = sorted(groups, key=lambda group: _digest(f"{seed}/{min(medium.name for medium in group)}"))
    count = min(max(round(share * len(drawn)), 1), len(drawn) - 1)
    names = {medium.name for group in drawn[:count] for medium in group}
    held_out = np.array([media[place].name in names for place in faces.media])
    return faces.part(np.flatnonzero(~held_out)), faces.part(np.flatnonzero(held_out))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
