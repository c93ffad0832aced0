"""``vcli register train``: training on images of a data set, or on synthetic pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, Done, Shown, measures, verb
from vision_cli.core.errors import UsageError
from vision_cli.register.cli.app import app
from vision_cli.register.options.training import (
    LossWeights,
    NetworkOptions,
    SyntheticPairs,
    TrainingImages,
    TrainingOptions,
)

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run


@verb(
    app,
    "train",
    RUN,
    COMPUTE,
    PRECISION,
    OUTPUT,
    examples=(
        "vcli register train pairs.csv --layout csv -o run         # starts from the shipped weights",
        "vcli register train scans --layout folder --spacing 2 --steps 2000 -o run",
        "vcli register train IXI_data --layout ixi --weights none --epochs 100 -o run",
        "vcli register train --synthetic --label-maps maps -o run  # synthetic pairs from label maps",
    ),
    processes=True,
)
def train(
    call: Call,
    *,
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Images to train on, in the layout of --layout.")
    ] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Train on pairs drawn from label maps.")] = False,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="With --synthetic: train and compare variants of the network.")
    ] = False,
    images: TrainingImages,
    pairs: SyntheticPairs,
    training: TrainingOptions,
    network: NetworkOptions,
    losses: LossWeights,
) -> None:
    """Train WiNet on images of a data set or on synthetic pairs."""
    if synthetic == (data is not None):
        raise UsageError("train: either DATA or --synthetic expected.", hint="Give one of the two.")
    if ablate and not synthetic:
        raise UsageError("train: --ablate without --synthetic found; both expected.")
    if data is not None:
        inputs = {} if data.is_dir() else {"data": data}
    else:
        inputs = {f"label map {path.name}": path for path in pairs.files}

    def work(run: Run | None) -> None:
        if data is not None:
            from vision_cli.register.training.images import ImageTraining, train_on_images

            on_images = ImageTraining(data, images, training, network, losses)
            train_on_images(run, on_images, call.compute, call.output, command=call.command_line)
        else:
            from vision_cli.register.training.synthetic import SyntheticTraining, train_on_synthetic_pairs

            on_pairs = SyntheticTraining(pairs, training, network)
            if ablate:
                from vision_cli.register.evaluation.ablation import train_variants

                train_variants(run, on_pairs, call.compute, call.output, command=call.command_line)
            else:
                train_on_synthetic_pairs(run, on_pairs, call.compute, call.output, command=call.command_line)

    call.train(work, inputs=inputs, show=_show_variants if ablate else measures)


def _show_variants(done: Done) -> Shown:
    from vision_cli.register.evaluation.ablation import ablation_table

    return ablation_table(done.directory), done.metrics
