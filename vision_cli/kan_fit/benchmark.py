"""Ours beside the baselines in one run: the suites of functions and the digits, each fit a process that is measured.

Baselines run in an environment of their own (:mod:`vision_cli.core.peers`). All get the same rows: the baselines what
ours divides into training and validation, and all are tested on the same fresh points.
"""

from __future__ import annotations

import csv
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.bars import BAR_COLUMNS, Bar
from vision_cli.core.commands import did_you_mean
from vision_cli.core.console import Output, Table
from vision_cli.core.errors import UsageError
from vision_cli.core.journal import Entry
from vision_cli.core.peers import Cost, peers_python, run_measured
from vision_cli.core.report import Picture, write_report
from vision_cli.core.run_files import RunFiles
from vision_cli.core.runs import Run
from vision_cli.kan_fit.classifying import divide
from vision_cli.kan_fit.expressions import parse_expression
from vision_cli.kan_fit.fitting import read_data
from vision_cli.kan_fit.functions import FUNCTIONS, SUITES, Target, find_function
from vision_cli.kan_fit.image_data import read_digits
from vision_cli.kan_fit.image_selection import together
from vision_cli.kan_fit.names import BASELINES
from vision_cli.kan_fit.options import SPACES_ALONE, BaselineNames, Comparison, ImageSource, TableSource
from vision_cli.metrics.classification import classification_measures

DIGITS = "digits"
PACKAGES = Path(__file__).parents[2] / "tests" / "bench" / "peers-kan-fit.txt"
OURS = "ours"
TABLE, BARS = "methods.csv", "bars.csv"

_RUNNER = Path(__file__).with_name("peer_runner.py")
_ALONE = f"{OURS}-"
_SEEDS = 5
_EXACT = 1e-6
_LEAST_ERROR = 1e-16
_CANNOT_CLASSIFY = ("pykan", "gplearn")
_FORMULA_METHODS = (OURS, "pykan", "gplearn")
_COLUMNS = ("method", "items", "geometric mean", "wins", "recovered", "fit s", "wall s", "peak MB", "note")

Array = NDArray[np.float64]


def problems_of(plan: Comparison) -> list[str]:
    """Return the names of functions, or of divisions of the digits."""
    if plan.suite == DIGITS:
        return [f"{DIGITS}-{plan.seed + n}" for n in range(_SEEDS)]
    if plan.suite in SUITES:
        return [target.name for target in SUITES[plan.suite]]
    return [find_function(name.strip()).name for name in plan.suite.split(",")]


def methods_of(plan: Comparison) -> list[str]:
    """Return the methods of a benchmark, but those that cannot do what it asks for."""
    methods = [OURS, *(_ALONE + space for space in plan.alone), *plan.baselines]
    return [method for method in methods if plan.suite != DIGITS or method not in _CANNOT_CLASSIFY]


def require_known(plan: Comparison) -> None:
    """Refuse a suite or a checkout that does not exist, before a run begins.

    Raises
    ------
    UsageError
        If there is neither a suite nor a function of the name, or no layer in the checkout.
    """
    if plan.suite not in SUITES and plan.suite != DIGITS:
        for name in plan.suite.split(","):
            if name.strip() not in FUNCTIONS:
                raise UsageError(
                    f"--suite: {name} found; {', '.join(SUITES)}, {DIGITS}, or functions expected.",
                    hint=did_you_mean(name, [*SUITES, DIGITS, *FUNCTIONS]),
                )
    checkout = plan.baselines.get("efficient-kan")
    if checkout is not None and not (checkout / "src").is_dir():
        raise UsageError(
            f"--baselines efficient-kan: {checkout} found; a checkout with src/efficient_kan expected.",
            hint="Leave the path away for the layer that convkan ships.",
        )


