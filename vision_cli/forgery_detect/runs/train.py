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
from vision_cli.forgery_detect.options.faces import FaceOptions
from vision_cli.forgery_detect.options.training import RecipeOptions, TrainOptions
from vision_cli.forgery_detect.pipeline.about import About
from vision_cli.forgery_detect.pipeline.clip_files import ClipWeights, read_clip
from vision_cli.forgery_detect.pipeline.example_tables import FaceInputs, as_examples, read_inputs
from vision_cli.forgery_detect.pipeline.faces import FaceFinder
from vision_cli.forgery_detect.pipeline.model_files import read_model, scorer_of, write_model
from vision_cli.forgery_detect.pipeline.scoring import LoadedModel
from vision_cli.forgery_detect.training.gmdf.task import require_two_domains
from vision_cli.forgery_detect.training.learning import Lesson, calibrated, inputs_of, learn_coherence, scores_of
from vision_cli.forgery_detect.training.pairing import split_faces
from vision_cli.forgery_detect.training.preparation import about_of, prepare
from vision_cli.forgery_detect.training.recipes import pretraining_steps, schedule_of
from vision_cli.forgery_detect.values import Examples, FaceInput, Manifest, Medium
from vision_cli.io.pictures.folders import names_below, pictures_below
from vision_cli.io.pictures.left_out import Skipped, require_few_skipped
from vision_cli.metrics.ranking import auroc

_LISTED = 3
"""Files that a warning names."""


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
    allow_skips
        Whether more than 5 % of damaged media are accepted.
    """

    manifest: Manifest
    faces: FaceOptions
    frames: int
    studio: Path | None
    allow_skips: bool = False


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
        If a class has no face, nothing is left to calibrate with, or much of it is damaged.
    """
    media = [medium for medium in data.manifest.media if medium.label is not None]
    if options.method == "gmdf":
        require_two_domains(sorted({medium.domain for medium in media}))
    clip = clip_of(options)
    about = about_of(options, clip)
    lesson, skipped = _read_lesson(media, data, options, about, compute.seed, output)
    counts = {
        "training_faces": len(lesson.learned),
        "validation_faces": len(lesson.held_out),
        "files_left_out": len(skipped),
    }
    if run is not None and skipped:
        listed = "; ".join(f"{one.name}: {one.reason}" for one in skipped[:_LISTED])
        run.warn(f"{len(skipped)} files left out: {listed}{'; ...' if len(skipped) > _LISTED else ''}")
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
    measures |= measures_of_weights(model, lesson) | counts
    run.write_metrics(measures)
    words = f"{counts['training_faces'] + counts['validation_faces']} faces of {', '.join(lesson.learned.domain_names)}"
    write_card(run, measures, data=words, command=command, seed=compute.seed)


def measures_of_weights(model: LoadedModel, lesson: Lesson) -> dict[str, float]:
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


def _read_lesson(
    media: Sequence[Medium], data: TrainData, options: TrainOptions, about: About, seed: int, output: Output
) -> tuple[Lesson, tuple[Skipped, ...]]:
    """Return the faces of all media in two parts, and the media without any."""
    paths = [] if data.studio is None else pictures_below(data.studio)
    if data.studio is not None and not paths:
        raise InputError(f"--studio: {data.studio}: no pictures found; portraits expected.")
    sizes = {"side": about.side, "patch": about.patch}
    faces = read_inputs(media, FaceFinder(data.faces), frames=data.frames, **sizes, output=output, what="files")
    kept = len(media) - len(faces.skipped)
    require_few_skipped(Path(data.manifest.layout), faces.skipped, kept, allow_skips=data.allow_skips)
    learned, held_out = split_faces(media, faces, options.val_fraction, seed)
    parts = _examples(media, learned, "train on"), _examples(media, held_out, "calibrate with")
    skipped = faces.skipped
    studio: Sequence[FaceInput] = ()
    if data.studio is not None:
        portraits = [Medium(path, name) for path, name in zip(paths, names_below(data.studio, paths), strict=True)]
        cut = FaceFinder(replace(data.faces, face_detector="auto"))
        found = read_inputs(portraits, cut, frames=1, **sizes, output=output, what="portraits")
        skipped, studio = (*skipped, *found.skipped), found.inputs
    return Lesson(*parts, studio), skipped


def _examples(media: Sequence[Medium], faces: FaceInputs, use: str) -> Examples:
    try:
        return as_examples(media, faces)
    except InputError as error:
        raise InputError(
            f"faces to {use}: {error.message}", hint="Give more persons of each class, or another --val-fraction."
        ) from None
