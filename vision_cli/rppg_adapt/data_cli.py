"""``vcli rppg-adapt preprocess`` and ``synth``: their options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.commands import missing_input
from vision_cli.core.console import Output, Table
from vision_cli.core.options import (
    ConfigOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    ShardOption,
    VerboseOption,
    open_run,
)
from vision_cli.rppg_adapt.predict_cli import DetectorOption, FaceModelOption

PREPROCESS_EXAMPLES = (
    "vcli rppg-adapt preprocess UBFC --kind ubfc -o cache",
    "vcli rppg-adapt preprocess videos.csv --kind manifest --stmap -o cache --shard 1/4",
)
SYNTH_EXAMPLES = (
    "vcli rppg-adapt synth --n 8 --preset hard -o generated",
    "vcli rppg-adapt preprocess generated/manifest.csv --kind manifest -o cache",
)


def preprocess(
    ctx: typer.Context,
    dataset: Annotated[Path | None, typer.Argument(metavar="DATASET", help="Folder, or manifest CSV.")] = None,
    kind: Annotated[
        Literal["ubfc", "pure", "cohface", "ubfc-phys", "mmpd", "scamps", "ibvp", "lgi", "physdrive", "manifest"],
        typer.Option(help="How the data set is laid out."),
    ] = "manifest",
    size: Annotated[int, typer.Option(min=16, max=256, metavar="N", help="Rows and columns of the crops.")] = 36,
    fps: Annotated[float, typer.Option(min=5, max=120, metavar="HZ", help="Frames a second of the clips.")] = 30.0,
    stmap: Annotated[bool, typer.Option("--stmap", help="Keep spatio-temporal maps too.")] = False,
    detector: DetectorOption = "haar",
    face_model: FaceModelOption = None,
    shard: ShardOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Cut the faces out of a data set, once, for training and evaluation."""
    if dataset is None:
        raise missing_input(ctx, "DATASET")
    from vision_cli.core.runs import read_metrics
    from vision_cli.core.shards import parse_shard
    from vision_cli.rppg_adapt.layouts import find_recordings
    from vision_cli.rppg_adapt.preprocessing import Preprocessing
    from vision_cli.rppg_adapt.preprocessing import preprocess as write_cache

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    part = parse_shard(shard)
    recordings = find_recordings(dataset, kind)
    with open_run(ctx, inputs={"dataset": dataset} if dataset.is_file() else None, shard=part) as run:
        if not run.already_done:
            settings = Preprocessing(size, fps, detector, face_model, stmap)
            write_cache(run, recordings, settings, output, shard=part)
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"cache in {run.directory}")
    output.result(Table(("measure", "value"), list(metrics.items())), metrics)
    run.require_all_good()


def synth(
    ctx: typer.Context,
    n: Annotated[int, typer.Option("--n", min=1, metavar="N", help="Videos to make.")] = 8,
    seconds: Annotated[float, typer.Option(min=2, max=3600, metavar="S", help="Length of each.")] = 20.0,
    preset: Annotated[
        Literal["easy", "hard", "shift"],
        typer.Option(help="shift: dark skin, low light, JPEG."),
    ] = "hard",
    fps: Annotated[float, typer.Option(min=5, max=120, metavar="HZ", help="Frames a second.")] = 30.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Pixels.")] = "320x240",
    bpm: Annotated[float | None, typer.Option(min=30, max=220, metavar="BPM", help="Heart rate of all.")] = None,
    shard: ShardOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Make videos of generated faces with a known pulse."""
    from vision_cli.core.runs import read_metrics
    from vision_cli.core.shards import parse_shard
    from vision_cli.rppg_adapt.synthesis import Synthesis, make_videos, parse_size

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    part = parse_shard(shard)
    synthesis = Synthesis(n, seconds, preset, fps, parse_size(size), bpm, seed)
    with open_run(ctx, shard=part) as run:
        if not run.already_done:
            make_videos(run, synthesis, output, shard=part)
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"videos in {run.directory}")
    output.result(Table(("measure", "value"), list(metrics.items())), metrics)
    run.require_all_good()
