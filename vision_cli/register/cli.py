"""``vcli register``: options and help; each verb calls one function of the task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.commands import VerbApp, missing_input
from vision_cli.core.console import Output, Table
from vision_cli.core.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    OutOption,
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
from vision_cli.register.evaluation_cli import EVALUATE_EXAMPLES, evaluate
from vision_cli.register.options import (
    INPUT,
    QUALITY,
    InitOption,
    ItersOption,
    LambdaOption,
    MemoryOption,
    MethodOption,
    MetricOption,
    NamesOption,
    PicturesOption,
    PresetOption,
    SpacingOption,
    SymmetricOption,
    TransformOption,
    VolumeWeightOption,
    WaveletOption,
)
from vision_cli.register.training_cli import TRAIN_EXAMPLES, train

EXAMPLES = (
    "vcli register --sample                                   # the bundled pair",
    "vcli register fixed.nii.gz moving.nii.gz -o out",
    "vcli register f.nii.gz m.nii.gz --fixed-label fl.nii.gz --moving-label ml.nii.gz -o out",
    "vcli register batch pairs.csv -o runs --shard auto --resume",
    "vcli register apply -i other.nii.gz -r fixed.nii.gz -t out/1Warp.nii.gz -t out/0GenericAffine.mat -o w.nii.gz",
)
app = VerbApp(
    help="Align one medical image with another, 2D or 3D (WiNet, arXiv:2407.13426).",
    examples=EXAMPLES,
    default_verb="pair",
)


@app.verb("pair", examples=EXAMPLES[:3])
def pair(
    ctx: typer.Context,
    fixed: Annotated[Path | None, typer.Argument(metavar="FIXED", help="Image to align to.")] = None,
    moving: Annotated[Path | None, typer.Argument(metavar="MOVING", help="Image to align.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Register the bundled sample.")] = False,
    transform: TransformOption = "diffeo",
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
    max_folds: Annotated[
        float | None,
        typer.Option(min=0, max=100, metavar="PCT", help="Exit 5 if more voxels fold.", rich_help_panel=QUALITY),
    ] = None,
    fixed_mask: Annotated[Path | None, typer.Option(metavar="FILE", rich_help_panel=INPUT)] = None,
    moving_mask: Annotated[Path | None, typer.Option(metavar="FILE", rich_help_panel=INPUT)] = None,
    fixed_label: Annotated[Path | None, typer.Option(metavar="FILE", rich_help_panel=INPUT)] = None,
    moving_label: Annotated[Path | None, typer.Option(metavar="FILE", rich_help_panel=INPUT)] = None,
    fixed_points: Annotated[Path | None, typer.Option(metavar="FILE", rich_help_panel=INPUT)] = None,
    moving_points: Annotated[Path | None, typer.Option(metavar="FILE", rich_help_panel=INPUT)] = None,
    label_names: NamesOption = None,
    label_interp: Annotated[
        Literal["label", "nearest"], typer.Option(help="Interpolation of labels.", rich_help_panel=INPUT)
    ] = "label",
    volume: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Which volume of a 4D image.", rich_help_panel=INPUT),
    ] = None,
    pictures: PicturesOption = True,
    max_memory: MemoryOption = None,
    weights: WeightsOption = "default",
    out: OutOption = None,
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
    """Register MOVING onto FIXED."""
    if sample:
        from vision_cli.core.samples import find_sample

        files = find_sample("register").files
        fixed, moving = files["fixed"], files["moving"]
        fixed_label, moving_label = files["fixed_label"], files["moving_label"]
        label_names = files["label_names"]
    if fixed is None or moving is None:
        raise missing_input(ctx, "FIXED and MOVING")
    from vision_cli.core.runs import read_metrics
    from vision_cli.register.verbs import parse_options

    paths = {
        "fixed": fixed,
        "moving": moving,
        "fixed_mask": fixed_mask,
        "moving_mask": moving_mask,
        "fixed_label": fixed_label,
        "moving_label": moving_label,
        "fixed_points": fixed_points,
        "moving_points": moving_points,
    }
    options = parse_options(resolved_options(ctx))
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    with open_run(ctx, inputs={role: path for role, path in paths.items() if path is not None}) as run:
        if not run.already_done:
            from vision_cli.core.devices import configure
            from vision_cli.register.session import register_files

            register_files(
                run,
                paths,
                options,
                configure(device, threads, seed),
                output,
                volume=volume,
                label_names=label_names,
                interpolation=label_interp,
                max_folds_pct=max_folds,
                pictures=pictures,
            )
            run.finish()
    from vision_cli.register.results import result_table

    metrics = read_metrics(run.directory)
    output.info(f"results in {run.directory}")
    output.result(result_table(metrics), metrics)


@app.verb(
    "batch",
    examples=(
        "vcli register batch pairs.csv -o runs",
        "vcli register batch pairs.csv -o runs --shard 2/8 --resume",
        "vcli register batch OASIS_dataset.json -o runs --l2r-submission",
    ),
)
def batch(
    ctx: typer.Context,
    pairs: Annotated[
        Path | None,
        typer.Argument(metavar="PAIRS", help="CSV with id, fixed, moving, ..., or a Learn2Reg JSON."),
    ] = None,
    transform: TransformOption = "diffeo",
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
    only: Annotated[str | None, typer.Option(metavar="ID", help="Register this pair alone.")] = None,
    l2r_submission: Annotated[
        bool, typer.Option("--l2r-submission", help="Also write Learn2Reg's displacement files.")
    ] = False,
    label_names: NamesOption = None,
    pictures: PicturesOption = True,
    max_memory: MemoryOption = None,
    weights: WeightsOption = "default",
    shard: ShardOption = None,
    out: OutOption = None,
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
    """Register every pair of a list."""
    if pairs is None:
        raise missing_input(ctx, "PAIRS")
    from vision_cli.core.devices import configure
    from vision_cli.core.runs import read_metrics
    from vision_cli.core.shards import parse_shard
    from vision_cli.register.batch import register_all
    from vision_cli.register.data import read_pairs
    from vision_cli.register.verbs import parse_options

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    part = parse_shard(shard)
    if part is not None:
        output.info(str(part))
    listed = read_pairs(pairs)
    recorded = resolved_options(ctx)
    options = parse_options(recorded)
    for_pairs = {
        name: value
        for name, value in recorded.items()
        if name not in ("pairs", "only", "l2r_submission", "label_names", "pictures")
    }
    with open_run(ctx, inputs={"pairs": pairs}, shard=part) as run:
        if not run.already_done:
            register_all(
                run,
                listed,
                options,
                configure(device, threads, seed),
                output,
                pair_options=for_pairs,
                shard=part,
                only=only,
                label_names=label_names,
                l2r_submission=l2r_submission,
                pictures=pictures,
            )
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"results in {run.directory}")
    output.result(Table(("measure", "value"), list(metrics.items())), metrics)
    run.require_all_good()


@app.verb(
    "apply",
    examples=(
        EXAMPLES[4],
        (
            "vcli register apply -i fixed.nii.gz -r moving.nii.gz -t out/0GenericAffine.mat -t out/1InverseWarp.nii.gz "
            "--invert 1 -o back.nii.gz"
        ),
    ),
)
def apply(
    image: Annotated[Path, typer.Option("--input", "-i", metavar="FILE", help="Image or labels to warp.")],
    reference: Annotated[Path, typer.Option("--reference", "-r", metavar="FILE", help="Grid to warp onto.")],
    transforms: Annotated[
        list[Path],
        typer.Option(
            "--transform",
            "-t",
            metavar="FILE",
            help="Transform; repeat, the first one is applied to points first.",
        ),
    ],
    target: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write.")],
    invert: Annotated[
        list[int] | None,
        typer.Option("--invert", min=1, metavar="K", help="Invert the K-th transform; may repeat."),
    ] = None,
    interp: Annotated[Literal["linear", "nearest", "label", "bspline"], typer.Option(help="Interpolation.")] = "linear",
    volume: Annotated[int | None, typer.Option(min=0, metavar="N", help="Which volume of a 4D image.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Warp an image or labels with transforms of this or another program."""
    from vision_cli.register.verbs import apply_transforms

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    facts = apply_transforms(
        image,
        reference,
        transforms,
        target,
        invert=invert or [],
        interpolation=interp,
        volume=volume,
        overwrite=overwrite,
    )
    output.result(Table(("measure", "value"), list(facts.items())), facts)


