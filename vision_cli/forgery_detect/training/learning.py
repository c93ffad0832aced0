"""A detector of any method learned from faces and calibrated on others, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from vision_cli.forgery_detect.coherence import linear
from vision_cli.forgery_detect.coherence.calibration import calibration_of
from vision_cli.forgery_detect.options.training import TrainOptions
from vision_cli.forgery_detect.pipeline.about import About
from vision_cli.forgery_detect.pipeline.clip_files import ClipWeights
from vision_cli.forgery_detect.pipeline.model_files import scorer_of
from vision_cli.forgery_detect.pipeline.scoring import CoherenceScorer, LoadedModel
from vision_cli.forgery_detect.training.pairing import features_of_pairs
from vision_cli.forgery_detect.training.preparation import about_of, prepare, train_in_memory
from vision_cli.forgery_detect.training.recipes import schedule_of
from vision_cli.forgery_detect.values import Examples, FaceInput, Floats

_LARGEST = 255


@dataclass(frozen=True)
class Lesson:
    """What a detector is learned from.

    Attributes
    ----------
    learned
        Faces to learn from.
    held_out
        Faces to choose the weights and to calibrate with.
    studio
        Portraits of a studio as they are, real, for the threshold; may be empty.
    """

    learned: Examples
    held_out: Examples
    studio: Sequence[FaceInput] = field(default=(), repr=False)


def learn(
    lesson: Lesson,
    options: TrainOptions,
    *,
    seed: int,
    device: torch.device,
    clip: ClipWeights | None = None,
    advance: Callable[[], object] | None = None,
) -> LoadedModel:
    """Return a calibrated detector, trained without checkpoints.

    Parameters
    ----------
    lesson
        Faces.
    options
        What is trained.
    seed
        Of weights and drawing.
    device
        Where it is computed.
    clip
        CLIP of a linear probe, or for GM-DF's encoder.
    advance
        Called after each step.

    Raises
    ------
    InputError
        If the faces do not suffice for the method.
    """
    if options.method == "coherence":
        return as_model(learn_coherence(lesson))
    schedule = schedule_of(options, seed=seed)
    about = about_of(options, clip)
    prepared = prepare(about, options, lesson.learned, lesson.held_out, schedule, device, clip=clip, advance=advance)
    network = prepared.finish(train_in_memory(prepared.task, schedule, advance))
    raw = LoadedModel(prepared.about, scorer_of(prepared.about, network, device))
    return replace(raw, about=calibrated(raw, lesson))


def learn_coherence(lesson: Lesson) -> linear.CoherenceModel:
    """Return a calibrated linear model of the colour coherence.

    Raises
    ------
    InputError
        If there are fewer than two pairs of a forgery and its source.
    """
    model = linear.fit(*features_of_pairs(lesson.learned))
    rows, labels = lesson.held_out.coherence, lesson.held_out.labels
    clean = np.zeros((0, rows.shape[1]), np.float32)
    if lesson.studio:
        clean = np.stack([one.coherence for one in lesson.studio])
    return linear.calibrated(model, rows[labels == 0], rows[labels == 1], clean)


def as_model(model: linear.CoherenceModel) -> LoadedModel:
    """Return a linear model of the colour coherence as a detector."""
    about = replace(about_of(TrainOptions(method="coherence")), doubt=model.calibration.band)
    return LoadedModel(about, CoherenceScorer(model))


def calibrated(model: LoadedModel, lesson: Lesson) -> About:
    """Return how a detector is built, with threshold, temperature and band of doubt; see `calibration_of`.

    Parameters
    ----------
    model
        Not calibrated yet.
    lesson
        Its faces that were held out, and the portraits.
    """
    labels = lesson.held_out.labels
    scores = scores_of(model, inputs_of(lesson.held_out))
    found = calibration_of(scores[labels == 0], scores[labels == 1], scores_of(model, lesson.studio))
    return replace(model.about, threshold=found.threshold, temperature=found.temperature, doubt=found.band)


def scores_of(model: LoadedModel, inputs: Sequence[FaceInput]) -> Floats:
    """Return the logits of faces, ``(N,)``."""
    return np.array([one.logit for one in model.score(inputs)], np.float64)


def inputs_of(examples: Examples) -> tuple[FaceInput, ...]:
    """Return examples as detectors take them."""
    return tuple(
        FaceInput(
            examples.images[row].astype(np.float32) / _LARGEST,
            examples.patches[row].astype(np.float32) / _LARGEST,
            examples.coherence[row],
        )
        for row in range(len(examples))
    )
