"""Training of the network into a run, on generated films or on recordings."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import replace

import torch
from safetensors.torch import load_file

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import BEST, WEIGHTS, fit, measures_of, write_card
from vision_cli.core.runs.runs import Run
from vision_cli.gaze_predict.options import EMBEDDED, Preset, Recipe, TrainingOptions
from vision_cli.gaze_predict.pipeline.weight_files import About, LoadedGaze, build_network, write_network
from vision_cli.gaze_predict.training.gaze import GazeTask
from vision_cli.gaze_predict.training.losses import STANDARD
from vision_cli.gaze_predict.training.readings import ReadingSource
from vision_cli.gaze_predict.training.recipes import make_schedule

ADAPTED = ("decoder.", "projector.", "head.", "behaviour.")
"""Beginnings of the names of the parameters that ``adapt`` trains; encoders and neck stay as they are."""

_VALIDATION, _DRAWS_A_FILM = 128, 4
_FROZEN = {"image": "image_encoder.", "text": "text_encoder."}


def train_network(
    run: Run | None,
    sources: tuple[ReadingSource, ReadingSource],
    preset: Preset,
    options: TrainingOptions,
    compute: Compute,
    output: Output,
    *,
    data: str,
    command: str,
    start: LoadedGaze | None = None,
    adapted: tuple[str, ...] = (),
) -> None:
    """Train a network; write its weights as float16, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    sources
        Of training and of validation readings.
    preset, options, compute
        How, and where.
    output
        Where progress is shown.
    data, command
        What was learned from, and the line that repeats it, for the card.
    start
        Network to go on from; None for a new one.
    adapted
        Beginnings of the names of the parameters that are trained; empty for all that are not frozen.
    """
    recipe = options.recipe(preset)
    torch.manual_seed(compute.seed)
    about = _about(options, recipe, preset)
    if start is not None:
        about = replace(start.about, side=recipe.side if options.side else start.about.side, source=preset)
    network, tokenizer = build_network(about, trusts_code=options.trust_remote_code, for_training=True)
    if start is not None:
        network.load_state_dict(start.network.state_dict(), strict=False)
    if adapted:
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name.startswith(adapted))
    task = GazeTask(
        network,
        sources[0],
        tokenizer,
        compute.device,
        side=about.side,
        sentences=recipe.sentences,
        seed=compute.seed,
        validation=_validation_films(sources[1]),
        validation_source=sources[1],
        augments=recipe.augments,
        frozen=[_FROZEN[name] for name in options.freeze],
        weights=replace(STANDARD, matching=options.lambda_match),
    )
    schedule = make_schedule(
        recipe.steps,
        recipe.batch_size,
        is_pretrained=EMBEDDED not in (about.image_encoder, about.text_encoder),
        learning_rate=recipe.learning_rate,
        precision=compute.precision,
        seed=compute.seed,
    )
    progress = fit(run, task, schedule, samples=None, compute=compute, output=output)
    if run is None:
        return
    with run.output(WEIGHTS) as path:
        write_network(path, about, load_file(run.directory / BEST))
    measures = {f"validation_{name}": value for name, value in measures_of(progress).items()}
    run.write_metrics(measures)
    write_card(run, measures, data=data, command=command, seed=compute.seed)


def _about(options: TrainingOptions, recipe: Recipe, preset: Preset) -> About:
    return About(recipe.side, options.image_encoder, options.text_encoder, options.head, options.ablate, preset)


def _validation_films(source: ReadingSource) -> int:
    """Return how many readings to validate with: of few films, a few of each."""
    return min(_VALIDATION, _DRAWS_A_FILM * len(source)) if isinstance(source, Sized) else _VALIDATION