def run_benchmark(run: Run, plan: Comparison, *, environment: Path | None, output: Output) -> None:
    """Fit every problem with every method.

    Parameters
    ----------
    run
        The open run; each problem and method is an item of it.
    plan
        What to measure.
    environment
        A ready environment with the baselines, None to have one made.
    output
        Where progress is shown.

    Raises
    ------
    MissingError
        If there is no environment with the baselines and none can be made.
    """
    python = peers_python(PACKAGES, environment, output) if plan.baselines else None
    run.each(
        [(problem, method) for problem in problems_of(plan) for method in methods_of(plan)],
        lambda item: _measure(plan, *item, python),
        name="-".join,
        what="fits",
        output=output,
    )


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the tables, the picture and the report of a benchmark, or of its merged shards."""
    options = run.options
    plan = Comparison(
        options["suite"],
        BaselineNames().parse("--baselines", options["baselines"]),
        SPACES_ALONE.parse("--alone", options["alone"]),
        int(options["rows"]),
        float(options["noise"]),
        int(options["threads"]),
        int(options["seed"]),
    )
    rows = [entry.row for entry in entries if entry.error is None]
    failures = {entry.id: entry.error for entry in entries if entry.error is not None}
    _write_tables(run, plan, rows, failures)


def bench_tables(directory: Path) -> tuple[Table, Table]:
    """Return the table of the methods and that of the bars of a finished benchmark."""
    first, second = (_read_table(directory / name, title) for name, title in ((TABLE, "Methods"), (BARS, "Bars")))
    return first, second


def _finds_formulas(plan: Comparison) -> bool:
    """Whether formulas are looked for, too."""
    return plan.suite == "feynman20"


def _measure(plan: Comparison, problem: str, method: str, python: Path | None) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="vcli-bench-") as folder:
        out = Path(folder)
        if plan.suite == DIGITS:
            seed = int(problem.rpartition("-")[2])
            return _digits(plan, problem, method, python, out, seed)
        return _function(plan, find_function(problem), method, python, out)


def _function(plan: Comparison, target: Target, method: str, python: Path | None, out: Path) -> dict[str, object]:
    data = read_data(TableSource(function=target.name, rows=plan.rows, noise=plan.noise), plan.seed)
    formula: Array | None = None
    text: object = None
    if method.startswith(OURS):
        words = ["fit", "--function", target.name, "--rows", str(plan.rows), "--noise", str(plan.noise)]
        words += ["--no-compare", "--no-pictures", "-o", str(out / "run")]
        if method != OURS:
            words += ["--pool", method.removeprefix(_ALONE)]
        cost, told = _ours(words, plan, out, plan.seed)
        values = np.array([float(row["yhat"]) for row in _rows(out / "run" / "predictions.csv")])
        if _finds_formulas(plan) and method == OURS:
            explain = ["explain", str(out / "run"), "--symbolic", "-o", str(out / "explained")]
            more, _ = _ours(explain, plan, out, plan.seed)
            cost = Cost(cost.wall_s + more.wall_s, cost.cpu_s + more.cpu_s, max(cost.peak_rss_mb, more.peak_rss_mb))
            text = _json(out / "explained" / "metrics.json")["formula"]
            formula = _computed(str(text), dict(zip(target.variables, data.test_inputs.T, strict=True)), len(values))
    else:
        train = {"x_train": data.table.inputs, "y_train": data.target, "x_test": data.test_inputs}
        task = "formula" if _finds_formulas(plan) and method in _FORMULA_METHODS else "regress"
        cost, told, arrays = _peer(plan, method, task, python, out, train)
        values, formula, text = arrays["values"], arrays.get("formula"), told.get("text")
    spread = float(data.test_target.std())
    row: dict[str, object] = {
        "problem": target.name,
        "method": method,
        "error": float(np.sqrt(np.mean((values - data.test_target) ** 2))),
    }
    if _finds_formulas(plan):
        apart = None if formula is None else float(np.sqrt(np.mean((formula - data.test_target) ** 2))) / spread
        is_exact = apart is not None and apart < _EXACT
        row |= {"formula_error": apart, "recovered": None if apart is None else int(is_exact), "formula": text}
    return row | _costs(cost, told)


def _computed(formula: str, columns: Mapping[str, Array], rows: int) -> Array:
    """Compute a formula, ``(rows,)``; not numbers where it is too long to be one."""
    try:
        return np.broadcast_to(parse_expression(formula)(columns), rows)
    except UsageError:
        return np.full(rows, np.nan)


def _digits(
    plan: Comparison, problem: str, method: str, python: Path | None, out: Path, seed: int
) -> dict[str, object]:
    images = read_digits()
    division = divide(images, ImageSource(), seed)
    if method.startswith(OURS):
        words = ["classify", "--sample", "--no-compare", "--no-pictures", "-o", str(out / "run")]
        if method != OURS:
            words += ["--pool", method.removeprefix(_ALONE)]
        cost, told = _ours(words, plan, out, seed)
        rows = _rows(out / "run" / "predictions.csv")
        probabilities = np.array([[float(row[f"p_{name}"]) for name in images.classes] for row in rows])
    else:
        train = together(division.train, division.val)
        arrays = {
            "x_train": train.pixels.reshape(len(train), -1) / 255,
            "y_train": train.labels,
            "x_test": division.test.pixels.reshape(len(division.test), -1) / 255,
        }
        cost, told, found = _peer(plan, method, "classify", python, out, arrays)
        probabilities = found["values"]
    measured = classification_measures(probabilities, division.test.labels)
    row = {"problem": problem, "method": method, "error": 1 - measured.accuracy, "accuracy": measured.accuracy}
    return row | {"nll": measured.nll} | _costs(cost, told)


def _ours(words: Sequence[str], plan: Comparison, out: Path, seed: int) -> tuple[Cost, dict[str, object]]:
    folder = out / f"cost-{words[0]}"
    folder.mkdir()
    command = [sys.executable, "-m", "vision_cli", "kan-fit", *words, "--seed", str(seed), "--quiet"]
    if words[0] != "explain":
        command += ["--threads", str(plan.threads), "--device", "cpu"]
    cost = run_measured(f"{OURS} {words[0]}", command, folder, plan.threads)
    target = Path(words[words.index("-o") + 1])
    record, metrics = _json(target / "run.json"), _json(target / "metrics.json")
    seconds = record.get("seconds")
    fit_s = sum(v for k, v in seconds.items() if k != "fit") if isinstance(seconds, dict) else None
    return cost, {"parameters": metrics.get("parameters"), "fit_s": fit_s}


def _peer(
    plan: Comparison, method: str, task: str, python: Path | None, out: Path, data: Mapping[str, NDArray[np.generic]]
) -> tuple[Cost, dict[str, object], dict[str, Array]]:
    assert python is not None  # a baseline was asked for, so there is an environment
    np.savez(out / "data.npz", **data)  # type: ignore[arg-type]
    words = [str(python), str(_RUNNER), method, task, str(out / "data.npz"), str(out), str(plan.threads)]
    if (checkout := plan.baselines[method]) is not None:
        words.append(str(checkout.absolute()))
    cost = run_measured(method, words, out, plan.threads)
    with np.load(out / "prediction.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    return cost, _json(out / "told.json"), arrays


def _costs(cost: Cost, told: Mapping[str, object]) -> dict[str, object]:
    seconds = told["fit_s"]
    return {
        "parameters": told["parameters"],
        "fit_s": round(seconds, 3) if isinstance(seconds, float) else None,
        **{name: round(value, 3) for name, value in asdict(cost).items()},
    }


def _json(path: Path) -> dict[str, object]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return document if isinstance(document, dict) else {}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


Row = Mapping[str, object]


def _values(rows: Sequence[Row], method: str, column: str) -> dict[str, float]:
    """One column of a method, by problem."""
    return {
        str(row["problem"]): float(value)
        for row in rows
        if row["method"] == method and isinstance(value := row.get(column), int | float)
    }


def _geometric(values: Sequence[float]) -> float | None:
    return math.exp(statistics.fmean(math.log(max(v, _LEAST_ERROR)) for v in values)) if values else None


def _ratio(rows: Sequence[Row], one: str, other: str) -> float | None:
    """Geometric mean of the ratios of errors, on problems that both fitted."""
    first, second = _values(rows, one, "error"), _values(rows, other, "error")
    shared = [max(first[p], _LEAST_ERROR) / max(second[p], _LEAST_ERROR) for p in first if p in second]
    return _geometric(shared)


def _total(rows: Sequence[Row], method: str, column: str) -> float | None:
    found = _values(rows, method, column).values()
    return sum(found) if found else None


def _write_tables(run: RunFiles, plan: Comparison, rows: Sequence[Row], failures: Mapping[str, str]) -> None:
    methods = methods_of(plan)
    errors_of = {method: _values(rows, method, "error") for method in methods}
    best: dict[str, float] = {}
    for found in errors_of.values():
        best |= {problem: min(error, best.get(problem, math.inf)) for problem, error in found.items()}
    cells = []
    for method in methods:
        errors = errors_of[method]
        middle = (
            statistics.fmean(errors.values()) if plan.suite == DIGITS and errors else _geometric([*errors.values()])
        )
        note = next((text for name, text in failures.items() if name.endswith(f"-{method}")), None)
        recovered = _total(rows, method, "recovered")
        cells.append(
            (
                method,
                len(errors),
                middle,
                sum(errors[p] <= least for p, least in best.items() if p in errors),
                None if recovered is None else int(recovered),
                _total(rows, method, "fit_s"),
                _total(rows, method, "wall_s"),
                max(_values(rows, method, "peak_rss_mb").values(), default=None),
                note,
            )
        )
    run.write_csv(TABLE, _COLUMNS, cells)
    bars = list(_bars(plan, rows, methods))
    run.write_csv(BARS, BAR_COLUMNS, [bar.cells() for bar in bars])
    metrics: dict[str, float | int | str | None] = {"items": len(rows), "items_failed": len(failures)}
    for cell in cells:
        name = str(cell[0]).replace("-", "_")
        for column, value in zip(_COLUMNS[1:-1], cell[1:-1], strict=True):
            metrics[f"{name}_{column.lower().replace(' ', '_')}"] = value
    metrics |= {"bars_met": sum(b.met is True for b in bars), "bars_missed": sum(b.met is False for b in bars)}
    run.write_metrics(metrics)
    if rows:
        _write_report(run, plan, rows, methods, cells, bars)


def _bars(plan: Comparison, rows: Sequence[Row], methods: Sequence[str]) -> Iterator[Bar]:
    """Give what is required of a suite."""
    ours = _values(rows, OURS, "error")
    rivals = [method for method in methods if method in BASELINES]
    if plan.suite == "s7":
        ours_s, pykan_s = (_total(rows, method, "wall_s") for method in (OURS, "pykan"))
        yield Bar("geometric mean of RMSE ratios, ours / pykan", False, 0.10, _ratio(rows, OURS, "pykan"))
        ratio = ours_s / pykan_s if ours_s and pykan_s else None
        yield Bar("wall time, ours / pykan", False, 0.35, ratio)
        for rival in rivals:
            theirs = _values(rows, rival, "error")
            yield Bar(f"functions better than {rival}", True, 6, sum(ours[p] < theirs[p] for p in ours if p in theirs))
        alone = [_values(rows, method, "error") for method in methods if method.startswith(_ALONE)]
        shares = [ours[p] / min(a[p] for a in alone) for p in ours if alone and all(p in a for a in alone)]
        yield Bar("worst ratio to the best single space", False, 1.05, max(shares, default=None))
        yield Bar("geometric mean of the ratios to the best single space", False, 0.8, _geometric(shares))
    if plan.suite == "feynman20":
        found = {method: _total(rows, method, "recovered") for method in (OURS, "pykan")}
        least = 12 if plan.noise == 0 else 8
        yield Bar("formulas recovered", True, least, found[OURS])
        if found["pykan"] is not None:
            yield Bar("formulas recovered, ours - 2 x pykan", True, 0, (found[OURS] or 0) - 2 * found["pykan"])
    if plan.suite == DIGITS and ours:
        accuracy = 1 - statistics.fmean(ours.values())
        yield Bar("mean accuracy", True, 0.985, accuracy)
        yield Bar("parameters", False, 24_000, max(_values(rows, OURS, "parameters").values(), default=None))
        for rival in rivals:
            theirs = _values(rows, rival, "error")
            if theirs:
                yield Bar(f"mean accuracy, ours - {rival}", True, 0, accuracy - 1 + statistics.fmean(theirs.values()))


def _write_report(
    run: RunFiles,
    plan: Comparison,
    rows: Sequence[Row],
    methods: Sequence[str],
    cells: Sequence[Sequence[object]],
    bars: Sequence[Bar],
) -> None:
    from vision_cli.kan_fit.figures import methods_by_problem

    errors = {method: _values(rows, method, "error") for method in methods}
    with run.output("plots/errors.png") as path:
        methods_by_problem(path, errors, "error rate" if plan.suite == DIGITS else "test RMSE (logarithmic)")
    single = [(p, *(errors[m].get(p) for m in methods)) for p in problems_of(plan)]
    with run.output("report.html") as path:
        write_report(
            path,
            title=f"kan-fit: benchmark {plan.suite}",
            summary={"methods": len(methods), "problems": len(problems_of(plan)), "threads": plan.threads},
            tables=[
                Table(_COLUMNS, list(cells), "Methods"),
                Table(BAR_COLUMNS, [bar.cells() for bar in bars], "Bars"),
                Table(("problem", *methods), single, "Errors"),
            ],
            pictures=[Picture(run.directory / "plots" / "errors.png", "Error of every method on every problem.")],
        )


def _read_table(path: Path, title: str) -> Table:
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    return Table(tuple(header), [[_cell(text) for text in row] for row in rows], title)


def _cell(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None
