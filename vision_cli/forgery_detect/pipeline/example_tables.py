"""Faces of data sets as examples to learn from, and as inputs to score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.layouts.entries import is_video_file
from vision_cli.forgery_detect.pipeline.faces import FaceFinder
from vision_cli.forgery_detect.pipeline.inputs import face_input
from vision_cli.forgery_detect.values import MASK_CELLS, Examples, FaceCrop, FaceInput, Medium
from vision_cli.io.pictures.left_out import Skipped


@dataclass(frozen=True)
class MediumFace:
    """A face of a medium.

    Attributes
    ----------
    medium
        Place in the list of media.
    frame
        Number of the frame; 0 of pictures.
    crop
        The face.
    """

    medium: int
    frame: int
    crop: FaceCrop = field(repr=False)


@dataclass(frozen=True)
class FaceInputs:
    """The faces of media as networks take them.

    Attributes
    ----------
    media
        Place of each face's medium.
    frames
        Number of its frame.
    inputs
        The faces.
    cells
        Of each face the share of `MASK_CELLS` times `MASK_CELLS` cells that is forged; None where that is unknown.
    skipped
        Media that could not be read, or show no face.
    """

    media: tuple[int, ...]
    frames: tuple[int, ...]
    inputs: tuple[FaceInput, ...] = field(repr=False)
    cells: tuple[NDArray[np.float32] | None, ...] = field(repr=False)
    skipped: tuple[Skipped, ...] = ()

    def part(self, rows: NDArray[np.int64]) -> FaceInputs:
        """Return some of the faces."""
        return FaceInputs(
            tuple(self.media[row] for row in rows),
            tuple(self.frames[row] for row in rows),
            tuple(self.inputs[row] for row in rows),
            tuple(self.cells[row] for row in rows),
        )


def faces_of(media: Sequence[Medium], finder: FaceFinder, frames: int) -> Iterator[Sequence[MediumFace] | Skipped]:
    """Iterate over media in their order: the faces of each, or why it has none.

    Parameters
    ----------
    media
        Pictures and videos.
    finder
        Finds and cuts faces; the largest of each picture is taken.
    frames
        Frames of a video that are looked at.
    """
    for place, medium in enumerate(media):
        try:
            if medium.path.is_dir() or is_video_file(medium.path):
                found = [
                    MediumFace(place, frame.index, face.crop)
                    for frame in finder.in_video(medium.path, frames)
                    for face in frame.faces[:1]
                ]
            else:
                found = [MediumFace(place, 0, face.crop) for face in finder.in_file(medium.path, medium.mask)[:1]]
        except InputError as error:
            yield Skipped(medium.name, error.message.rstrip("."))
            continue
        yield found or Skipped(medium.name, "no face was found", is_damage=False)


def read_inputs(
    media: Sequence[Medium], finder: FaceFinder, *, frames: int, side: int, patch: int, output: Output, what: str
) -> FaceInputs:
    """Return the faces of media as networks take them.

    Parameters
    ----------
    media, finder, frames
        As in `faces_of`.
    side, patch
        See `FaceInput`, px.
    output, what
        Shows progress, under this word.

    Raises
    ------
    InputError
        If no medium has a face.
    """
    places: list[int] = []
    numbers: list[int] = []
    inputs: list[FaceInput] = []
    cells: list[NDArray[np.float32] | None] = []
    skipped: list[Skipped] = []
    with output.progress(what, len(media)) as bar:
        for found in faces_of(media, finder, frames):
            if isinstance(found, Skipped):
                skipped.append(found)
            else:
                places += [face.medium for face in found]
                numbers += [face.frame for face in found]
                inputs += [face_input(face.crop, side=side, patch=patch) for face in found]
                cells += [cells_of(media[face.medium], face.crop) for face in found]
            bar.advance()
    if not inputs:
        reason = f"{skipped[0].name}: {skipped[0].reason}" if skipped else "none was given"
        raise InputError(f"no face in {len(media)} media ({reason}); one or more expected.")
    return FaceInputs(tuple(places), tuple(numbers), tuple(inputs), tuple(cells), tuple(skipped))


def as_examples(media: Sequence[Medium], faces: FaceInputs) -> Examples:
    """Return faces with the labels of their media, those of unknown label aside.

    Raises
    ------
    InputError
        If a class has no face.
    """
    kept = [number for number, place in enumerate(faces.media) if media[place].label is not None]
    chosen = [media[faces.media[number]] for number in kept]
    labels = np.array([medium.label for medium in chosen], np.int64)
    for label, word in enumerate(("real", "fake")):
        if not (labels == label).any():
            raise InputError(f"no {word} face among {len(labels)}; both classes expected.")
    sources = {key: place for place, key in enumerate(dict.fromkeys(_source(medium) for medium in chosen))}
    domains = tuple(sorted({medium.domain for medium in chosen}))
    inputs = [faces.inputs[number] for number in kept]
    return Examples(
        images=np.stack([_bytes(one.image) for one in inputs]),
        patches=np.stack([_bytes(one.patch) for one in inputs]),
        coherence=np.stack([one.coherence for one in inputs]),
        labels=labels,
        sources=np.array([sources[_source(medium)] for medium in chosen], np.int64),
        domains=np.array([domains.index(medium.domain) for medium in chosen], np.int64),
        domain_names=domains,
        generators=tuple(medium.generator for medium in chosen),
        forgeries=tuple(medium.forgery for medium in chosen),
        families=tuple(medium.family for medium in chosen),
        masks=_masks_of([faces.cells[number] for number in kept]),
    )


def cells_of(medium: Medium, crop: FaceCrop) -> NDArray[np.float32] | None:
    """Return how much of each cell of a face is forged, or None if nobody knows."""
    size = (MASK_CELLS, MASK_CELLS)
    if crop.mask is not None and medium.mask is not None:
        import cv2

        return np.asarray(cv2.resize(crop.mask, size, interpolation=cv2.INTER_AREA), np.float32)
    if medium.label == 0:
        return np.zeros(size, np.float32)
    # Nothing of a synthesised picture is real.
    return np.ones(size, np.float32) if medium.label == 1 and medium.forgery == "synthesis" else None


def _masks_of(cells: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    if all(one is None for one in cells):
        return None
    unknown = np.full((MASK_CELLS, MASK_CELLS), np.nan, np.float32)
    return np.stack([unknown if one is None else one for one in cells])


def _source(medium: Medium) -> str:
    return medium.source or medium.video or medium.name


def _bytes(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(picture, 0, 1) * 255), np.uint8)
