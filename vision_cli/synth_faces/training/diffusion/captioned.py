"""Faces in colour with their captions, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.core.runs import interrupts
from vision_cli.io.limits import require_room
from vision_cli.synth_faces.data.reading import read_faces
from vision_cli.synth_faces.options.sets import FaceSetOptions
from vision_cli.synth_faces.pipeline.face_tables import open_set
from vision_cli.synth_faces.pipeline.framing import square_of
from vision_cli.synth_faces.values import FaceDataset, LabelledFace, Picture

_LEAST = 2
"""Faces to train on, and to validate with."""


@dataclass(frozen=True)
class CaptionedFaces:
    """Square pictures of faces with what they show in words.

    Attributes
    ----------
    pictures
        ``(N, S, S, 3)`` uint8.
    captions, subjects
        Of each.
    """

    pictures: NDArray[np.uint8] = field(repr=False)
    captions: tuple[str, ...] = field(repr=False)
    subjects: tuple[str, ...] = field(repr=False)

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
        )


def read_captioned(data: Sequence[Path], side: int, options: FaceSetOptions, output: Output) -> CaptionedFaces:
    """Return the faces of data sets that have a caption.

    Pictures are scaled, and cut to a square around their middle; faces are not looked for.

    Raises
    ------
    InputError
        If fewer than four have a caption, or too many cannot be read.
    InputTooLarge
        If they do not fit into memory.
    """
    parts = [_read(open_set(path, options, for_training=True), number, side, options, output)
             for number, path in enumerate(data)]  # fmt: skip
    pictures = np.concatenate([part.pictures for part in parts])
    captions = tuple(caption for part in parts for caption in part.captions)
    if len(captions) < 2 * _LEAST:
        raise InputError(
            f"{len(captions)} faces with a caption; {2 * _LEAST} or more expected.",
            hint="Give runs of generate, or a data set with captions, such as the fetext layout.",
        )
    return CaptionedFaces(pictures, captions, tuple(subject for part in parts for subject in part.subjects))


def split_subjects(faces: CaptionedFaces, share: float, seed: int) -> tuple[CaptionedFaces, CaptionedFaces]:
    """Return the faces to train on and those to validate with; all of a person are on one side."""
    drawn = np.array([_uniform(f"{seed}/{subject}") for subject in faces.subjects])
    held_out = drawn < share
    if held_out.sum() < _LEAST or (~held_out).sum() < _LEAST:
        held_out = np.zeros(len(drawn), dtype=bool)
        held_out[np.argsort(drawn, kind="stable")[: max(_LEAST, round(share * len(drawn)))]] = True
    return faces.chosen(~held_out), faces.chosen(held_out)


def as_pictures(pictures: NDArray[np.uint8]) -> Tensor:
    """Return pictures ``(N, S, S, 3)`` as the autoencoder takes them, ``(N, 3, S, S)`` in -1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()


def _read(dataset: FaceDataset, number: int, side: int, options: FaceSetOptions, output: Output) -> CaptionedFaces:
    described = replace(dataset, faces=tuple(face for face in dataset.faces if face.caption))
    if not described.faces:
        return CaptionedFaces(np.zeros((0, side, side, 3), np.uint8), (), ())
    needed = 6 * len(described.faces) * side * side
    require_room(Path(dataset.layout), needed, f"{len(described.faces)} faces of {side} px", most=np.inf)
    with output.progress("faces", len(described.faces)) as progress:

        def take(face: LabelledFace, picture: Picture) -> NDArray[np.uint8]:
            interrupts.check()
            progress.advance(note=face.name)
            return square_of(picture, side)

        taken, kept = read_faces(described, take, allow_skips=options.allow_skips)
    captions = tuple(face.caption for face in kept.faces)
    return CaptionedFaces(
        np.stack(taken), captions, tuple(f"{number}/{face.subject or face.name}" for face in kept.faces)
    )


def _uniform(text: str) -> float:
    """Return a number from 0 to 1 of a text's digest."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2.0**64
