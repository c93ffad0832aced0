"""``vcli enhance-eval score``: measure pictures or detections that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, verb
from vision_cli.core.command.words import Names
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.cli.app import app

EXAMPLES = (
    "vcli enhance-eval score --pred results/ --reference gt/ -o out        # PSNR (with and without GT-mean), SSIM",
    "vcli enhance-eval score --pred results/ --input dark/ --measures loe,niqe_vcli,piqe -o out",
    "vcli enhance-eval score --labels instances.json --detections found.json -o out   # COCO AP",
)


@verb(app, "score", RUN, SHARD, OUTPUT, examples=EXAMPLES, finish="vision_cli.enhance_eval.runs.score:finish")
def score(
    call: Call,
    *,
    pred: Annotated[Path | None, typer.Option(metavar="DIR", help="Enhanced pictures.")] = None,
    reference: Annotated[Path | None, typer.Option(metavar="DIR", help="Well-exposed partners, by stem.")] = None,
    source: Annotated[
        Path | None, typer.Option("--input", metavar="DIR", help="Dark inputs, by stem; LOE compares with them.")
    ] = None,
    measures: Annotated[str, typer.Option(metavar="LIST", help="default, all or names.")] = "default",
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help="COCO annotations.")] = None,
    detections: Annotated[Path | None, typer.Option(metavar="FILE", help="COCO results for them.")] = None,
) -> None:
    """Measure the quality of pictures, or the average precision of detections, that other programs made."""
    if (labels is None) != (detections is None):
        raise UsageError("--labels and --detections: one of them found; both expected.")
    if (pred is None) == (labels is None):
        raise UsageError(
            "score: pictures (--pred) or detections (--labels, --detections) expected.",
            hint="See vcli enhance-eval score --help.",
        )
    from vision_cli.enhance_eval.quality.table import choose_measures
    from vision_cli.enhance_eval.runs.score import open_scored_pictures, score_detections, score_pictures, shown

    if labels is not None and detections is not None:
        call.run(lambda run: score_detections(run, labels, detections), inputs={"files": [labels, detections]})
        return
    assert pred is not None
    chosen = choose_measures(Names().parse("--measures", measures), "--measures")
    dataset, sources = open_scored_pictures(pred, reference, source)

    def work(run: Run) -> None:
        score_pictures(run, dataset, sources, chosen, call.output)

    call.run(work, show=shown)
