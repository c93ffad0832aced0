"""Detectors that are there: what each says of every face, and of degraded copies of it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError, NumericalError, UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.evaluation.localisation import localise
from vision_cli.forgery_detect.evaluation.robustness import Variant, degraded
from vision_cli.forgery_detect.options.evaluating import Degradation
from vision_cli.forgery_detect.pipeline.crops import LEAST_SIDE
from vision_cli.forgery_detect.pipeline.example_tables import faces_of
from vision_cli.forgery_detect.pipeline.faces import FaceFinder
from vision_cli.forgery_detect.pipeline.inputs import face_inputs, resized
from vision_cli.forgery_detect.pipeline.opening import DEFAULT, load_detector
from vision_cli.forgery_detect.pipeline.scoring import LoadedModel
from vision_cli.forgery_detect.values import FaceCrop, FaceInput, Medium, Picture
from vision_cli.io.pictures.left_out import Skipped
from vision_cli.io.pictures.photographs import write_photograph

THUMBNAILS = "faces"
WITHOUT_FACE = "no face was found"

_THUMBNAIL_SIDE = 128
_DIGITS = 6
_UNTOLD = frozenset({"weights", "best", "last", "model"})
"""Names of files that say nothing; the folder names the detector then."""


SizedInput = Mapping[tuple[int, int], FaceInput]
"""A face as the detectors take it, by the sides of face and tile."""


@dataclass(frozen=True)
class NamedDetector:
    """A detector with the name that tables have for it.

    Attributes
    ----------
    name
        Unique in a run.
    model
        The detector.
    facts
        What the run records of it.
    """

    name: str
    model: LoadedModel = field(repr=False)
    facts: Mapping[str, str]

    @property
    def size(self) -> tuple[int, int]:
        """Side of the face and of the tile that it takes, px."""
        return self.model.about.side, self.model.about.patch


@dataclass(frozen=True)
class ScoringPlan:
    """What is scored, and how.

    Attributes
    ----------
    media
        Pictures and videos.
    detectors
        One or more.
    finder
        Finds and cuts faces.
    frames
        Frames of a video.
    degradations
        Of the face; of a video that of the frame in the middle of those with a face.
    pictures
        Whether a thumbnail of the face is written.
    seed
        Of the noise.
    """

    media: Sequence[Medium]
    detectors: Sequence[NamedDetector]
    finder: FaceFinder
    frames: int
    degradations: Sequence[Degradation]
    pictures: bool
    seed: int


def open_detectors(choices: str, device: str) -> tuple[NamedDetector, ...]:
    """Return the detectors of ``--weights``, in words; see `load_detector` for errors.

    Raises
    ------
    UsageError
        If there is none.
    """
    words = [choices] if Path(choices).is_file() else [word.strip() for word in choices.split(",") if word.strip()]
    if not words:
        raise UsageError("--weights: nothing found; names or files of detectors expected.")
    found: list[NamedDetector] = []
    for word in dict.fromkeys(words):
        detector = load_detector(word, device)
        name, names = _name_of(word), {one.name for one in found}
        number = 2
        while name in names:
            name, number = f"{_name_of(word)}-{number}", number + 1
        found.append(NamedDetector(name, detector.model, detector.facts))
    return tuple(found)


def score_media(run: Run, plan: ScoringPlan, output: Output) -> None:
    """Score every medium that is not done yet: a row holds what all detectors say of it."""
    sizes = {one.size for one in plan.detectors}

    def work(medium: Medium) -> Mapping[str, object]:
        (found,) = faces_of([medium], plan.finder, plan.frames)
        if isinstance(found, Skipped):
            if found.is_damage:
                raise InputError(f"{medium.name}: {found.reason}.")
            return {"faces": 0, "logits": "{}", "degraded": "{}"}
        crops = [face.crop for face in found]
        place = len(crops) // 2
        middle = crops[place]
        copies = _copies(plan, medium, middle)
        inputs = [face_inputs(crop, sizes) for crop in (*crops, *copies.values())]
        logits = _logits(plan, medium, inputs)
        if plan.pictures:
            write_thumbnail(run, medium, middle.picture)
        return {
            "faces": len(crops),
            "logits": json.dumps({name: values[: len(crops)] for name, values in logits.items()}),
            "degraded": json.dumps({name: values[len(crops) :] for name, values in logits.items()}),
            "variants": json.dumps([[*variant] for variant in copies]),
            "heat": json.dumps(_agreement(plan, medium, middle, inputs[place])),
        }

    run.each(plan.media, work, name=lambda medium: medium.name, what="media", output=output)


def write_thumbnail(run: Run, medium: Medium, picture: Picture) -> None:
    """Write a small picture of a face, for the report."""
    with run.output(f"{THUMBNAILS}/{medium.name}.jpg") as path:
        write_photograph(path, resized(picture, _THUMBNAIL_SIDE))


def rounded_logits(name: str, detector: str, model: LoadedModel, inputs: Sequence[FaceInput]) -> list[float]:
    """Return the logits of faces, rounded.

    Raises
    ------
    NumericalError
        If one is not finite.
    """
    logits = [one.logit for one in model.score(inputs)]
    if not np.isfinite(logits).all():
        raise NumericalError(f"{name}: the score of {detector} is not finite.")
    return [round(one, _DIGITS) for one in logits]


def _copies(plan: ScoringPlan, medium: Medium, crop: FaceCrop) -> dict[Variant, FaceCrop]:
    """Return degraded copies of a face, those aside that became too small to be scored."""
    # Of each medium its own, whichever others there are.
    rng = np.random.default_rng((plan.seed, zlib.crc32(medium.name.encode("utf-8", "surrogateescape"))))
    return {
        variant: replace(crop, picture=picture, mask=None)
        for variant, picture in degraded(crop.picture, plan.degradations, rng)
        if len(picture) >= LEAST_SIDE
    }


def _logits(plan: ScoringPlan, medium: Medium, inputs: Sequence[SizedInput]) -> dict[str, list[float]]:
    return {
        one.name: rounded_logits(medium.name, one.name, one.model, [sized[one.size] for sized in inputs])
        for one in plan.detectors
    }


def _agreement(
    plan: ScoringPlan, medium: Medium, crop: FaceCrop, inputs: SizedInput
) -> dict[str, tuple[float | None, bool]]:
    """Return how the heat map of each detector that has one agrees with the mask of a forged face."""
    if medium.label != 1 or medium.mask is None or crop.mask is None:
        return {}
    found = {}
    for one in plan.detectors:
        (score,) = one.model.score([inputs[one.size]], heat=True)
        if score.heat is not None:
            agreement = localise(score.heat, crop.mask)
            is_known = np.isfinite(agreement.pixel_auc)
            found[one.name] = (round(agreement.pixel_auc, _DIGITS) if is_known else None, agreement.is_pointed)
    return found


def _name_of(word: str) -> str:
    if word == "default":
        return DEFAULT
    path = Path(word)
    if not path.suffix:
        return path.name
    return path.parent.name or path.stem if path.stem in _UNTOLD else path.stem
