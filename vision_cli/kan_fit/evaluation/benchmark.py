"""Benchmark of ours against baselines on suites of functions and on the digits, each fit in a measured process.

Baselines run in their own environments (:mod:`vision_cli.core.compute.baselines`). All methods get the same rows, which
ours divides into training and validation rows, and all are tested on the same fresh points.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.recorded_options import recorded
from vision_cli.core.compute.baselines import Cost, baseline_python
from vision_cli.core.compute.benchmark import (
    Bar,
    Benchmark,
    Column,
    Results,
    comparison_tables,
    measure_all,
    reduced,
    write_comparison,
)
from vision_cli.core.errors import UsageError
from vision_cli.core.report import Level, Picture, Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.evaluation.baselines import PACKAGES, costs_of, read_json, run_baseline, run_ours
from vision_cli.kan_fit.evaluation.fit_data import read_fit_data
from vision_cli.kan_fit.evaluation.public_tables import FOLDS, TABLES, read_public_table, write_fold
from vision_cli.kan_fit.formulas.parser import parse_expression
from vision_cli.kan_fit.formulas.suites import FUNCTIONS, SUITES, Target, find_function
from vision_cli.kan_fit.images.data import read_digits
from vision_cli.kan_fit.images.splits import concatenate_images, split_images
from vision_cli.kan_fit.names import BASELINES
from vision_cli.kan_fit.options import BenchmarkOptions, ImageSource, TableSource
from vision_cli.metrics.classification import classification_measures

DIGITS, PUBLIC = "digits", "tables"
OURS = "ours"

_ALONE = f"{OURS}-"
_SEEDS = 5
_EXACT = 1e-6
_CANNOT_CLASSIFY = ("pykan", "gplearn", "ridge")
_NEAR_THE_BEST = 1.05
_FORMULA_METHODS = (OURS, "pykan", "gplearn")
_COLUMNS = (
    Column("wins", "error", "wins"),
    Column("recovered", "recovered", "sum"),
    Column("fit s", "fit_s", "sum"),
    Column("wall s", "wall_s", "sum"),
    Column("peak MB", "peak_rss_mb", "max"),
)

Array = NDArray[np.float64]


def problems_of(plan: BenchmarkOptions) -> list[str]:
    """Return the names of functions, or of divisions of the digits."""
    if plan.suite == DIGITS:
        return [f"{DIGITS}-{plan.seed + n}" for n in range(_SEEDS)]
    if plan.suite == PUBLIC:
        return [f"{name}-{fold}" for name in TABLES for fold in range(FOLDS)]
    if plan.suite in SUITES:
        return [target.name for target in SUITES[plan.suite]]
    return [find_function(name.strip()).name for name in plan.suite.split(",")]


def methods_of(plan: BenchmarkOptions) -> list[str]:
    """Return the methods of a benchmark, without those that cannot classify if it is on the digits."""
    methods = [OURS, *(_ALONE + space for space in plan.alone), *plan.baselines]
    return [method for method in methods if plan.suite != DIGITS or method not in _CANNOT_CLASSIFY]


def require_known(plan: BenchmarkOptions) -> None:
    """Check, before a run is opened, that the suite and the checkouts exist.

    Raises
    ------
    UsageError
        If there is neither a suite nor a function of a name, or a checkout lacks its source folder.
    """
    if plan.suite not in SUITES and plan.suite not in {DIGITS, PUBLIC}:
        for name in plan.suite.split(","):
            if name.strip() not in FUNCTIONS:
                raise UsageError(
                    f"--suite: {name} found; {', '.join(SUITES)}, {DIGITS}, {PUBLIC}, or functions expected.",
                    hint=did_you_mean(name, [*SUITES, DIGITS, PUBLIC, *FUNCTIONS]),
                )
    checkout = plan.baselines.get("efficient-kan")
    if checkout is not None and not (checkout / "src").is_dir():
        raise UsageError(
            f"--baselines efficient-kan: {checkout} found; a checkout with src/efficient_kan expected.",
            hint="Give no path to use the layer that convkan includes.",
        )


def run_benchmark(run: Run, plan: BenchmarkOptions, *, environment: Path | None, output: Output) -> None:
    """Fit every problem with every method.

    Parameters
    ----------
    run
        The open run; each pair of problem and method is an item.
    plan
        Options of the benchmark.
    environment
        An environment with all baselines; None to create one for each.
    output
        Shows the progress.

    Raises
    ------
    MissingError
        If there is no environment with a baseline and none can be created.
    """
    comparison = benchmark_of(plan)
    baselines = [method for method in comparison.methods if method in plan.baselines]
    pythons = {name: baseline_python(PACKAGES, name, environment, output) for name in baselines}
    measure_all(run, comparison, lambda problem, method: _measure(plan, problem, method, pythons), output)


def benchmark_of(plan: BenchmarkOptions) -> Benchmark:
    """Return the comparison: problems, methods, columns of the table, bars."""
    is_digits = plan.suite == DIGITS
    middle = Column("mean error rate", "error") if is_digits else Column("geometric mean", "error", "geometric")
    columns = (Column("items", "error", "count"), middle, *_COLUMNS)
    return Benchmark(problems_of(plan), methods_of(plan), "problem", columns, partial(_bars, plan))


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the tables, the figure and the report of a benchmark, or of its merged shards."""
    plan = recorded(BenchmarkOptions, run.options)
    results = write_comparison(run, entries, benchmark_of(plan))
    if results.rows:
        _write_report(run, plan, results)


