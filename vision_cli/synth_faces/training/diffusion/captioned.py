"""Faces in colour with their captions, expressions and action units, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.core.runs import interrupts
from vision_cli.io.limits import require_room
from vision_cli.synth_faces.data.reading import read_faces
from vision_cli.synth_faces.options.sets import Crop, SetOptions
from vision_cli.synth_faces.pipeline.face_tables import open_set
from vision_cli.synth_faces.pipeline.framing import Framer
from vision_cli.synth_faces.plans.seeds import share_of
from vision_cli.synth_faces.values import AUS, FaceDataset, LabelledFace, Picture

_LEAST = 2
"""Faces to train on, and to validate with."""

Need = Literal["caption", "expression", "aus"]
_WORDS: Mapping[Need, str] = {"caption": "a caption", "expression": "an expression", "aus": "action units"}
_HAS: Mapping[Need, Callable[[LabelledFace], bool]] = {
    "caption": lambda face: bool(face.caption),
    "expression": lambda face: face.expression is not None,
    "aus": lambda face: bool(face.aus) or face.expression == "neutral",
}


@dataclass(frozen=True)
class CaptionedFaces:
    """Square pictures of faces with what they show in words.

    Attributes
    ----------
    pictures
        ``(N, S, S, 3)`` uint8.
    captions, subjects
        Of each.
    expressions
        Of each, None where it has none; empty where they were not read.
    intensities
        Of the action units of each, ``(N, len(AUS))``, 0 to 5; of no face where they were not read.
    """

    pictures: NDArray[np.uint8] = field(repr=False)
    captions: tuple[str, ...] = field(repr=False)
    subjects: tuple[str, ...] = field(repr=False)
    expressions: tuple[str | None, ...] = field(default=(), repr=False)
    intensities: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, len(AUS)), np.float32), repr=False)

    def __len__(self) -> int:
        return len(self.captions)

    def chosen(self, which: NDArray[np.bool_]) -> CaptionedFaces:
        """Return those that are chosen."""
        places = np.flatnonzero(which)
        return replace(
            self,
            pictures=self.pictures[places],
            captions=tuple(self.captions[place] for place in places),
            subjects=tuple(self.subjects[place] for place in places),
            expressions=tuple(self.expressions[place] for place in places) if self.expressions else (),
            intensities=self.intensities[places] if len(self.intensities) else self.intensities,
        )


def read_captioned(
    data: Sequence[Path],
    side: int,
    options: SetOptions,
    output: Output,
    *,
    need: Need = "caption",
    crop: Crop = "none",
) -> CaptionedFaces:
    """Return the faces of data sets that have a caption, an expression or action units.

    Pictures are scaled, and cut to a square around their middle, or around their largest face.

    Parameters
    ----------
    data
        Data sets; runs of ``generate`` have all three.
    side
        Of the pictures, px.
    options, output
        How they are read, and where progress is shown.
    need
        What a face must have. Captions that it does not have are empty, action units 0.
    crop
        Whether faces are looked for, see `vision_cli.synth_faces.pipeline.framing.Framer`.

    Raises
    ------
    InputError
        If fewer than four have it, or too many cannot be read.
    InputTooLarge
        If they do not fit into memory.
    """
    parts = [
        _read(open_set(path, options, for_training=True), number, side, options, output, _HAS[need], crop)
        for number, path in enumerate(data)
    ]
    pictures = np.concatenate([part.pictures for part in parts])
    captions = tuple(caption for part in parts for caption in part.captions)
    if len(captions) < 2 * _LEAST:
        raise InputError(
            f"{len(captions)} faces with {_WORDS[need]}; {2 * _LEAST} or more expected.",
            hint=f"Give runs of generate, or a data set with {_WORDS[need]}.",
        )
    return CaptionedFaces(
        pictures,
        captions,
        tuple(subject for part in parts for subject in part.subjects),
        tuple(name for part in parts for name in part.expressions),
        np.concatenate([part.intensities for part in parts]),
    )


def read_parts(
    data: Sequence[Path],
    side: int,
    options: SetOptions,
    share: float,
    seed: int,
    output: Output,
    *,
    need: Need = "caption",
    crop: Crop = "none",
) -> tuple[CaptionedFaces, CaptionedFaces]:
    """Return the faces of data sets to train on and to validate with, and say how many they are.

    Parameters as those of `read_captioned` and `split_subjects`.
    """
    training, validation = split_subjects(
        read_captioned(data, side, options, output, need=need, crop=crop), share, seed
    )
    output.info(f"{len(training)} faces to train on, {len(validation)} to validate with")
    return training, validation


def split_subjects(faces: CaptionedFaces, share: float, seed: int) -> tuple[CaptionedFaces, CaptionedFaces]:
    """Return the faces to train on and those to validate with; all of a person are on one side."""
    drawn = np.array([share_of(f"{seed}/{subject}") for subject in faces.subjects])
    held_out = drawn < share
    if held_out.sum() < _LEAST or (~held_out).sum() < _LEAST:
        held_out = np.zeros(len(drawn), dtype=bool)
        held_out[np.argsort(drawn, kind="stable")[: max(_LEAST, round(share * len(drawn)))]] = True
    return faces.chosen(~held_out), faces.chosen(held_out)


def as_pictures(pictures: NDArray[np.uint8]) -> Tensor:
    """Return pictures ``(N, S, S, 3)`` as the autoencoder takes them, ``(N, 3, S, S)`` in -1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()


def _read(
    dataset: FaceDataset,
    number: int,
    side: int,
    options: SetOptions,
    output: Output,
    has: Callable[[LabelledFace], bool],
    crop: Crop,
) -> CaptionedFaces:
    described = replace(dataset, faces=tuple(face for face in dataset.faces if has(face)))
    if not described.faces:
        return CaptionedFaces(np.zeros((0, side, side, 3), np.uint8), (), ())
    needed = 6 * len(described.faces) * side * side
    require_room(Path(dataset.layout), needed, f"{len(described.faces)} faces of {side} px", most=np.inf)
    framer = Framer(side, crop, dataset.layout)
    with output.progress("faces", len(described.faces)) as progress:

        def take(face: LabelledFace, picture: Picture) -> NDArray[np.uint8]:
            interrupts.check()
            progress.advance(note=face.name)
            return framer(picture)

        taken, kept = read_faces(described, take, allow_skips=options.allow_skips)
    return CaptionedFaces(
        np.stack(taken),
        tuple(face.caption for face in kept.faces),
        tuple(f"{number}/{face.subject or face.name}" for face in kept.faces),
        tuple(face.expression for face in kept.faces),
        np.array([[face.aus.get(name, 0.0) for name in AUS] for face in kept.faces], np.float32),
    )
