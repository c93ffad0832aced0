"""``vcli register evaluate``: its options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.console import Output
from vision_cli.core.errors import UsageError
from vision_cli.core.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    ShardOption,
    ThreadsOption,
    VerboseOption,
    WeightsOption,
    open_run,
    resolved_options,
)
from vision_cli.register.options import (
    INPUT,
    InitOption,
    ItersOption,
    LambdaOption,
    MemoryOption,
    MethodOption,
    MetricOption,
    NamesOption,
    PresetOption,
    SpacingOption,
    SymmetricOption,
    VolumeWeightOption,
    WaveletOption,
)

EVALUATE_EXAMPLES = (
    "vcli register evaluate --fixed-label fl.nii.gz --moving-label ml.nii.gz -t out/composite.h5",
    "vcli register evaluate --fixed-label fl.nii.gz --moving-label ml.nii.gz --disp disp_0001_0002.nii.gz --l2r-compat",
    "vcli register evaluate IXI_data --layout ixi --method network -o run   # the paper's table",
)


def evaluate(
    ctx: typer.Context,
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="A labelled data set, to register and score its pairs.")
    ] = None,
    fixed_label: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labels of the fixed image.", rich_help_panel=INPUT)
    ] = None,
    moving_label: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labels of the moving image.", rich_help_panel=INPUT)
    ] = None,
    transforms: Annotated[
        list[Path] | None,
        typer.Option("--transform", "-t", metavar="FILE", help="Transform; repeat in the order points take them."),
    ] = None,
    disp: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A Learn2Reg displacement instead of transforms.", rich_help_panel=INPUT),
    ] = None,
    fixed_points: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Landmarks, RAS mm.", rich_help_panel=INPUT)
    ] = None,
    moving_points: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their partners, RAS mm.", rich_help_panel=INPUT)
    ] = None,
    label_names: NamesOption = None,
    label_interp: Annotated[Literal["label", "nearest"], typer.Option(help="Interpolation of labels.")] = "label",
    l2r_compat: Annotated[
        bool, typer.Option("--l2r-compat", help="Also give SDlogJ as Learn2Reg's script computes it.")
    ] = False,
    layout: Annotated[
        Literal["csv", "folder", "oasis", "ixi", "cmr", "l2r"], typer.Option(help="How the images lie in DATA.")
    ] = "csv",
    subset: Annotated[Literal["train", "validation", "test"], typer.Option(help="Which pairs of DATA.")] = "test",
    dim: Annotated[Literal["3", "2"], typer.Option(help="Axes, for layouts that have both.")] = "3",
    kind: Annotated[
        Literal["rigid", "affine", "displacement", "diffeo"],
        typer.Option(help="Kind of map to register DATA with, as --transform of the other verbs."),
    ] = "diffeo",
    method: MethodOption = "auto",
    preset: PresetOption = "default",
    metric: MetricOption = "lncc",
    lambda_: LambdaOption = 0.45,
    volume_weight: VolumeWeightOption = 0.45,
    wavelet: WaveletOption = "bior2.2",
    iters: ItersOption = None,
    spacing: SpacingOption = None,
    symmetric: SymmetricOption = False,
    init: InitOption = "moments",
    max_memory: MemoryOption = None,
    weights: WeightsOption = "default",
    shard: ShardOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PATH", help="Run directory for DATA; else a JSON file for the metrics."),
    ] = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Score transforms by labels, landmarks and the Jacobian; or a whole data set by its protocol."""
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    if data is None:
        if fixed_label is None or moving_label is None:
            raise UsageError("evaluate: either DATA, or --fixed-label and --moving-label expected.")
        from vision_cli.core.files import write_json
        from vision_cli.register.verbs import evaluate_transforms

        scores, scored = evaluate_transforms(
            fixed_label,
            moving_label,
            transforms or [],
            disp=disp,
            fixed_points=fixed_points,
            moving_points=moving_points,
            label_names=label_names,
            interpolation=label_interp,
            l2r_compat=l2r_compat,
        )
        if out is not None:
            write_json(out, scores)
        output.result(scored, scores)
        return
    from vision_cli.core.devices import configure
    from vision_cli.core.runs import read_metrics
    from vision_cli.core.shards import parse_shard
    from vision_cli.register.layouts import read_collection
    from vision_cli.register.protocol import listed_pairs, protocol_table, score_collection
    from vision_cli.register.verbs import parse_options

    part = parse_shard(shard)
    if part is not None:
        output.info(str(part))
    recorded = resolved_options(ctx)
    collection = read_collection(data, layout, int(dim))
    with open_run(ctx, inputs={} if data.is_dir() else {"data": data}, shard=part) as run:
        if not run.already_done:
            score_collection(
                run,
                collection,
                listed_pairs(collection, subset),
                parse_options({**recorded, "transform": kind}),
                configure(device, threads, seed),
                output,
                shard=part,
                l2r_compat=l2r_compat,
            )
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"results in {run.directory}")
    output.result(protocol_table(run.directory, layout), metrics)
    run.require_all_good()