def _finds_formulas(plan: BenchmarkOptions) -> bool:
    """Return whether methods also search for a formula."""
    return plan.suite == "feynman20"


def _measure(plan: BenchmarkOptions, problem: str, method: str, pythons: Mapping[str, Path]) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="vcli-bench-") as folder:
        out = Path(folder)
        if plan.suite == DIGITS:
            seed = int(problem.rpartition("-")[2])
            return _digits(plan, method, pythons, out, seed)
        if plan.suite == PUBLIC:
            return _public_table(plan, problem, method, pythons, out)
        return _function(plan, find_function(problem), method, pythons, out)


def _function(
    plan: BenchmarkOptions, target: Target, method: str, pythons: Mapping[str, Path], out: Path
) -> dict[str, object]:
    data = read_fit_data(TableSource(function=target.name, rows=plan.rows, noise=plan.noise), plan.seed)
    formula: Array | None = None
    text: object = None
    if method.startswith(OURS):
        words = ["fit", "--function", target.name, "--rows", str(plan.rows), "--noise", str(plan.noise)]
        words += ["--no-compare", "--no-pictures", "-o", str(out / "run")]
        if method != OURS:
            words += ["--pool", method.removeprefix(_ALONE)]
        cost, fitted = run_ours(words, plan, out, plan.seed)
        values = np.array([float(row["yhat"]) for row in _rows(out / "run" / "predictions.csv")])
        if _finds_formulas(plan) and method == OURS:
            explain = ["explain", str(out / "run"), "--symbolic", "-o", str(out / "explained")]
            more, _ = run_ours(explain, plan, out, plan.seed)
            cost = Cost(cost.wall_s + more.wall_s, cost.cpu_s + more.cpu_s, max(cost.peak_rss_mb, more.peak_rss_mb))
            text = read_json(out / "explained" / "metrics.json")["formula"]
            formula = _computed(str(text), dict(zip(target.variables, data.test_inputs.T, strict=True)), len(values))
    else:
        train = {"x_train": data.table.inputs, "y_train": data.target, "x_test": data.test_inputs}
        task = "formula" if _finds_formulas(plan) and method in _FORMULA_METHODS else "regress"
        cost, fitted, arrays = run_baseline(plan, method, task, pythons[method], out, train)
        values, formula, text = arrays["values"], arrays.get("formula"), fitted.get("text")
    spread = float(data.test_target.std())
    row: dict[str, object] = {"error": float(np.sqrt(np.mean((values - data.test_target) ** 2)))}
    if _finds_formulas(plan):
        error = None if formula is None else float(np.sqrt(np.mean((formula - data.test_target) ** 2))) / spread
        is_exact = error is not None and error < _EXACT
        row |= {"formula_error": error, "recovered": None if error is None else int(is_exact), "formula": text}
    return row | costs_of(cost, fitted)


