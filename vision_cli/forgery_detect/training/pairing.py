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
        Of the drawing, by name: other media do not change the side of one.

    Raises
    ------
    InputError
        If a side has none.
    """
    side: dict[str, bool] = {}
    groups = groups_of(media)
    for group in groups:
        name = min(medium.source or medium.video or medium.name for medium in group)
        side |= dict.fromkeys((medium.name for medium in group), _uniform(f"{seed}/{name}") < share)
    held_out = np.array([side[media[place].name] for place in faces.media])
    if held_out.all() or not held_out.any():
        raise InputError(
            f"{len(groups)} persons or sources; enough for two parts expected.",
            hint="Give more media, or another --val-fraction.",
        )
    return faces.part(np.flatnonzero(~held_out)), faces.part(np.flatnonzero(held_out))


def _uniform(text: str) -> float:
    """Return a number from 0 to 1 of a text's digest."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:8], "big") / 2.0**64
