"""``vcli kan-fit fit`` and ``predict``: their options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.console import Output, Table
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
    ThreadsOption,
    VerboseOption,
    open_run,
)
from vision_cli.kan_fit.classify_cli import FormatOption

FIT_EXAMPLES = (
    "vcli kan-fit fit                                              # a known function, with nothing to give",
    "vcli kan-fit fit table.csv --target strength -o run",
    "vcli kan-fit fit --expr 'exp(sin(pi*x)+y**2)' --range x=-1:1,y=-1:1 -o run",
    "vcli kan-fit fit table.parquet --width 5,3 --pool paper --refine 5,10 -o run",
)
PREDICT_EXAMPLES = (
    "vcli kan-fit predict run new.csv --interval 0.9 -o predicted",
    "vcli kan-fit predict classifier images/ -o predicted",
)

_DATA, _NETWORK, _SEARCH = "Data", "Network", "Search"
_DEFAULT_FUNCTION = "expsin"


def fit(
    ctx: typer.Context,
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="CSV, TSV, Parquet, NPZ or Feynman's text file.")
    ] = None,
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="A function of the suites instead.", rich_help_panel=_DATA)
    ] = None,
    expr: Annotated[
        str | None, typer.Option(metavar="FORMULA", help="A formula to sample instead.", rich_help_panel=_DATA)
    ] = None,
    range_: Annotated[
        str | None,
        typer.Option("--range", metavar="RANGES", help="x=-1:1,y=0:2; of --expr.", rich_help_panel=_DATA),
    ] = None,
    rows: Annotated[
        int, typer.Option(min=50, metavar="N", help="Rows to sample of a function.", rich_help_panel=_DATA)
    ] = 2000,
    noise: Annotated[
        float, typer.Option(min=0, metavar="X", help="Noise on them, in standard deviations.", rich_help_panel=_DATA)
    ] = 0.0,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column to predict; y, target or the last one.", rich_help_panel=_DATA),
    ] = None,
    features: Annotated[
        str | None, typer.Option(metavar="A,B", help="Columns to use; all others.", rich_help_panel=_DATA)
    ] = None,
    val: Annotated[
        float, typer.Option(min=0.01, max=0.9, metavar="X", help="Share that chooses.", rich_help_panel=_DATA)
    ] = 0.2,
    test: Annotated[
        str, typer.Option(metavar="X|FILE", help="Share, or a table, to test on.", rich_help_panel=_DATA)
    ] = "0.2",
    header: Annotated[
        bool, typer.Option("--header/--no-header", help="The first line names columns.", rich_help_panel=_DATA)
    ] = True,
    impute: Annotated[
        bool, typer.Option("--impute", help="Fill missing numbers with medians.", rich_help_panel=_DATA)
    ] = False,
    width: Annotated[
        str,
        typer.Option(metavar="N,N", help="Hidden nodes; 0 for none, 'auto' tries some.", rich_help_panel=_NETWORK),
    ] = "auto",
    pool: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Activation spaces: default, paper, or names.", rich_help_panel=_NETWORK),
    ] = "default",
    select_level: Annotated[
        Literal["node", "edge", "layer"], typer.Option(help="What has a gate.", rich_help_panel=_NETWORK)
    ] = "node",
    select: Annotated[
        Literal["validated", "gate", "none"],
        typer.Option(help="Selection: compared on validation data, by gates alone, none.", rich_help_panel=_NETWORK),
    ] = "validated",
    grid: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Coarsest grid.", rich_help_panel=_SEARCH)
    ] = None,
    refine: Annotated[
        str, typer.Option(metavar="N,N", help="Grids from coarse to fine.", rich_help_panel=_SEARCH)
    ] = "5,10,20,40",
    optimizer: Annotated[
        Literal["auto", "lm", "lbfgs", "adamw"],
        typer.Option(help="Levenberg-Marquardt, L-BFGS or AdamW.", rich_help_panel=_SEARCH),
    ] = "auto",
    steps: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Optimiser steps between two updates of ranges.", rich_help_panel=_SEARCH
        ),
    ] = 12,
    restarts: Annotated[
        int, typer.Option(min=1, metavar="N", help="Start values tried on the coarsest grid.", rich_help_panel=_SEARCH)
    ] = 2,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Begin no further network after 120s, 5m, 1h.", rich_help_panel=_SEARCH),
    ] = None,
    compare: Annotated[bool, typer.Option("--compare/--no-compare", help="Also fit an MLP and boosted trees.")] = True,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Write pictures and the report.")] = True,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    device: DeviceOption = "cpu",
    threads: ThreadsOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Fit a table, a formula or a named function."""
    if sum(given is not None for given in (data, function, expr)) > 1:
        raise UsageError("fit: more than one of DATA, --function and --expr found; one expected.")
    if range_ is not None and expr is None:
        raise UsageError("fit: --range without --expr found; both expected.")
    from vision_cli.core.devices import configure
    from vision_cli.core.records import read_run
    from vision_cli.core.runs import read_metrics
    from vision_cli.kan_fit.expressions import parse_expression, parse_ranges
    from vision_cli.kan_fit.fitting import (
        Source,
        comparison_table,
        fit_files,
        parse_budget,
        parse_refine,
        parse_widths,
    )
    from vision_cli.kan_fit.functions import Target, find_function
    from vision_cli.kan_fit.selection import Settings
    from vision_cli.kan_fit.spaces import parse_pool

    sampled = None
    if expr is not None:
        expression = parse_expression(expr)
        sampled = Target("formula", expression, parse_ranges(range_, expression.variables))
    elif data is None:
        sampled = find_function(function or _DEFAULT_FUNCTION)
    test_part = _test_part(test)
    source = Source(
        data,
        sampled,
        target,
        None if features is None else tuple(name.strip() for name in features.split(",")),
        impute,
        header,
        val,
        test_part,
        rows,
        noise,
    )
    settings = Settings(
        pool=parse_pool(pool),
        level=select_level,
        select=select,
        refine=parse_refine(refine, grid),
        restarts=restarts,
        steps=steps,
        optimiser=optimizer,
        seed=seed,
    )
    hidden, budget_s = parse_widths(width), parse_budget(budget)
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    files = {"data": data, "test": test_part if isinstance(test_part, Path) else None}
    with open_run(ctx, inputs={role: path for role, path in files.items() if path is not None}) as run:
        if not run.already_done:
            compute = configure(device, threads, seed)
            fit_files(
                run,
                source,
                hidden,
                settings,
                compute,
                output,
                budget_s=budget_s,
                compare=compare,
                pictures=pictures,
            )
            run.finish()
    output.info(f"results in {run.directory}")
    output.result(comparison_table(read_run(run.directory).document), read_metrics(run.directory))