def _public_table(
    plan: BenchmarkOptions, problem: str, method: str, pythons: Mapping[str, Path], out: Path
) -> dict[str, object]:
    """Return the error on a fold of a table; all methods choose on the same validation rows."""
    name, _, fold = problem.rpartition("-")
    train, test = write_fold(name, int(fold), plan.seed, out)
    target = read_public_table(name).columns[-1]
    data = read_fit_data(TableSource(data=train, test=test, target=target), plan.seed)
    if method.startswith(OURS):
        words = ["fit", str(train), "--test", str(test), "--target", target, "--no-compare", "--no-pictures"]
        words += ["-o", str(out / "run")]
        if method != OURS:
            words += ["--pool", method.removeprefix(_ALONE)]
        cost, fitted = run_ours(words, plan, out, plan.seed)
        values = np.array([float(row["yhat"]) for row in _rows(out / "run" / "predictions.csv")])
    else:
        arrays: dict[str, Array] = {"x_test": data.test_inputs}
        for part, rows in (("train", data.split.train), ("val", data.split.val)):
            arrays |= {f"x_{part}": data.table.inputs[rows], f"y_{part}": data.target[rows]}
        cost, fitted, found = run_baseline(plan, method, "regress", pythons[method], out, arrays)
        values = found["values"]
    row: dict[str, object] = {"error": float(np.sqrt(np.mean((values - data.test_target) ** 2)))}
    return row | costs_of(cost, fitted)


def _computed(formula: str, columns: Mapping[str, Array], rows: int) -> Array:
    """Return the values of a formula, ``(rows,)``; NaN if it is too long to be parsed."""
    try:
        return np.broadcast_to(parse_expression(formula)(columns), rows)
    except UsageError:
        return np.full(rows, np.nan)


def _digits(
    plan: BenchmarkOptions, method: str, pythons: Mapping[str, Path], out: Path, seed: int
) -> dict[str, object]:
    images = read_digits()
    source = ImageSource()
    division = split_images(images, source.val_fraction, source.test_fraction, seed)
    if method.startswith(OURS):
        words = ["classify", "--sample", "--no-compare", "--no-pictures", "-o", str(out / "run")]
        if method != OURS:
            words += ["--pool", method.removeprefix(_ALONE)]
        cost, fitted = run_ours(words, plan, out, seed)
        rows = _rows(out / "run" / "predictions.csv")
        probabilities = np.array([[float(row[f"p_{name}"]) for name in images.classes] for row in rows])
    else:
        train = concatenate_images(division.train, division.val)
        arrays = {
            "x_train": train.pixels.reshape(len(train), -1) / 255,
            "y_train": train.labels,
            "x_test": division.test.pixels.reshape(len(division.test), -1) / 255,
        }
        cost, fitted, found = run_baseline(plan, method, "classify", pythons[method], out, arrays)
        probabilities = found["values"]
    measured = classification_measures(probabilities, division.test.labels)
    row = {"error": 1 - measured.accuracy, "accuracy": measured.accuracy, "nll": measured.nll}
    return row | costs_of(cost, fitted)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _bars(plan: BenchmarkOptions, found: Results) -> Iterator[Bar]:
    """Return the bars of a suite."""
    methods = methods_of(plan)
    baselines = [method for method in methods if method in BASELINES]
    if plan.suite == "s7":
        ratio = found.geometric_ratio(OURS, "pykan", "error")
        yield Bar("geometric mean of RMSE ratios, ours / pykan", False, 0.10, ratio)
        yield Bar("wall time, ours / pykan", False, 0.35, found.ratio(OURS, "pykan", "wall_s"))
        for baseline in baselines:
            both = found.shared(OURS, baseline, "error")
            yield Bar(f"functions better than {baseline}", True, 6, sum(a < b for a, b in both) if both else None)
        ratios = list(_ratios_to_best_alone(found, [name for name in methods if name.startswith(_ALONE)]))
        yield Bar("worst ratio to the best single space", False, 1.05, reduced(ratios, "max"))
        name = "geometric mean of the ratios to the best single space"
        yield Bar(name, False, 0.8, reduced(ratios, "geometric"))
    if plan.suite == "feynman20":
        yield Bar("formulas recovered", True, 12 if plan.noise == 0 else 8, found.over(OURS, "recovered", "sum"))
        if both := found.shared(OURS, "pykan", "recovered"):
            yield Bar("formulas recovered, ours - 2 x pykan", True, 0, sum(a - 2 * b for a, b in both))
    if plan.suite == PUBLIC:
        for name in TABLES:
            yield Bar(
                f"{name}: RMSE, ours / best baseline", False, _NEAR_THE_BEST, _ratio_to_best(found, name, baselines)
            )
    if plan.suite == DIGITS:
        yield Bar("mean accuracy", True, 0.985, found.over(OURS, "accuracy"))
        yield Bar("parameters", False, 24_000, found.over(OURS, "parameters", "max"))
        for baseline in baselines:
            yield Bar(f"mean accuracy, ours - {baseline}", True, 0, found.gain(OURS, baseline, "accuracy"))


