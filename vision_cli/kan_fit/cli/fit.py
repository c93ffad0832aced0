"""``vcli kan-fit fit``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, Done, Shown, verb
from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.cli.app import app
from vision_cli.kan_fit.options import PicturesOption, SearchOptions, TableSource

EXAMPLES = (
    "vcli kan-fit fit --sample -o run                              # the bundled table, the law of a thin lens",
    "vcli kan-fit fit table.csv --target strength -o run",
    "vcli kan-fit fit --expr 'exp(sin(pi*x)+y**2)' --range x=-1:1,y=-1:1 -o run",
    "vcli kan-fit fit --function kinkchirp -o run                  # a function of the suites",
    "vcli kan-fit fit table.parquet --width 5,3 --pool paper --refine 5,10 -o run",
)


# Small matrices in float64: fits were measured on CPUs only.
@verb(app, "fit", RUN, COMPUTE, OUTPUT, examples=EXAMPLES, defaults={"device": "cpu"})
def fit(
    call: Call,
    source: TableSource,
    search: SearchOptions,
    sample: Annotated[bool, typer.Option("--sample", help="Fit the bundled table.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare/--no-compare", help="Also fit an MLP, trees, ridge and the mean.")
    ] = True,
    pictures: PicturesOption = True,
) -> None:
    """Fit a table, a formula or a named function."""
    if sum((source.data is not None, source.function is not None, source.expression is not None, sample)) > 1:
        raise UsageError("fit: more than one of DATA, --function, --expr and --sample found; one expected.")
    if source.ranges is not None and source.expression is None:
        raise UsageError("fit: --range without --expr found; both expected.")
    if source.folds is not None and (source.test is not None or (source.data is None and not sample)):
        raise UsageError("fit: --folds with --test or a function found; a table to divide expected.")
    if sample:
        from vision_cli.core.samples import find_sample

        source = replace(source, data=find_sample("kan-fit").files["data"])
    if source.data is None and source.function is None and source.expression is None:
        raise call.missing("DATA, --function or --expr")
    from vision_cli.core.runs.records import read_run
    from vision_cli.kan_fit.evaluation.fit_data import sampled_function
    from vision_cli.kan_fit.runs.fit import comparison_table, fit_files

    # A formula that cannot be parsed is wrong usage: no run is opened.
    sampled_function(source)

    def show(done: Done) -> Shown:
        return comparison_table(read_run(done.directory).document), done.metrics

    files = {"data": source.data, "test": source.test}
    call.run(
        lambda run: fit_files(
            run,
            source,
            replace(search, seed=call.seed),
            call.configure(precision="float64"),
            call.output,
            compare=compare,
            pictures=pictures,
        ),
        inputs={role: path for role, path in files.items() if path is not None},
        show=show,
    )
