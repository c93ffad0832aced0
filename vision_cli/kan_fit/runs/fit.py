"""``kan-fit fit`` and ``predict`` from files to a finished run directory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output, Table
from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import UsageError
from vision_cli.core.report import Picture, Report
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.formulas.parser import parse_expression, parse_ranges
from vision_cli.kan_fit.formulas.suites import Target, find_function
from vision_cli.kan_fit.options import SearchOptions, TableSource
from vision_cli.kan_fit.runs.checkpoints import Stages
from vision_cli.kan_fit.runs.verdicts import fit_verdict, shown_r2
from vision_cli.kan_fit.tables.candidates import Candidate
from vision_cli.kan_fit.tables.data import Column, TableData, prediction_data, read_table, training_data
from vision_cli.kan_fit.tables.files import TableModel, read_model, write_model
from vision_cli.kan_fit.tables.pipeline import Fit, Rival, Split, auto_widths, fit, fit_rivals, measure, split_rows
from vision_cli.kan_fit.tables.selection import ROWS_A_PARAMETER

COMPARISON = "comparison.csv"
_LEVEL = 0.9
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """What is fitted: rows to train and validate on, and rows to test on."""

    table: TableData
    split: Split
    test_inputs: Array
    test_target: Array
    bounds: Array | None

    @property
    def target(self) -> Array:
        """Target of the table, which every table to fit has."""
        return self.table.target if self.table.target is not None else np.zeros(0)


def drawn_function(source: TableSource) -> Target | None:
    """Return the function that a source draws its rows from; None for a table.

    Raises
    ------
    UsageError
        If there is no such function, or the formula or its ranges cannot be read.
    """
    if source.expression is not None:
        expression = parse_expression(source.expression)
        return Target("formula", expression, parse_ranges(source.ranges, expression.variables))
    return None if source.function is None else find_function(source.function)


def read_data(source: TableSource, seed: int) -> Data:
    """Read or draw the data of a fit.

    Raises
    ------
    InputError
        If they cannot be used.
    """
    function = drawn_function(source)
    if function is not None:
        return _draw(source, function, seed)
    assert source.data is not None
    table = training_data(
        read_table(source.data, header=source.header),
        target=source.target,
        features=source.features,
        impute=source.impute,
    )
    assert table.target is not None
    if source.test is not None:
        other = prediction_data(
            read_table(source.test, header=source.header), table.columns, target_name=table.target_name
        )
        if other.target is None:
            raise UsageError(f"--test {source.test}: no column {table.target_name}; the target expected.")
        split = split_rows(len(table.inputs), source.val_fraction, 0.0, seed)
        return Data(table, split, other.inputs, other.target, None)
    split = split_rows(len(table.inputs), source.val_fraction, source.test_fraction, seed)
    return Data(table, split, table.inputs[split.test], table.target[split.test], None)


def fit_files(
    run: Run,
    source: TableSource,
    settings: SearchOptions,
    compute: Compute,
    output: Output,
    *,
    compare: bool = True,
    pictures: bool = True,
) -> None:
    """Fit what a source gives and write the results into an open run.

    Parameters
    ----------
    run
        Where to; an interrupted run goes on behind the last candidate that was finished.
    source
        The data.
    settings
        Networks, pool, phases, optimiser.
    compute
        Device and seed.
    output
        Where progress is shown.
    compare
        Also fit an MLP and gradient boosting.
    pictures
        Also write pictures and the report.
    """
    data = read_data(source, compute.seed)
    for note in data.table.notes:
        run.warn(note)
    widths = settings.hidden or auto_widths(data.table.inputs.shape[1])
    with output.progress("fitting", None) as bar:

        def on_stage(name: str, seconds: float) -> None:
            bar.advance(note=name)
            output.detail(f"{name}: {seconds:.1f} s")

        stages = Stages(run.directory, on_stage, math.inf if settings.budget_s is None else settings.budget_s)
        found = fit(
            data.table.inputs,
            data.target,
            data.split,
            data.table,
            widths,
            settings,
            bounds=data.bounds,
            device=compute.device,
            remember=stages,
        )
    fitted_s = sum(stages.seconds.values())
    if found.selection.is_cut_short:
        run.warn(f"the search ended after {fitted_s:.0f} s, before all networks were tried (--budget)")
    if len(data.split.train) < ROWS_A_PARAMETER * found.final.network.parameters_in_use():
        run.warn(
            f"{found.final.network.parameters_in_use()} parameters for {len(data.split.train)} training rows; "
            f"{ROWS_A_PARAMETER} rows or more a parameter are advisable"
        )
    rivals = [_own(found.final, found.model, data, fitted_s)]
    if compare:
        rivals += fit_rivals(
            data.table.inputs, data.target, data.split, (data.test_inputs, data.test_target), compute.seed
        )
    write_model(run, found.model)
    metrics = _metrics(found, data)
    _write_tables(run, found, data, rivals)
    if pictures:
        _write_pictures(run, found, data, metrics, rivals)
    run.write_metrics(metrics)
    run.record(
        seconds={name: round(taken, 3) for name, taken in {"fit": fitted_s, **stages.seconds}.items()},
        comparison=[asdict(rival) for rival in rivals],
    )
    stages.remove()


def comparison_table(document: Mapping[str, object]) -> Table:
    """Return the comparison of a finished fit from its record."""
    rows = document.get("comparison")
    listed = rows if isinstance(rows, list) else []
    return Table(
        ("model", "parameters", "val RMSE", "test RMSE", "seconds"),
        [(r["name"], r["parameters"], r["val_rmse"], r["test_rmse"], round(r["seconds"], 1)) for r in listed],
    )


def predict_file(run: Run, model_path: Path, table: Path, *, header: bool, interval: float | None) -> None:
    """Predict the rows of a table with a fitted model; write ``predictions.csv`` and the metrics.

    Parameters
    ----------
    run
        Where to.
    model_path
        Directory of a fit.
    table
        The rows.
    header
        Whether the table's first line names its columns.
    interval
        Level of conformal intervals; none without.
    """
    model = read_model(model_path)
    data = prediction_data(read_table(table, header=header), model.columns, target_name=model.target)
    predicted = model.predict(data.inputs)
    outside = model.is_outside(data.inputs)
    half = None if interval is None else model.half_width(interval)
    run.write_csv(
        "predictions.csv", *_prediction_rows(predicted, data.target, half, outside, range(1, len(predicted) + 1))
    )
    if outside.any():
        run.warn(
            f"{int(outside.sum())} of {len(predicted)} rows lie outside the range of the training data; "
            "their predictions are straight-line extrapolation"
        )
    metrics: dict[str, float | int | str | None] = {"rows": len(predicted), "rows_extrapolated": int(outside.sum())}
    if half is not None:
        metrics |= {"interval_level": interval, "interval_half_width": half}
    if data.target is not None:
        metrics |= asdict(measure(predicted, data.target))
        if half is not None:
            metrics["interval_coverage"] = float((np.abs(predicted - data.target) <= half).mean())
    run.write_metrics(metrics)


def _draw(source: TableSource, target: Target, seed: int) -> Data:
    generator = np.random.default_rng((1, seed))
    inputs, values = target.sample(source.rows, generator)
    test_inputs, test_values = target.sample(source.rows, generator)
    values = values + source.noise * values.std() * generator.standard_normal(len(values))
    bounds = np.array([target.ranges.get(name, (-1.0, 1.0)) for name in target.variables]).T
    columns = tuple(Column(name) for name in target.variables)
    table = TableData(inputs, target.variables, values, columns, "y")
    return Data(table, split_rows(len(inputs), source.val_fraction, 0.0, seed), test_inputs, test_values, bounds)


def _own(final: Candidate, model: TableModel, data: Data, seconds: float) -> Rival:
    val = measure(model.predict(data.table.inputs[data.split.val]), data.target[data.split.val])
    test = measure(model.predict(data.test_inputs), data.test_target)
    return Rival(f"S-KAN {final.name}", final.network.parameters_in_use(), val.rmse, test.rmse, seconds)


def _metrics(found: Fit, data: Data) -> dict[str, float | int | str | None]:
    model = found.model
    parts: dict[str, tuple[Array, Array]] = {
        "train": (data.table.inputs[data.split.train], data.target[data.split.train]),
        "val": (data.table.inputs[data.split.val], data.target[data.split.val]),
        "test": (data.test_inputs, data.test_target),
    }
    metrics: dict[str, float | int | str | None] = {"network": found.final.name}
    for part, (inputs, target) in parts.items():
        metrics |= {f"{part}_rows": len(target)}
        metrics |= {f"{part}_{name}": value for name, value in asdict(measure(model.predict(inputs), target)).items()}
    best = found.selection.best
    metrics |= {
        "parameters": found.final.network.parameters_in_use(),
        "parameters_before_pruning": best.network.parameters_in_use(),
        "val_rmse_before_pruning": math.sqrt(best.score) * model.scale,
        "grid": max(plan.grid for plan in found.final.network.plans),
        "test_rows_extrapolated": int(model.is_outside(data.test_inputs).sum()),
    }
    return metrics


def _write_tables(run: Run, found: Fit, data: Data, rivals: Sequence[Rival]) -> None:
    scale = found.model.scale
    steps = [step for candidate in found.selection.candidates for step in candidate.steps]
    if found.selection.pruned is not None:
        steps += [step for step in found.selection.pruned.steps if step.candidate == found.selection.pruned.name]
    run.write_csv(
        "history.csv",
        ("candidate", "phase", "grid", "step", "train_rmse", "val_rmse", "tau"),
        [(*astuple(step)[:4], step.loss * scale, step.val * scale, step.tau) for step in steps],
    )
    run.write_csv(
        "selection.csv",
        ("candidate", "layer", "node", "mode", "gate", "contribution", "val_rmse", "kept"),
        [
            (*astuple(choice)[:6], None if choice.val is None else choice.val * scale, int(choice.kept))
            for choice in found.selection.choices
        ],
    )
    listed = sorted(found.selection.candidates, key=lambda candidate: candidate.score)
    run.write_csv(
        "candidates.csv",
        ("network", "parameters", "grid", "val_rmse", "modes"),
        [
            (
                c.name,
                c.network.parameters_in_use(),
                max(p.grid for p in c.network.plans),
                math.sqrt(c.score) * scale,
                modes_of(c),
            )
            for c in ([found.selection.pruned] if found.selection.pruned else []) + listed
        ],
    )
    run.write_csv(
        COMPARISON,
        ("model", "parameters", "val_rmse", "test_rmse"),
        [(r.name, r.parameters, r.val_rmse, r.test_rmse) for r in rivals],
    )
    half = found.model.half_width(_LEVEL) if len(data.split.val) >= 2 / (1 - _LEVEL) else None
    predicted = found.model.predict(data.test_inputs)
    numbers = data.split.test + 1 if len(data.split.test) else np.arange(1, len(predicted) + 1)
    outside = found.model.is_outside(data.test_inputs)
    run.write_csv("predictions.csv", *_prediction_rows(predicted, data.test_target, half, outside, numbers.tolist()))


def modes_of(candidate: Candidate) -> str:
    """Write the mode of every node, layers separated by a bar."""
    return " | ".join(" ".join("+".join(modes) for modes in plan.modes) for plan in candidate.network.plans)


def _prediction_rows(
    predicted: Array, target: Array | None, half: float | None, outside: NDArray[np.bool_], numbers: Sequence[int]
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = []
    for place, number in enumerate(numbers):
        value = float(predicted[place])
        row: list[object] = [number, *([] if target is None else [float(target[place])]), value]
        if half is not None:
            row += [value - half, value + half]
        rows.append((*row, int(outside[place])))
    head = ("row", *(() if target is None else ("y",)), "yhat", *(() if half is None else ("lo", "hi")), "extrapolated")
    return head, rows


def _write_pictures(run: Run, found: Fit, data: Data, metrics: Mapping[str, object], rivals: Sequence[Rival]) -> None:
    from vision_cli.kan_fit import figures

    train = data.table.inputs[data.split.train]
    drawn: list[tuple[str, str, str, Callable[[Path], None]]] = [
        (
            "plots/net.svg",
            "The network: each edge with the function that it learned, stronger where it varies more.",
            "Read it from the inputs below to the output above; a strong curve with many wiggles has learned noise.",
            lambda path: figures.network(path, found.model, train),
        ),
        (
            "plots/fit.png",
            "Test data: predicted against true, and the errors.",
            "Points should lie on the line, errors in one narrow peak at 0; a bend or a second peak was not learned.",
            lambda path: figures.agreement(
                path, found.model.predict(data.test_inputs), data.test_target, found.model.target
            ),
        ),
        (
            "plots/history.png",
            "Validation error of the candidates, step by step.",
            "Lines should fall and level off; one that rises at its end fits noise, one that still falls ended early.",
            lambda path: figures.history(path, found.selection.candidates, found.model.scale),
        ),
        (
            "plots/comparison.png",
            "Test error against what one would have used otherwise.",
            "The shortest bar is best; where it is not the coloured one, a plain model predicts better.",
            lambda path: figures.comparison(path, [(rival.name, rival.test_rmse) for rival in rivals]),
        ),
    ]
    pictures = []
    for name, caption, reading, draw in drawn:
        with run.output(name) as path:
            draw(path)
        pictures.append(Picture(run.directory / name, caption, reading))
    own, *others = rivals
    r2 = measure(found.model.predict(data.test_inputs), data.test_target).r2
    verdict, level = fit_verdict(own.test_rmse, r2, {rival.name: rival.test_rmse for rival in others})
    report = Report(
        title=f"kan-fit: {found.final.name}",
        verdict=verdict,
        level=level,
        summary={"test RMSE": metrics["test_rmse"], "R²": shown_r2(r2), "parameters": metrics["parameters"]},
        tables=[
            Table(
                ("model", "parameters", "val RMSE", "test RMSE"),
                [(r.name, r.parameters, r.val_rmse, r.test_rmse) for r in rivals],
                title="Comparison",
            ),
            Table(
                ("network", "parameters", "val RMSE", "modes of its nodes"),
                [
                    (c.name, c.network.parameters_in_use(), math.sqrt(c.score) * found.model.scale, modes_of(c))
                    for c in sorted(found.selection.candidates, key=lambda one: one.score)
                ],
                title="Candidates",
            ),
        ],
        pictures=pictures,
    )
    run.report(report)
