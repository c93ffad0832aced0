"""``vcli rppg-adapt train``: train a network on labelled clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, verb
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.cli.app import app
from vision_cli.rppg_adapt.options import NetworkChoice, SourceTraining

EXAMPLES = (
    "vcli rppg-adapt train cache --val-fraction 0.2 -o run",
    "vcli rppg-adapt train cache --weights default --lr 5e-4 -o run                    # fine-tune the shipped weights",
    "vcli rppg-adapt train --synthetic --steps 4000 --frames 256 --batch-size 6 -o run           # on generated clips",
    "vcli rppg-adapt train --synthetic --weights run/weights.safetensors --keep last -o further  # continue a training",
)


@verb(app, "train", RUN, COMPUTE, OUTPUT, examples=EXAMPLES, processes=True)
def train(
    call: Call,
    *,
    cache: Annotated[Path | None, typer.Argument(metavar="CACHE", help="Labelled cache of preprocess.")] = None,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Train on generated clips instead of a cache.")
    ] = False,
    preset: Annotated[
        Literal["all", "easy", "hard", "shift"],
        typer.Option(help="Preset of the generated clips, as in synth, or all of their variety."),
    ] = "all",
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|HUB_ID|default",
            help="Start from these weights, with their network, size and input.",
        ),
    ] = None,
    network: NetworkChoice,
    training: SourceTraining,
) -> None:
    """Train a network on labelled clips."""
    if (cache is None) == (not synthetic):
        raise UsageError("train: either CACHE or --synthetic expected.", hint="Give one of them.")
    from vision_cli.rppg_adapt.networks.files import load_model
    from vision_cli.rppg_adapt.runs.train import choose_settings, find_clips, train_network

    start = None if weights is None else load_model(weights)
    settings = choose_settings(network, start)
    data = find_clips(cache, preset, settings, training, call.seed)

    def work(run: Run | None) -> None:
        train_network(run, settings, training, data, start, call.compute, call.output, command=call.command_line)

    call.train(work, inputs={} if start is None or start.path is None else {"weights": start.path}, says="weights in")
