"""``vcli rppg-adapt predict``: its options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.commands import missing_input
from vision_cli.core.console import Output
from vision_cli.core.errors import UsageError
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
)

PREDICT_EXAMPLES = (
    "vcli rppg-adapt --sample                                     # a generated face, with nothing to give",
    "vcli rppg-adapt face.mp4 -o out",
    "vcli rppg-adapt videos/ --method auto --hrv --resp -o out    # every video of a folder",
    "vcli rppg-adapt face.mp4 --method pos --roi 200,80,240,240",
)

_FACE, _PULSE = "Face", "Pulse"

DetectorOption = Annotated[
    Literal["haar", "lbp", "yunet"], typer.Option(help="How faces are found.", rich_help_panel=_FACE)
]
FaceModelOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Model of --detector yunet.", rich_help_panel=_FACE)
]


def predict(
    ctx: typer.Context,
    videos: Annotated[
        list[Path] | None,
        typer.Argument(metavar="VIDEO...", help="Videos, folders of videos or of pictures, tables of time,R,G,B."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Read the bundled sample.")] = False,
    method: Annotated[
        Literal["auto", "net", "pos", "chrom", "lgi", "omit", "ica", "green", "pbv"],
        typer.Option(help="auto takes the most trustworthy one in each window.", rich_help_panel=_PULSE),
    ] = "auto",
    window: Annotated[
        float, typer.Option(min=5, max=60, metavar="S", help="Length of a window.", rich_help_panel=_PULSE)
    ] = 10.0,
    step: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="Distance of two windows.", rich_help_panel=_PULSE)
    ] = 1.0,
    hr_range: Annotated[
        str, typer.Option(metavar="LOW,HIGH", help="Heart rates to look for, bpm.", rich_help_panel=_PULSE)
    ] = "40,200",
    fps: Annotated[
        float | None, typer.Option(metavar="HZ", help="Rate instead of the file's times.", rich_help_panel=_PULSE)
    ] = None,
    tta: Annotated[
        int, typer.Option(min=0, metavar="N", help="Steps of adaptation to each video.", rich_help_panel=_PULSE)
    ] = 0,
    hrv: Annotated[bool, typer.Option("--hrv", help="Heart rate variability too.", rich_help_panel=_PULSE)] = False,
    resp: Annotated[bool, typer.Option("--resp", help="Respiration rate too.", rich_help_panel=_PULSE)] = False,
    roi: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="Box to read instead of faces, pixels.", rich_help_panel=_FACE),
    ] = None,
    detector: DetectorOption = "haar",
    face_model: FaceModelOption = None,
    faces: Annotated[
        int, typer.Option(min=1, metavar="N", help="Faces to read, largest first.", rich_help_panel=_FACE)
    ] = 1,
    gt: Annotated[Path | None, typer.Option("--gt", metavar="FILE", help="True wave of one video.")] = None,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw a report of each video.")] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 5 without a reliable pulse.")] = False,
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
    """Read heart rates from videos of faces."""
    if sample:
        from vision_cli.core.samples import find_sample

        videos = [find_sample("rppg-adapt").files["video"]]
    if not videos:
        raise missing_input(ctx, "VIDEO")
    if gt is not None and len(videos) > 1:
        raise UsageError(f"--gt: {len(videos)} videos found; one expected.", hint="Use preprocess and evaluate.")
    from vision_cli.core.shards import parse_shard
    from vision_cli.rppg_adapt.session import find_videos, predict_files, result_table

    listed = find_videos(videos)
    part = parse_shard(shard)
    rates = _numbers("--hr-range", hr_range, 2)
    if not 20 <= rates[0] < rates[1] <= 300:
        raise UsageError(f"--hr-range: {hr_range} found; two rates from 20 to 300 bpm, the lower first, expected.")
    box = None if roi is None else _numbers("--roi", roi, 4)
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    with open_run(ctx, inputs={"videos": listed} if gt is None else {"videos": listed, "gt": [gt]}, shard=part) as run:
        if not run.already_done:
            from vision_cli.core.devices import configure
            from vision_cli.rppg_adapt.models import load_model
            from vision_cli.rppg_adapt.pipeline import Options
            from vision_cli.rppg_adapt.traces import SUFFIXES as TABLES

            compute = configure(device, threads, seed, keeps_freed_memory=False)
            needed = method in {"auto", "net"} and not all(path.suffix.lower() in TABLES for path in listed)
            model = load_model(weights, compute.device) if needed else None
            if model is not None:
                run.record(weights={"path": str(model.path), "sha256": model.sha256})
            options = Options(
                method=method,
                window_s=window,
                step_s=step,
                rates_bpm=(rates[0], rates[1]),
                fps=fps,
                detector=detector,
                face_model=face_model,
                faces=faces,
                roi=None if box is None else (box[0], box[1], box[2], box[3]),
                tta=tta,
                hrv=hrv,
                respiration=resp,
            )
            predict_files(run, listed, options, model, output, truth=gt, pictures=plots, strict=strict, shard=part)
            run.finish()
        entries = run.items.entries
    output.info(f"results in {run.directory}")
    output.result(result_table(entries), {"videos": [{"video": e.id, **e.row, "error": e.error} for e in entries]})
    run.require_all_good()


def _numbers(name: str, text: str, count: int) -> list[float]:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise UsageError(f"{name}: {text} found; {count} numbers separated by commas expected.")
    return numbers