@app.verb(
    "benchmark",
    examples=("vcli register benchmark pairs.csv --peers greedy,ants-syn,ants-syncc,convexadam --threads 2 -o bench",),
)
def benchmark(
    ctx: typer.Context,
    pairs: Annotated[
        Path | None,
        typer.Argument(metavar="PAIRS", help="CSV with id, fixed, moving, fixed_label, moving_label."),
    ] = None,
    peers: Annotated[
        str, typer.Option(metavar="NAMES", help="Peers beside ours; their environment is made on first use.")
    ] = "greedy,greedy-2mm,ants-syn,ants-syncc,convexadam",
    presets: Annotated[str, typer.Option(metavar="NAMES", help="Our presets to measure.")] = "default,fast",
    peers_env: Annotated[Path | None, typer.Option(metavar="DIR", help="A ready environment with the peers.")] = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    threads: ThreadsOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Measure accuracy, time and memory beside greedy, ANTs and ConvexAdam, in one run."""
    if pairs is None:
        raise missing_input(ctx, "PAIRS")
    from vision_cli.core.devices import available_threads
    from vision_cli.core.runs import read_metrics
    from vision_cli.register.benchmark import bars_table, run_benchmark
    from vision_cli.register.data import read_pairs

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    with open_run(ctx, inputs={"pairs": pairs}) as run:
        if not run.already_done:
            run_benchmark(
                run,
                read_pairs(pairs),
                [name for name in peers.split(",") if name],
                [name for name in presets.split(",") if name],
                threads=available_threads() if threads == "auto" else int(threads),
                environment=peers_env,
                output=output,
            )
            run.finish()
    metrics = read_metrics(run.directory)
    output.result(bars_table(run.directory), metrics)
    run.require_all_good()


app.verb("train", examples=TRAIN_EXAMPLES)(train)
app.verb("evaluate", examples=EVALUATE_EXAMPLES)(evaluate)
