"""The work of ``train``: faces of data sets to a calibrated detector, with its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import BEST, WEIGHTS, fit, measures_of, write_card
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.coherence import linear
from vision_cli.forgery_detect.options import FaceOptions, RecipeOptions, TrainOptions
from vision_cli.forgery_detect.pipeline.clip_files import ClipWeights, read_clip
from vision_cli.forgery_detect.pipeline.example_tables import as_examples, read_inputs
from vision_cli.forgery_detect.pipeline.faces import FaceFinder
from vision_cli.forgery_detect.pipeline.model_files import About, read_model, scorer_of, write_model
from vision_cli.forgery_detect.pipeline.scoring import LoadedModel
from vision_cli.forgery_detect.training.learning import Lesson, calibrated, inputs_of, learn_coherence, scores_of
from vision_cli.forgery_detect.training.pairing import split_faces
from vision_cli.forgery_detect.training.preparation import about_of, prepare
from vision_cli.forgery_detect.training.recipes import pretraining_steps, schedule_of
from vision_cli.forgery_detect.values import FaceInput, Manifest, Medium
from vision_cli.io.pictures.folders import names_below, pictures_below
from vision_cli.metrics.ranking import auroc


@dataclass(frozen=True)
class TrainData:
    """What is learned from.

    Attributes
    ----------
    manifest
        Media with their labels.
    faces
        How faces are found.
    frames
        Frames of a video.
    studio
        Folder of portraits of a studio as they are, for the threshold; None for none.
    """

    manifest: Manifest
    faces: FaceOptions
    frames: int
    studio: Path | None


def train_detector(
    run: Run | None, data: TrainData, options: TrainOptions, compute: Compute, output: Output, *, command: str
) -> None:
    """Train a detector; write its weights, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    data
        What is learned from.
    options, compute
        What is trained, and where.
    output
        Shows progress.
    command
        The line that repeats the training, for the card.

    Raises
    ------
    InputError
        If a class has no face, or nothing is left to calibrate with.
    """
    clip = clip_of(options)
    about = about_of(options, clip)
    lesson = _read_lesson(data, options, about, compute.seed, output)
    counts = {"training_faces": len(lesson.learned), "validation_faces": len(lesson.held_out)}
    output.info(
        f"{len(lesson.learned)} faces to train on, {len(lesson.held_out)} to calibrate with, {len(lesson.studio)} "
        "of a studio"
    )
    measures: dict[str, float] = {}
    if options.method == "coherence":
        if run is not None:
            linear.write_model(run.directory / WEIGHTS, learn_coherence(lesson))
    else:
        measures = _train_network(run, about, lesson, options, compute, output, clip)
    if run is None:
        return
    model = read_model(run.directory / WEIGHTS, str(compute.device))
    measures |= measures_of_rounded(model, lesson) | counts
    run.write_metrics(measures)
    words = f"{counts['training_faces'] + counts['validation_faces']} faces of {', '.join(lesson.learned.domain_names)}"
    write_card(run, measures, data=words, command=command, seed=compute.seed)


def measures_of_rounded(model: LoadedModel, lesson: Lesson) -> dict[str, float]:
    """Return what the weights of a file, which are rounded, measure on faces that they were not fitted to."""
    labels = lesson.held_out.labels
    logits = scores_of(model, inputs_of(lesson.held_out))
    band = model.about.doubt
    measures = {
        "validation_auc": auroc(labels, logits),
        "validation_real_called_fake": float((logits[labels == 0] > band).mean()),
        "validation_fake_called_fake": float((logits[labels == 1] > band).mean()),
    }
    if lesson.studio:
        measures["studio_called_fake"] = float((scores_of(model, lesson.studio) > band).mean())
    return measures


def clip_of(options: RecipeOptions) -> ClipWeights | None:
    """Return the weights of ``--backbone``; None without one."""
    return None if options.backbone is None else read_clip(options.backbone)


def _train_network(
    run: Run | None,
    about: About,
    lesson: Lesson,
    options: TrainOptions,
    compute: Compute,
    output: Output,
    clip: ClipWeights | None,
) -> dict[str, float]:
    """Train a network, calibrate it, and write its weights; return measures of the training."""
    schedule = schedule_of(options, seed=compute.seed, precision=compute.precision)
    with output.progress("pretraining", pretraining_steps(options)) as bar:
        prepared = prepare(
            about,
            options,
            lesson.learned,
            lesson.held_out,
            schedule,
            compute.device,
            clip=clip,
            advance=bar.advance,
        )
    task: Any = prepared.task
    progress = fit(run, task, schedule, samples=None, compute=compute, output=output)
    if run is None:
        return {}
    network = prepared.finish(load_file(run.directory / BEST, device=str(compute.device)))
    raw = LoadedModel(prepared.about, scorer_of(prepared.about, network, compute.device))
    with run.output(WEIGHTS) as path:
        write_model(path, calibrated(raw, lesson), network.state_dict())
    return {f"training_{name}": value for name, value in measures_of(progress).items()}


def _read_lesson(data: TrainData, options: TrainOptions, about: About, seed: int, output: Output) -> Lesson:
    finder = FaceFinder(data.faces)
    media = [medium for medium in data.manifest.media if medium.label is not None]
    sizes = {"side": about.side, "patch": about.patch}
    faces = read_inputs(media, finder, frames=data.frames, **sizes, output=output, what="faces")
    learned, held_out = split_faces(media, faces, options.val_fraction, seed)
    studio: Sequence[FaceInput] = ()
    if data.studio is not None:
        paths = pictures_below(data.studio)
        if not paths:
            raise InputError(f"--studio: {data.studio}: no pictures found; portraits expected.")
        portraits = [Medium(path, name) for path, name in zip(paths, names_below(data.studio, paths), strict=True)]
        cut = FaceFinder(replace(data.faces, face_detector="auto"))
        studio = read_inputs(portraits, cut, frames=1, **sizes, output=output, what="portraits").inputs
    return Lesson(as_examples(media, learned), as_examples(media, held_out), studio)
