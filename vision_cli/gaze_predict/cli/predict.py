"""``vcli gaze-predict predict``, the main verb: where a reader looks, sentence by sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.core.command.words import NumberOr, Numbers
from vision_cli.core.runs.runs import Run
from vision_cli.gaze_predict.cli.app import app
from vision_cli.gaze_predict.options import DATA, NETWORK, PredictionOptions

EXAMPLES = (
    "vcli gaze-predict --sample                                        # a generated film; needs no file",
    "vcli gaze-predict film.dcm --text 'right pleural effusion' -o out",
    "vcli gaze-predict films/ --report report.txt --samples 20 -o out",
    "vcli gaze-predict list.csv --save all -o out                      # image,text or image,report",
)


@verb(
    app,
    "predict",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.gaze_predict.runs.finish_predict:finish",
)
def predict(
    call: Call,
    *,
    films: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILM|DIR|LIST.csv...", help="Films (DICOM, PNG, JPEG), folders of them, or lists."),
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What is said; several sentences are told apart.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Report in plain text, or XML of Open-i, in place of --text.")
    ] = None,
    sentence: Annotated[
        float | None, typer.Option(metavar="N|all", help="The only sentence to predict for."), NumberOr("all", least=1)
    ] = None,
    window: Annotated[
        tuple[float, ...] | None,
        typer.Option(metavar="C,W|auto", help="Window of the film: centre and width.", rich_help_panel=DATA),
        Numbers(float, count=2, auto="auto"),
    ] = None,
    auto_invert: Annotated[
        bool,
        typer.Option(
            "--auto-invert", help="Invert films whose lungs are brighter than the heart.", rich_help_panel=DATA
        ),
    ] = False,
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            metavar="FILE|HUB_ID",
            help="Weights of the network; 'default' for the shipped ones.",
            rich_help_panel=NETWORK,
        ),
    ] = "default",
    sample: Annotated[bool, typer.Option("--sample", help="Use the bundled sample.")] = False,
    options: PredictionOptions,
) -> None:
    """Predict density, scan path and durations of a radiologist's gaze on chest films."""
    from vision_cli.gaze_predict.data.cases import FilmReading, open_cases, sentences_of
    from vision_cli.gaze_predict.runs.loading import load_weights
    from vision_cli.gaze_predict.runs.predict import GazePlan, disclaimer, predict_all

    if sample:
        from vision_cli.core.samples import find_sample

        bundled = find_sample("gaze-predict").files
        films, report = [bundled["film"]], bundled["report"]
    if not films:
        raise call.missing("FILM, DIR or LIST.csv")
    if text is not None and report is not None:
        raise call.missing("--text or --report, not both")
    said = sentences_of(text, report, None if sentence is None else int(sentence))
    reading = FilmReading(None if window is None else (window[0], window[1]), auto_invert)
    cases = open_cases(films, said, reading)
    loaded = load_weights(weights, device=str(call.compute.device))

    def work(run: Run) -> None:
        run.record(weights=loaded.facts)
        predict_all(run, GazePlan(cases, loaded.network, options, call.seed), call.output)

    def show(done: Done) -> Shown:
        from vision_cli.gaze_predict.runs.show import fixations_table

        return fixations_table(done), done.metrics

    call.output.info(disclaimer(loaded.network))
    files = [path for path in films if path.is_file()]
    inputs = {"films": files} | ({} if report is None else {"report": [report]})
    call.run(work, inputs=inputs, show=show, says="gaze in")