def _ratio_to_best(found: Results, name: str, baselines: Sequence[str]) -> float | None:
    """Return the mean RMSE of ours over the folds of a table, over the least of the baselines; None without a fold."""

    def mean(method: str) -> float | None:
        errors = [value for problem, value in found.values(method, "error").items() if problem.startswith(f"{name}-")]
        return sum(errors) / FOLDS if len(errors) == FOLDS else None

    own = mean(OURS)
    others = [error for method in baselines if (error := mean(method)) is not None]
    return own / min(others) if own is not None and others else None


def _ratios_to_best_alone(found: Results, alone: Sequence[str]) -> Iterator[float]:
    """Return the error of ours over the least error of the single spaces, for problems that all of them fitted."""
    errors = [found.values(method, "error") for method in alone]
    for problem, error in found.values(OURS, "error").items():
        if errors and all(problem in one for one in errors):
            yield error / min(one[problem] for one in errors)


def _write_report(run: RunFiles, plan: BenchmarkOptions, found: Results) -> None:
    from vision_cli.kan_fit.figures import methods_by_problem

    comparison = benchmark_of(plan)
    errors = {method: found.values(method, "error") for method in comparison.methods}
    with run.output("plots/errors.png") as path:
        methods_by_problem(path, errors, "error rate" if plan.suite == DIGITS else "test RMSE (logarithmic)")
    single = [(p, *(errors[m].get(p) for m in comparison.methods)) for p in comparison.items]
    verdict, level = verdict_of(plan.suite, comparison.bars(found))
    picture = Picture(
        run.directory / "plots" / "errors.png",
        "Error of every method on every problem.",
        "The large points are ours: they should lie on the left of their row; a smaller point further left did better.",
    )
    report = Report(
        title=f"kan-fit: benchmark {plan.suite}",
        verdict=verdict,
        level=level,
        summary={
            "methods": len(comparison.methods),
            "problems": len(comparison.items),
            "threads of each": plan.threads,
        },
        pictures=[picture],
        tables=[*comparison_tables(run.directory), Table(("problem", *comparison.methods), single, "Errors")],
    )
    run.report(report)


def verdict_of(suite: str, bars: Iterable[Bar]) -> tuple[str, Level]:
    """Return which bars of a suite are met, and a level: bad if one is missed, caution if one is unmeasured, else good.

    Parameters
    ----------
    suite
        Name of the suite.
    bars
        Its bars; none for a list of functions.
    """
    listed = list(bars)
    missed = [bar.name for bar in listed if bar.met is False]
    open_ones = sum(bar.met is None for bar in listed)
    if not listed:
        return f"Nothing is required of {suite}: the tables show how the methods compare.", "plain"
    text = f"{sum(bar.met is True for bar in listed)} of the {len(listed)} bars of {suite} are met"
    text += f"; missed: {'; '.join(missed)}" if missed else ""
    text += f"; {open_ones} not measured, for want of a method" if open_ones else ""
    return f"{text}.", "bad" if missed else "caution" if open_ones else "good"
