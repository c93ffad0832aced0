"""``vcli register train``: its options and help."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.console import Output, Table
from vision_cli.core.errors import UsageError
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
    open_run,
    words_to_repeat,
)
from vision_cli.register.options import INPUT, QUALITY, MetricOption, SpacingOption, WaveletOption

TRAIN_EXAMPLES = (
    "vcli register train pairs.csv --layout csv -o run         # on from the shipped weights",
    "vcli register train scans --layout folder --spacing 2 --steps 2000 -o run",
    "vcli register train IXI_data --layout ixi --weights none --epochs 100 -o run",
    "vcli register train --synthetic --label-maps maps -o run  # label maps of your own",
)

_STEPS = 1000
_SYNTHETIC_RATE, _RATE = 1e-3, 3e-4


def train(
    ctx: typer.Context,
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Images to train on, in the layout that --layout names.")
    ] = None,
    layout: Annotated[
        Literal["csv", "folder", "oasis", "ixi", "cmr", "l2r"], typer.Option(help="How the images lie in DATA.")
    ] = "folder",
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Train on pairs drawn from label maps.")] = False,
    preset: Annotated[
        Literal["shipped"], typer.Option(help="Synthetic pairs: those that the shipped weights were trained on.")
    ] = "shipped",
    label_maps: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Label maps for --synthetic; generated heads without.", rich_help_panel=INPUT),
    ] = None,
    dim: Annotated[Literal["3", "2"], typer.Option(help="Axes, for --synthetic and layouts that have both.")] = "3",
    atlas: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Image to register all others with.", rich_help_panel=INPUT)
    ] = None,
    spacing: SpacingOption = None,
    align: Annotated[
        bool | None,
        typer.Option("--align/--no-align", help="Align linearly; by default where the layout needs it."),
    ] = None,
    held_out: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Images, or listed pairs, to validate on.", rich_help_panel=INPUT),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=f"Optimiser steps; {_STEPS}, synthetic: as the shipped weights."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Passes over the pairs, for --steps.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Pairs a step, over all processes.")] = 2,
    lr: Annotated[
        float | None, typer.Option(min=0, metavar="X", help=f"Adam's rate; {_RATE}, synthetic {_SYNTHETIC_RATE}.")
    ] = None,
    transform: Annotated[Literal["diffeo", "displacement"], typer.Option(help="What the network predicts.")] = "diffeo",
    loss: MetricOption = "lncc",
    lambda_: Annotated[
        float,
        typer.Option("--lambda", min=0, metavar="X", help="Weight of smoothness.", rich_help_panel=QUALITY),
    ] = 0.15,
    dice_weight: Annotated[
        float, typer.Option(min=0, metavar="X", help="Weight of the labels' overlap.", rich_help_panel=QUALITY)
    ] = 0.7,
    augment: Annotated[
        bool, typer.Option("--augment/--no-augment", help="Vary the images of DATA.", rich_help_panel=QUALITY)
    ] = True,
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
    ablate: Annotated[
        bool, typer.Option("--ablate", help="With --synthetic: train variants of the network alike, and compare.")
    ] = False,
    weights: Annotated[
        str,
        typer.Option(
            metavar="FILE|none", help="Begin with these weights; 'default' are the shipped ones.", rich_help_panel=INPUT
        ),
    ] = "default",
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
    """Train WiNet, on images of your own or on synthetic pairs."""
    if synthetic == (data is not None):
        raise UsageError("train: either DATA or --synthetic expected.", hint="Give the one that you have.")
    if ablate and not synthetic:
        raise UsageError("train: --ablate without --synthetic found; both expected.")
    from vision_cli.core.devices import configure
    from vision_cli.core.runs import read_metrics
    from vision_cli.core.training import open_shared_run
    from vision_cli.register.objective import Weights
    from vision_cli.register.training import NetworkOptions, write_card

    compute = configure(device, threads, seed)
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    network = NetworkOptions(width, wavelet, transform, refine, smooth)
    half: Literal["bf16", "no"] = "bf16" if precision == "bfloat16" else "no"
    maps = {} if label_maps is None else {f"label map {p.name}": p for p in sorted(label_maps.glob("*")) if p.is_file()}

    opened = partial(open_run, ctx, inputs=maps if data is None or data.is_dir() else {"data": data})
    with open_shared_run(opened, cpu=compute.device.type == "cpu") as shared:
        measures: Mapping[str, float] = {}
        if data is None:
            from vision_cli.register.synthetic_training import STEPS, SyntheticTraining, train_on_synthetic_pairs

            described = "generated heads" if label_maps is None else f"{len(maps)} label maps of {label_maps.name}"
            recipe = SyntheticTraining(
                dim=int(dim),
                steps=steps or STEPS[int(dim)],
                batch_size=batch_size,
                learning_rate=_SYNTHETIC_RATE if lr is None else lr,
                label_maps=label_maps,
                network=network,
                metric=loss,
                published_penalty=reg_compat,
                precision=half,
            )
            if ablate and not shared.done and shared.run is not None:
                from vision_cli.register.ablation import train_variants

                train_variants(shared.run, recipe, compute, output)
            elif not shared.done:
                measures = train_on_synthetic_pairs(shared.run, recipe, compute, output)
        else:
            from vision_cli.register.image_training import ImageTraining, train_on_images

            described = f"{layout} images of {data.name}"
            training = ImageTraining(
                data=data,
                layout=layout,
                dim=int(dim),
                atlas=atlas,
                spacing=spacing,
                align=align,
                held_out=held_out,
                epochs=epochs,
                steps=steps or _STEPS,
                batch_size=batch_size,
                learning_rate=_RATE if lr is None else lr,
                start=weights,
                network=network,
                metric=loss,
                published_penalty=reg_compat,
                weights=Weights(overlap=dice_weight, smoothness=lambda_),
                augment=augment,
                precision=half,
            )
            if not shared.done:
                measures = train_on_images(shared.run, training, compute, output)
        if shared.run is not None and not shared.done:
            if not ablate:
                shared.run.write_metrics(measures)
                write_card(shared.run, measures, data=described, command=words_to_repeat(ctx), seed=seed)
            shared.run.finish()
    if shared.run is not None:
        from vision_cli.register.ablation import ablation_table

        metrics = read_metrics(shared.run.directory)
        table = Table(("measure", "value"), list(metrics.items()))
        output.info(f"results in {shared.run.directory}")
        output.result(ablation_table(shared.run.directory) if ablate else table, metrics)
