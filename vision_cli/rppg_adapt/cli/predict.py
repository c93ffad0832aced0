"""``vcli rppg-adapt predict``: estimate heart rates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.options import WeightsOption
from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.cli.app import app
from vision_cli.rppg_adapt.options import PulseOptions

EXAMPLES = (
    "vcli rppg-adapt --sample                                     # a generated face; needs no file",
    "vcli rppg-adapt face.mp4 -o out",
    "vcli rppg-adapt videos/ --method auto --hrv --resp -o out    # every video of a folder",
    "vcli rppg-adapt face.mp4 --method pos --roi 200,80,240,240",
)


@verb(
    app,
    "predict",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.rppg_adapt.runs.predict_tables:finish",
)
def predict(
    call: Call,
    *,
    videos: Annotated[
        list[Path] | None,
        typer.Argument(metavar="VIDEO...", help="Videos, folders of videos or of pictures, tables of time,R,G,B."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Use the bundled sample.")] = False,
    options: PulseOptions,
    gt: Annotated[
        Path | None, typer.Option("--gt", metavar="FILE", help="Ground-truth wave of a single video.")
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Draw a picture of each face, and write report.html.")
    ] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Fail with exit code 5 without a reliable pulse.")] = False,
    weights: WeightsOption = "default",
) -> None:
    """Estimate heart rates from videos of faces."""
    if sample:
        from vision_cli.core.samples import find_sample

        videos = [find_sample("rppg-adapt").files["video"]]
    if not videos:
        raise call.missing("VIDEO")
    if gt is not None and len(videos) > 1:
        raise UsageError(f"--gt: {len(videos)} videos found; one expected.", hint="Use preprocess and evaluate.")
    from vision_cli.rppg_adapt.runs.predict import find_videos, left_out_notes, predict_files
    from vision_cli.rppg_adapt.runs.predict_tables import predictions_document, predictions_table

    listed = find_videos(videos)
    notes = left_out_notes(videos)

    def work(run: Run) -> None:
        for note in notes:
            run.warn(note)
        compute = call.configure(keeps_freed_memory=False)
        predict_files(
            run, listed, options, weights, compute.device, call.output, truth=gt, pictures=pictures, strict=strict
        )

    def show(done: Done) -> Shown:
        return predictions_table(done.entries), predictions_document(done.entries)

    call.run(work, inputs={"videos": listed} | ({} if gt is None else {"gt": [gt]}), show=show)
