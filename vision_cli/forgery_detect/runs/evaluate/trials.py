"""Protocols: detectors of several methods trained on a part of the media and tested on others, on the same faces."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.data.leaks import require_no_leaks
from vision_cli.forgery_detect.evaluation.protocols import Trial
from vision_cli.forgery_detect.options.training import Method, RecipeOptions, TrainOptions
from vision_cli.forgery_detect.pipeline.example_tables import FaceInputs, as_examples, cells_of, faces_of
from vision_cli.forgery_detect.pipeline.faces import FaceFinder
from vision_cli.forgery_detect.pipeline.inputs import face_inputs
from vision_cli.forgery_detect.runs.evaluate.plan_file import LeftOut
from vision_cli.forgery_detect.runs.evaluate.scoring import rounded_logits, write_thumbnail
from vision_cli.forgery_detect.training.learning import Lesson, learn
from vision_cli.forgery_detect.training.pairing import split_faces
from vision_cli.forgery_detect.training.preparation import about_of
from vision_cli.forgery_detect.values import FaceInput, Medium
from vision_cli.io.pictures.left_out import Skipped

if TYPE_CHECKING:
    from vision_cli.forgery_detect.pipeline.clip_files import ClipWeights

Size = tuple[int, int]
"""Side and patch of a network's input, px."""


@dataclass(frozen=True)
class TrialPlan:
    """What is trained, and on what.

    Attributes
    ----------
    media
        All media of the trials.
    trials
        Of one protocol.
    methods
        What is trained in each.
    recipe
        How; the methods share it.
    clip
        CLIP of a linear probe, or for GM-DF's encoder.
    finder, frames
        How faces are found, and in how many frames of a video.
    pictures
        Whether thumbnails of tested faces are written.
    seed
        Of weights, drawing, and validation faces.
    device
        Where it is computed.
    """

    media: Sequence[Medium]
    trials: Sequence[Trial]
    methods: Sequence[Method]
    recipe: RecipeOptions
    clip: ClipWeights | None
    finder: FaceFinder
    frames: int
    pictures: bool
    seed: int
    device: torch.device

    def options_of(self, method: Method) -> TrainOptions:
        """Return how a method is trained."""
        return TrainOptions(method=method, **asdict(self.recipe))

    def clip_of(self, method: Method) -> ClipWeights | None:
        """Return CLIP for the methods that take it."""
        return self.clip if method in {"linear", "gmdf"} else None

    def size_of(self, method: Method) -> Size:
        """Return the size of a method's input."""
        about = about_of(self.options_of(method), self.clip_of(method))
        return about.side, about.patch


@dataclass(frozen=True)
class SizedFaces:
    """Faces of media at the sizes of all methods.

    Attributes
    ----------
    by_size
        The same faces at each size.
    left_out
        Media without a face, or that cannot be read.
    """

    by_size: Mapping[Size, FaceInputs] = field(repr=False)
    left_out: tuple[LeftOut, ...]


def require_separate(trials: Sequence[Trial], *, allow_leak: bool) -> tuple[str, ...]:
    """Refuse trials whose tests share something with their training; return a sentence on each where it is allowed.

    Raises
    ------
    InputError
        If they do; five of it are named.
    """
    notes = []
    for trial in trials:
        for name, test in trial.tests.items():
            if leaks := require_no_leaks(trial.train, test, allow_leak=allow_leak):
                notes.append(f"{len(leaks)} leaks between the training {trial.name} and the test {name} are accepted.")
    return tuple(notes)


def read_faces(run: Run, plan: TrialPlan, output: Output) -> SizedFaces:
    """Return the faces of all media, read once for all methods.

    Raises
    ------
    InputError
        If no medium has a face.
    """
    sizes = sorted({plan.size_of(method) for method in plan.methods})
    tested = {medium.name for trial in plan.trials for test in trial.tests.values() for medium in test.media}
    places: list[int] = []
    numbers: list[int] = []
    inputs: dict[Size, list[FaceInput]] = {size: [] for size in sizes}
    cells: list[NDArray[np.float32] | None] = []
    left_out: list[LeftOut] = []
    with output.progress("faces", len(plan.media)) as bar:
        for medium, found in zip(plan.media, faces_of(plan.media, plan.finder, plan.frames), strict=True):
            interrupts.check()
            if isinstance(found, Skipped):
                left_out.append(LeftOut(medium.name, found.reason))
            else:
                for face in found:
                    places.append(face.medium)
                    numbers.append(face.frame)
                    cells.append(cells_of(medium, face.crop))
                    for size, one in face_inputs(face.crop, sizes).items():
                        inputs[size].append(one)
                if plan.pictures and medium.name in tested:
                    write_thumbnail(run, medium, found[len(found) // 2].crop.picture)
            bar.advance()
    if not places:
        reason = f"{left_out[0].name}: {left_out[0].reason}" if left_out else "none was given"
        raise InputError(f"no face in {len(plan.media)} media ({reason}); one or more expected.")
    by_size = {
        size: FaceInputs(tuple(places), tuple(numbers), tuple(own), tuple(cells)) for size, own in inputs.items()
    }
    return SizedFaces(by_size, tuple(left_out))


def run_trials(run: Run, plan: TrialPlan, faces: Callable[[], SizedFaces], output: Output) -> None:
    """Train and test every method in every trial that is not done yet: a row holds the scores of one training.

    Parameters
    ----------
    run
        The open run.
    plan
        What is trained.
    faces
        Returns the faces of all media; called if there is something left to do.
    output
        Shows progress.
    """
    items = [(trial, method) for trial in plan.trials for method in plan.methods]

    def work(item: tuple[Trial, Method]) -> Mapping[str, object]:
        trial, method = item
        own = faces().by_size[plan.size_of(method)]
        media, train = _faces_of(trial.train.media, plan.media, own)
        options = plan.options_of(method)
        learned, held_out = split_faces(media, train, options.val_fraction, plan.seed)
        lesson = Lesson(as_examples(media, learned), as_examples(media, held_out))
        clip = plan.clip_of(method)
        model = learn(lesson, options, seed=plan.seed, device=plan.device, clip=clip, advance=interrupts.check)
        tested = {medium.name: medium for test in trial.tests.values() for medium in test.media}
        shown, test = _faces_of(tuple(tested.values()), plan.media, own)
        logits: dict[str, list[float]] = {}
        for place, logit in zip(test.media, rounded_logits(trial.name, method, model, test.inputs), strict=True):
            logits.setdefault(shown[place].name, []).append(logit)
        return {
            "trial": trial.name,
            "method": method,
            "training_faces": len(learned.media),
            "validation_faces": len(held_out.media),
            "band": model.about.band,
            "logits": json.dumps(logits),
        }

    run.each(items, work, name=lambda item: f"{item[0].name}/{item[1]}", what="trainings", output=output)


def _faces_of(
    chosen: Sequence[Medium], media: Sequence[Medium], faces: FaceInputs
) -> tuple[Sequence[Medium], FaceInputs]:
    """Return some media with their faces."""
    places = {medium.name: place for place, medium in enumerate(chosen)}
    rows = np.array([row for row, place in enumerate(faces.media) if media[place].name in places], np.int64)
    part = faces.part(rows)
    return chosen, replace(part, media=tuple(places[media[place].name] for place in part.media))
