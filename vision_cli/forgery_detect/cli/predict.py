"""``vcli forgery-detect predict``, the main verb: verdicts on pictures and videos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.core.errors import Found
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.cli.app import app
from vision_cli.forgery_detect.options.faces import MODEL, FaceOptions, ScoreOptions

EXAMPLES = (
    "vcli forgery-detect --sample                                # needs no file",
    "vcli forgery-detect photo.jpg -o out",
    "vcli forgery-detect videos/ --frames 64 --agg topk -o out",
    "vcli forgery-detect list.txt --fail-on-fake --json          # exit code 10 if a face is called fake",
)


@verb(
    app,
    "predict",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.forgery_detect.runs.finish_predict:finish",
)
def predict(
    call: Call,
    *,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE|DIR|LIST.txt...", help="Pictures, videos, folders of them, or lists."),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            metavar="FILE|NAME",
            help="Detector: coherence, mfclip-nano, gmdf-nano (shipped), or a file of train.",
            rich_help_panel=MODEL,
        ),
    ] = "default",
    batch_size: Annotated[
        int, typer.Option(min=1, metavar="N", help="Faces scored at once.", rich_help_panel=MODEL)
    ] = 16,
    faces: FaceOptions,
    scores: ScoreOptions,
    fail_on_fake: Annotated[
        bool, typer.Option("--fail-on-fake", help="End with exit code 10 if a file is called fake.")
    ] = False,
    sample: Annotated[bool, typer.Option("--sample", help="Use the bundled sample.")] = False,
) -> None:
    """Say of pictures and videos whether their faces are generated or forged, with a band of doubt."""
    if sample:
        from vision_cli.core.samples import find_sample

        inputs = list(find_sample("forgery-detect").files.values())
    if not inputs:
        raise call.missing("FILE or DIR")
    from vision_cli.forgery_detect.data.finding import find_media
    from vision_cli.forgery_detect.pipeline.faces import FaceFinder
    from vision_cli.forgery_detect.pipeline.opening import load_detector
    from vision_cli.forgery_detect.runs.finish_predict import verdicts_table
    from vision_cli.forgery_detect.runs.predict import ForgeryPlan, predict_all

    media = find_media(inputs)
    detector = load_detector(weights, str(call.compute.device))
    detector.model.require_domain(scores.domain)
    plan = ForgeryPlan(media, detector.model, FaceFinder(faces), scores, batch_size)

    def work(run: Run) -> None:
        run.record(weights=detector.facts)
        predict_all(run, plan, call.output)

    def show(done: Done) -> Shown:
        return verdicts_table(done.entries), done.metrics

    done = call.run(work, inputs={"media": [one.path for one in media]}, show=show, says="verdicts in")
    if fail_on_fake and (count := done.metrics["verdict/fake"]):
        raise Found(f"{count} of {done.metrics['files']} files are called fake.")