def predict(
    ctx: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Directory of a fit or a classifier.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Table with the columns of the fit; images.")],
    interval: Annotated[
        float | None, typer.Option(min=0.01, max=0.999, metavar="LEVEL", help="Add conformal intervals.")
    ] = None,
    header: Annotated[bool, typer.Option("--header/--no-header", help="The first line names columns.")] = True,
    format_: FormatOption = "auto",
    resize: Annotated[bool, typer.Option("--resize", help="Bring images to the classifier's size.")] = False,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Predict rows of a table, or images, with a fitted model."""
    from vision_cli.core.runs import read_metrics
    from vision_cli.kan_fit.classifying import predict_images
    from vision_cli.kan_fit.fitting import predict_file
    from vision_cli.kan_fit.image_models import is_image_model

    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    with open_run(ctx, inputs={"model": model} if data.is_dir() else {"model": model, "data": data}) as run:
        if not run.already_done:
            if is_image_model(model):
                predict_images(run, model, data, format_, resize=resize)
            else:
                predict_file(run, model, data, header=header, interval=interval)
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"predictions in {run.directory / 'predictions.csv'}")
    output.result(Table(("measure", "value"), list(metrics.items())), metrics)


def _test_part(text: str) -> float | Path:
    try:
        share = float(text)
    except ValueError:
        return Path(text)
    if not 0 < share < 1:
        raise UsageError(f"--test: {text} found; a share between 0 and 1, or a file, expected.")
    return share
