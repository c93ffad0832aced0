"""Training of a recogniser into a run, from data sets to weights and their card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import BEST, WEIGHTS, Schedule, fit, measures_of, write_card
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.networks.recognisers import RECOGNISED_AUS
from vision_cli.synth_faces.options.sets import FaceSetOptions
from vision_cli.synth_faces.options.training import TrainingOptions
from vision_cli.synth_faces.pipeline.face_tables import FaceTable, chosen, cut_faces, joined, open_set
from vision_cli.synth_faces.pipeline.recogniser_files import (
    About,
    Role,
    build_recogniser,
    read_recogniser,
    write_recogniser,
)
from vision_cli.synth_faces.plans.seeds import share_of
from vision_cli.synth_faces.training.recognising import MONITORED, RecogniserTask, targets_of, validation_measures
from vision_cli.synth_faces.values import EXPRESSIONS

_WARM_UP, _VALIDATIONS, _SAVE_EVERY = 100, 20, 200
_WEIGHT_DECAY, _CLIP, _PATIENCE = 0.02, 5.0, 2
_LEAST_TO_VALIDATE = 2


def train_recogniser(
    run: Run | None,
    data: Sequence[Path],
    options: TrainingOptions,
    faces: FaceSetOptions,
    compute: Compute,
    output: Output,
    *,
    command: str,
) -> None:
    """Train a recogniser; write its weights as float16, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    data
        Data sets, generated or real.
    options, faces, compute
        What is trained, how the data is read, and where.
    output
        Where progress is shown.
    command
        The line that repeats the training, for the card.

    Raises
    ------
    InputError
        If a data set cannot be used, or has no labels of the kind that is learned.
    """
    recipe = options.recipe
    tables = []
    for path in data:
        dataset = open_set(path, faces, for_training=True)
        for note in dataset.notes:
            output.info(f"{path.name}: {note}")
        tables += cut_faces(dataset, [recipe.side], faces.crop, output, allow_skips=faces.allow_skips)
    table = joined(tables)
    about = _about(table, options)
    table = chosen(table, np.asarray(np.isfinite(targets_of(table, about)).any(axis=1)))
    training, validation = split_persons(table, options.val_fraction, compute.seed)
    output.info(f"{len(training.faces)} faces to train on, {len(validation.faces)} to validate with")

    torch.manual_seed(compute.seed)
    network = build_recogniser(about, torch.Generator().manual_seed(compute.seed))
    task = RecogniserTask(network, about, training, validation, compute.device, seed=compute.seed)
    schedule = Schedule(
        steps=recipe.steps,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        decay=True,
        warm_up=min(_WARM_UP, max(recipe.steps // 10, 1)),
        clip_norm=_CLIP,
        weight_decay=_WEIGHT_DECAY,
        validate_every=max(recipe.steps // _VALIDATIONS, 1),
        save_every=_SAVE_EVERY,
        monitor=MONITORED[about.what],
        patience=_PATIENCE,
        precision=compute.precision,
        seed=compute.seed,
    )
    progress = fit(run, task, schedule, samples=None, compute=compute, output=output)
    if run is None:
        return
    with run.output(WEIGHTS) as target:
        write_recogniser(target, about, load_file(run.directory / BEST))
    packed = read_recogniser(run.directory / WEIGHTS, device=str(compute.device))
    # What the rounded weights measure, not those of the training.
    rounded = validation_measures(packed.network, about, validation, compute.device)
    measures = {f"validation_{name}": value for name, value in {**measures_of(progress), **rounded}.items()}
    measures |= {"training_faces": len(training.faces), "validation_faces": len(validation.faces)}
    measures["faces_found_share"] = float(table.is_found.mean())
    run.write_metrics(measures)
    words = f"{len(table.faces)} faces of {', '.join(f'{one.dataset.layout} data' for one in tables)}"
    write_card(run, measures, data=words, command=command, seed=compute.seed)


def split_persons(table: FaceTable, share: float, seed: int) -> tuple[FaceTable, FaceTable]:
    """Return the faces to train on and those to validate with; all of a person are on one side.

    Raises
    ------
    InputError
        If there are fewer than four faces.
    """
    subjects = table.subjects()
    drawn = np.array([share_of(f"{seed}/{subject}") for subject in subjects])
    held_out = drawn < share
    # Few faces may all fall on one side; then those with the smallest numbers are held out.
    least = min(_LEAST_TO_VALIDATE, len(drawn) // 2)
    if held_out.sum() < least or (~held_out).sum() < least:
        count = max(least, round(share * len(drawn)))
        held_out = np.zeros(len(drawn), dtype=bool)
        held_out[np.argsort(drawn, kind="stable")[:count]] = True
    if len(drawn) < 2 * _LEAST_TO_VALIDATE:
        raise InputError(f"{len(drawn)} labelled faces; {2 * _LEAST_TO_VALIDATE} or more expected.")
    return chosen(table, ~held_out), chosen(table, held_out)


def _about(table: FaceTable, options: TrainingOptions) -> About:
    """Return what is trained: classes that have a face, or action units that are labelled somewhere.

    Raises
    ------
    InputError
        If there are fewer than two classes, or no action unit.
    """
    role: Role = "judge" if options.is_judge else "guide"
    side = options.recipe.side
    if options.what == "expression":
        sums = np.nansum(table.chances(EXPRESSIONS), axis=0)
        names = tuple(name for name, total in zip(EXPRESSIONS, sums, strict=True) if total > 0)
        if len(names) < 2:
            raise InputError(
                f"expressions {', '.join(names) or 'none'} in the data; two or more expected.",
                hint="Train action units with --what aus, or give labelled faces.",
            )
        return About("expression", role, names, side)
    known = np.asarray(np.isfinite(table.intensities(RECOGNISED_AUS)).any(axis=0))
    names = tuple(name for name, is_known in zip(RECOGNISED_AUS, known, strict=True) if is_known)
    if not names:
        raise InputError("no action unit is labelled in the data; one or more expected.", hint="Use --what expression.")
    return About("aus", role, names, side)
