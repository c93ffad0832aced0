"""``vcli register evaluate``: evaluation of transform files or of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, SHARD, Call, Done, Shown, verb
from vision_cli.register.cli.app import app
from vision_cli.register.options.evaluation import DataSet, ScoredFiles, ScoredRegistration

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run


@verb(
    app,
    "evaluate",
    ("resume", "overwrite", "config"),
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=(
        "vcli register evaluate --fixed-label fl.nii.gz --moving-label ml.nii.gz -t out/composite.h5",
        (
            "vcli register evaluate --fixed-label fl.nii.gz --moving-label ml.nii.gz --disp disp_0001_0002.nii.gz "
            "--l2r-compat"
        ),
        "vcli register evaluate --fixed-points f.csv --moving-points m.csv --points-space lps -t out/composite.h5",
        "vcli register evaluate IXI_data --layout ixi --method network -o run   # the paper's table",
    ),
)
def evaluate(
    call: Call,
    *,
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="A labelled data set whose pairs are registered and scored.")
    ] = None,
    l2r_compat: Annotated[
        bool, typer.Option("--l2r-compat", help="Also give SD log J as the script of Learn2Reg computes it.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="Run directory for DATA; without DATA, a JSON file for the metrics.",
            rich_help_panel="Run options",
        ),
    ] = None,
    files: ScoredFiles,
    data_set: DataSet,
    options: ScoredRegistration,
) -> None:
    """Score transforms by labels, landmarks and the Jacobian, or a data set by its protocol."""
    if data is None:
        _evaluate_files(call, files, out, l2r_compat=l2r_compat)
        return
    from vision_cli.register.data.layouts import read_collection
    from vision_cli.register.evaluation.protocol import pairs_of_subset, protocol_table, score_collection

    collection = read_collection(data, data_set.layout, data_set.dim)

    def work(run: Run) -> None:
        pairs = pairs_of_subset(collection, data_set.subset)
        score_collection(run, collection, pairs, options, call.compute, call.output, l2r_compat=l2r_compat)

    def show(done: Done) -> Shown:
        return protocol_table(done.directory, data_set.layout), done.metrics

    call.run(work, inputs={} if data.is_dir() else {"data": data}, show=show)


def _evaluate_files(call: Call, files: ScoredFiles, out: Path | None, *, l2r_compat: bool) -> None:
    from vision_cli.core.runs.files import write_json
    from vision_cli.register.runs.transform_files import evaluate_transforms

    scores, table = evaluate_transforms(files, l2r_compat=l2r_compat)
    if out is not None:
        write_json(out, scores)
    call.output.result(table, scores)
