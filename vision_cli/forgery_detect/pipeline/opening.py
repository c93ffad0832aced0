"""Detectors by their names or files, for the verbs and for use from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.weights import resolve_weights, shipped_weights
from vision_cli.forgery_detect.options.faces import FaceOptions
from vision_cli.forgery_detect.pipeline.faces import FaceFinder, FoundFace
from vision_cli.forgery_detect.pipeline.inputs import face_input
from vision_cli.forgery_detect.pipeline.model_files import read_model
from vision_cli.forgery_detect.pipeline.scoring import AUTO, LoadedModel
from vision_cli.forgery_detect.pipeline.verdicts import DecisionRule, probability
from vision_cli.forgery_detect.values import Picture, Verdict

TASK = "forgery-detect"
DEFAULT = "coherence"


@dataclass(frozen=True)
class LoadedDetector:
    """A detector, and what a run records of it."""

    model: LoadedModel
    facts: Mapping[str, str]


@dataclass(frozen=True)
class FaceVerdict:
    """What is said of a face of a picture.

    Attributes
    ----------
    box
        ``(4,)`` left, top, right and bottom of the square that was looked at, px.
    p_fake
        Probability of being generated or forged.
    verdict
        ``fake``, ``real`` or ``uncertain``, by the threshold and the band of doubt of the weights.
    heat
        ``(R, C)`` in 0 to 1: where the face looks forged; None of a detector without heat maps.
    domain
        Data set that GM-DF took the face for; empty of other methods.
    """

    box: NDArray[np.float64]
    p_fake: float
    verdict: Verdict
    heat: NDArray[np.float32] | None = field(default=None, repr=False)
    domain: str = ""


@dataclass(frozen=True)
class ForgeryDetector:
    """A detector with the finder of faces.

    Attributes
    ----------
    model
        Scores faces.
    finder
        Finds and cuts them.
    """

    model: LoadedModel
    finder: FaceFinder

    @property
    def rule(self) -> DecisionRule:
        """When a face is called fake, by the weights."""
        return DecisionRule(0.5, self.model.about.band)

    def predict(self, picture: Path | Picture, *, domain: str = AUTO) -> tuple[FaceVerdict, ...]:
        """Return a verdict on each face of a picture; none if no face is found.

        Parameters
        ----------
        picture
            A file, or ``(H, W, 3)`` uint8 RGB.
        domain
            Data set that GM-DF takes the picture for, ``auto`` or ``wildcard``.

        Raises
        ------
        InputError
            If the file is damaged, or the picture smaller than 32 px.
        UsageError
            If there is no such domain.
        """
        faces = self.finder.in_file(picture) if isinstance(picture, Path) else self.finder.in_picture(picture)
        return self._judged(faces, domain)

    def _judged(self, faces: tuple[FoundFace, ...], domain: str) -> tuple[FaceVerdict, ...]:
        about = self.model.about
        inputs = [face_input(face.crop, side=about.side, patch=about.patch) for face in faces]
        scores = self.model.score(inputs, heat=True, domain=domain)
        return tuple(
            FaceVerdict(face.crop.box, chance, self.rule(chance), score.heat, score.domain)
            for face, score in zip(faces, scores, strict=True)
            for chance in (probability(score.logit),)
        )


def open_detector(
    weights: str = "default", *, device: str = "cpu", faces: FaceOptions | None = None
) -> ForgeryDetector:
    """Return a detector that is ready for pictures: ``open_detector().predict(Path("photo.jpg"))``.

    Parameters
    ----------
    weights
        See `load_detector`.
    device
        Where a network is computed.
    faces
        How faces are found; None for the largest one by OpenCV's cascade.

    Raises
    ------
    InputError, MissingError
        If the weights cannot be read.
    """
    return ForgeryDetector(load_detector(weights, device).model, FaceFinder(faces or FaceOptions()))


def load_detector(choice: str, device: str) -> LoadedDetector:
    """Return the detector of ``--weights``: ``default``, the name of a shipped one, a file or an id of a hub.

    Raises
    ------
    InputError, MissingError
        If it cannot be read; see `vision_cli.core.compute.weights.resolve_weights`.
    """
    names = {card.name for card in shipped_weights() if card.task == TASK}
    if choice == "default" or choice in names:
        resolved = resolve_weights("default", TASK, DEFAULT if choice == "default" else choice)
    else:
        resolved = resolve_weights(choice, TASK)
    model = read_model(resolved.path, device)
    return LoadedDetector(model, {"path": str(resolved.path), "sha256": resolved.sha256})
