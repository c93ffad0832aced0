"""``vcli forgery-detect evaluate``: how well detectors tell forged faces from real ones, and on what they fail."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.cli.app import app
from vision_cli.forgery_detect.options.evaluating import EvaluateOptions
from vision_cli.forgery_detect.options.faces import MODEL, FaceOptions
from vision_cli.forgery_detect.options.sets import DataOptions
from vision_cli.forgery_detect.options.training import RecipeOptions

EXAMPLES = (
    "vcli forgery-detect evaluate ffpp/manifest.csv -o out                # the default detector",
    "vcli forgery-detect evaluate strict/manifest.csv --weights coherence,run/weights.safetensors -o out",
    "vcli forgery-detect evaluate strict/manifest.csv --robustness jpeg,resize -o out",
    "vcli forgery-detect evaluate bank/manifest.csv --protocol within --methods coherence,mfclip,erm -o out",
    "vcli forgery-detect evaluate ffpp/ celebdf/ dfdc/ --protocol lodo --methods gmdf,erm -o out",
)


@verb(
    app,
    "evaluate",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.forgery_detect.runs.evaluate.finish:finish",
)
def evaluate(
    call: Call,
    *,
    sets: Annotated[
        list[Path] | None, typer.Argument(metavar="SET...", help="Manifests, indexes or folders of data sets.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="A,B",
            help="Detectors: names of shipped ones, or files of train; the default one if not given.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    options: EvaluateOptions,
    data: DataOptions,
    faces: FaceOptions,
    recipe: RecipeOptions,
) -> None:
    """Measure detectors on labelled media, or train and test methods by a protocol."""
    if not sets:
        raise call.missing("SET")
    if options.protocol is not None and weights is not None:
        raise UsageError("--weights with --protocol, which trains its detectors; one of both expected.")
    if options.protocol is not None and options.robustness:
        raise UsageError("--robustness with --protocol; it tries detectors of --weights.")
    if options.protocol is None and options.methods is not None:
        raise UsageError("--methods without --protocol, which trains them.", hint="Give --protocol within.")
    from vision_cli.forgery_detect.runs.evaluate.evaluate import (
        evaluate_detectors,
        evaluate_protocol,
        open_evaluation,
        open_protocol,
    )
    from vision_cli.forgery_detect.runs.evaluate.finish import has_defined_auc, results_table
    from vision_cli.forgery_detect.runs.evaluate.scoring import open_detectors
    from vision_cli.forgery_detect.runs.reading import read_sets

    manifest = read_sets(sets, data)
    device, protocol = call.compute.device, options.protocol
    if protocol is None:
        evaluation = open_evaluation(manifest, options, seed=call.seed)
        detectors = open_detectors(weights or "default", str(device))
    else:
        evaluation = open_protocol(manifest, options, protocol, faces, recipe, seed=call.seed, device=device)

    def work(run: Run) -> None:
        if evaluation.trials is None:
            evaluate_detectors(run, evaluation, detectors, faces, call.output)
        else:
            evaluate_protocol(run, evaluation, evaluation.trials, call.output)

    def show(done: Done) -> Shown:
        return results_table(done.directory), done.metrics

    done = call.run(work, inputs={"sets": [path for path in sets if path.is_file()]}, show=show, says="results in")
    # A shard may have one class by chance.
    if call.shard is None and not has_defined_auc(done.directory):
        raise InputError(
            "no test set has both real and fake faces, so that no AUC is defined.",
            hint="Give a data set of the other class beside this one.",
        )
