"""``vcli register train``: its options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.commands import command_name, run_directory
from vision_cli.core.console import Output, Table
from vision_cli.core.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    PrecisionOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    ThreadsOption,
    VerboseOption,
    resolved_options,
    words_to_repeat,
)
from vision_cli.register.options import INPUT, QUALITY, MetricOption, WaveletOption

TRAIN_EXAMPLES = (
    "vcli register train --synthetic -o run                    # generated heads, no data needed",
    "vcli register train --synthetic --label-maps maps -o run  # label maps of your own",
)


def train(
    ctx: typer.Context,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Train on pairs drawn from label maps.")] = False,
    label_maps: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Label maps for --synthetic; generated heads without.", rich_help_panel=INPUT),
    ] = None,
    dim: Annotated[Literal["3", "2"], typer.Option(help="Axes of the images, with --synthetic.")] = "3",
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Optimiser steps.")] = 6000,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Pairs a step, over all processes.")] = 2,
    lr: Annotated[float, typer.Option(min=0, metavar="X", help="Adam's learning rate.")] = 1e-3,
    transform: Annotated[Literal["diffeo", "displacement"], typer.Option(help="What the network predicts.")] = "diffeo",
    loss: MetricOption = "lncc",
    wavelet: WaveletOption = "haar",
    width: Annotated[
        int, typer.Option(min=1, metavar="N", help="Start width of the network.", rich_help_panel=QUALITY)
    ] = 8,
    refine: Annotated[
        bool, typer.Option("--refine/--no-refine", help="Have the refinement blocks.", rich_help_panel=QUALITY)
    ] = True,
    smooth: Annotated[
        bool, typer.Option("--smooth/--no-smooth", help="Have the convolutions C1 to C3.", rich_help_panel=QUALITY)
    ] = True,
    reg_compat: Annotated[
        bool,
        typer.Option("--reg-compat", help="Scale smoothness as the published code does.", rich_help_panel=QUALITY),
    ] = False,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
    threads: ThreadsOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Train WiNet, on synthetic pairs or on images of your own."""
    from vision_cli.core.devices import configure
    from vision_cli.core.runs import Run, read_metrics
    from vision_cli.register.training import SyntheticTraining, train_on_synthetic_pairs, write_card

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    maps = {} if label_maps is None else {f"label map {p.name}": p for p in sorted(label_maps.glob("*")) if p.is_file()}
    with Run.open(
        run_directory(ctx, out, resume=resume),
        command=command_name(ctx),
        options=resolved_options(ctx),
        inputs=maps,
        resume=resume,
        overwrite=overwrite,
    ) as run:
        if not run.already_done:
            measures = train_on_synthetic_pairs(
                run,
                SyntheticTraining(
                    dim=int(dim),
                    steps=steps,
                    batch_size=batch_size,
                    learning_rate=lr,
                    label_maps=label_maps,
                    width=width,
                    wavelet=wavelet,
                    variant=transform,
                    refine=refine,
                    smooth=smooth,
                    metric=loss,
                    published_penalty=reg_compat,
                    precision="bf16" if precision == "bfloat16" else "no",
                ),
                configure(device, threads, seed),
                output,
            )
            run.write_metrics(measures)
            write_card(
                run,
                measures,
                data="generated heads" if label_maps is None else f"{len(maps)} label maps of {label_maps.name}",
                command=words_to_repeat(ctx),
                seed=seed,
            )
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"results in {run.directory}")
    output.result(Table(("measure", "value"), list(metrics.items())), metrics)
