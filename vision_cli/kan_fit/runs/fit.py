"""``kan-fit fit``: from a table or a function to a finished run directory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output, Table
from vision_cli.core.compute.devices import Compute
from vision_cli.core.report import Picture, Report
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.evaluation.fit_data import FitData, read_fit_data
from vision_cli.kan_fit.evaluation.sklearn_baselines import RegressorScores, fit_baseline_regressors
from vision_cli.kan_fit.options import SearchOptions, TableSource
from vision_cli.kan_fit.runs.checkpoints import DIRECTORY as STAGES
from vision_cli.kan_fit.runs.checkpoints import CandidateCheckpoints
from vision_cli.kan_fit.runs.fit_classes import class_table, fit_classes
from vision_cli.kan_fit.runs.predict import write_predictions
from vision_cli.kan_fit.runs.verdicts import FoldErrors, fit_verdict, importance_words, shown_r2, standing
from vision_cli.kan_fit.tables.candidates import Candidate
from vision_cli.kan_fit.tables.files import TableModel, write_model
from vision_cli.kan_fit.tables.measures import binary_accuracy, input_importances, regression_measures
from vision_cli.kan_fit.tables.pipeline import FitResult, auto_widths, fit
from vision_cli.kan_fit.tables.robust.grids import ROWS_A_PARAMETER
from vision_cli.kan_fit.tables.robust.scaling import scaled
from vision_cli.kan_fit.tables.splits import RowSplit, fold_splits, thinned

COMPARISON, FOLDS, IMPORTANCE = "comparison.csv", "folds.csv", "importance.csv"
OURS = "S-KAN"
_LEVEL = 0.9
_MOST_NAMED, _MOST_SHUFFLED = 12, 2000
Array = NDArray[np.float64]


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
    """Fit a table or a function and write the results into an open run.

    Parameters
    ----------
    run
        The open run; an interrupted one resumes after its last finished candidate.
    source
        Table or function, and split.
    settings
        Networks, pool, selection, optimiser.
    compute
        Device and seed.
    output
        Shows the progress.
    compare
        Also fit the baselines.
    pictures
        Also write figures and the report.
    """
    data = read_fit_data(source, compute.seed)
    for note in data.table.notes:
        run.warn(note)
    output.info(described(data))
    if len(data.table.classes) > 2:
        fit_classes(run, data, source, settings, compute, output, compare=compare, pictures=pictures)
        return
    folds: list[RowSplit] = []
    if source.folds is not None:
        folds = fold_splits(len(data.target), source.folds, source.val_fraction, compute.seed)
    widths = settings.hidden or auto_widths(data.table.inputs.shape[1])
    with output.progress("fitting", None) as bar:

        def on_candidate(name: str, seconds: float) -> None:
            bar.advance(note=name)
            output.detail(f"{name}: {seconds:.1f} s")

        checkpoints = CandidateCheckpoints(
            run.directory, on_candidate, math.inf if settings.budget_s is None else settings.budget_s
        )
        found = fit(
            data.table.inputs,
            data.target,
            data.split,
            data.table,
            widths,
            settings,
            bounds=data.bounds,
            device=compute.device,
            cached=checkpoints,
        )
    fitted_s = sum(checkpoints.seconds.values())
    if found.selection.is_cut_short:
        run.warn(f"the search ended after {fitted_s:.0f} s, before all networks were tried (--budget)")
    is_penalised = found.final.penalty.rough > 0
    if not is_penalised and len(data.split.train) < ROWS_A_PARAMETER * found.final.network.parameters_in_use():
        run.warn(
            f"{found.final.network.parameters_in_use()} parameters for {len(data.split.train)} training rows; "
            f"{ROWS_A_PARAMETER} rows or more a parameter are advisable"
        )
    scores = [_own_scores(found, data, fitted_s)]
    if compare:
        scores += fit_baseline_regressors(
            data.table.inputs, data.target, data.split, (data.test_inputs, data.test_target), compute.seed
        )
    across = _cross_validate(run, data, folds, settings, compute, output) if folds else []
    output.info(standing([(one.name, one.test_rmse) for one in scores], across))
    rises = _importances(found.model, data, compute.seed)
    val_rmse = scores[0].val_rmse
    output.info(importance_words(found.model.target, rises, val_rmse))
    run.write_csv(IMPORTANCE, ("column", "rmse_rise"), list(rises.items()))
    write_model(run, found.model)
    metrics = _metrics(found, data)
    if across:
        run.write_csv(FOLDS, ("model", "fold", "test_rmse"), [row for one in across for row in one.rows()])
        metrics |= {"folds": source.folds, "folds_rmse": across[0].mean, "folds_rmse_half_width": across[0].half}
    _write_tables(run, found, data, scores)
    if pictures:
        _write_pictures(run, found, data, metrics, scores, rises)
    run.write_metrics(metrics)
    run.record(
        seconds={name: round(taken, 3) for name, taken in {"fit": fitted_s, **checkpoints.seconds}.items()},
        comparison=[asdict(one) for one in scores],
        folds=[{"name": one.name, "mean": one.mean, "half": one.half} for one in across],
    )
    checkpoints.remove()


def described(data: FitData) -> str:
    """Return what is fitted, in words: the target, the inputs, the rows."""
    names = data.table.names
    listed = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
    split = data.split
    rows = f"{len(split.train)} rows to train, {len(split.val)} to validate, {len(data.test_target)} to test"
    return f"target {data.table.target_name}; {len(names)} inputs: {listed}; {rows}"


def comparison_table(document: Mapping[str, object]) -> Table:
    """Return the comparison with other models from the ``run.json`` of a finished fit."""
    rows = document.get("comparison")
    listed = rows if isinstance(rows, list) else []
    if listed and "test_accuracy" in listed[0]:
        return class_table(listed)
    folds = document.get("folds")
    means = [f"{one['mean']:.4g} ± {one['half']:.2g}" for one in folds] if isinstance(folds, list) else []
    head = ("model", "parameters", "val RMSE", "test RMSE", "seconds")
    cells = [(r["name"], r["parameters"], r["val_rmse"], r["test_rmse"], round(r["seconds"], 1)) for r in listed]
    if len(means) != len(cells):
        return Table(head, cells)
    return Table((*head, "mean of folds"), [(*row, mean) for row, mean in zip(cells, means, strict=True)])


def _importances(model: TableModel, data: FitData, seed: int) -> dict[str, float]:
    """Return the importance of each column, on validation rows."""
    groups: dict[str, list[int]] = {}
    for column in model.columns:
        here = sum(map(len, groups.values()))
        groups[column.name] = list(range(here, here + len(column.names)))
    rows = thinned(data.split.val, _MOST_SHUFFLED)
    generator = np.random.default_rng((seed, 6))
    return input_importances(model.predict, data.table.inputs[rows], data.target[rows], groups, generator)


def _cross_validate(
    run: Run, data: FitData, folds: Sequence[RowSplit], settings: SearchOptions, compute: Compute, output: Output
) -> list[FoldErrors]:
    """Fit ours and all baselines in every fold; return their errors on its test rows."""
    inputs, target = data.table.inputs, data.target
    errors: dict[str, list[float]] = {}
    widths = settings.hidden or auto_widths(inputs.shape[1])
    with output.progress("folds", len(folds)) as bar:
        for number, split in enumerate(folds):
            stages = CandidateCheckpoints(run.directory / STAGES / f"fold-{number}")
            own = fit(inputs, target, split, data.table, widths, settings, device=compute.device, cached=stages).model
            test = inputs[split.test], target[split.test]
            errors.setdefault(OURS, []).append(regression_measures(own.predict(test[0]), test[1]).rmse)
            for one in fit_baseline_regressors(inputs, target, split, test, compute.seed):
                errors.setdefault(one.name, []).append(one.test_rmse)
            bar.advance()
    return [FoldErrors(name, tuple(values)) for name, values in errors.items()]


def _own_scores(found: FitResult, data: FitData, seconds: float) -> RegressorScores:
    val = regression_measures(found.validated, data.target[data.split.val])
    test = regression_measures(found.model.predict(data.test_inputs), data.test_target)
    parameters = found.final.network.parameters_in_use()
    return RegressorScores(f"S-KAN {found.final.name}", parameters, val.rmse, test.rmse, seconds)


def _metrics(found: FitResult, data: FitData) -> dict[str, float | int | str | None]:
    model = found.model
    train = data.split.train
    parts: dict[str, tuple[Array, Array]] = {
        "train": (model.predict(data.table.inputs[train]), data.target[train]),
        "val": (found.validated, data.target[data.split.val]),
        "test": (model.predict(data.test_inputs), data.test_target),
    }
    metrics: dict[str, float | int | str | None] = {"network": found.final.name}
    for part, (predicted, target) in parts.items():
        metrics |= {f"{part}_rows": len(target)}
        metrics |= {f"{part}_{name}": value for name, value in asdict(regression_measures(predicted, target)).items()}
        if model.classes:
            metrics[f"{part}_accuracy"] = binary_accuracy(predicted, target)
    best = found.selection.best
    metrics |= {
        "parameters": found.final.network.parameters_in_use(),
        "parameters_before_pruning": best.network.parameters_in_use(),
        "val_rmse_before_pruning": math.sqrt(best.score) * model.scale,
        "grid": max(plan.grid for plan in found.final.network.plans),
        "outside": model.outside,
        "test_rows_extrapolated": int(model.is_outside(data.test_inputs).sum()),
    }
    return metrics


def _write_tables(run: Run, found: FitResult, data: FitData, scores: Sequence[RegressorScores]) -> None:
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
        [(r.name, r.parameters, r.val_rmse, r.test_rmse) for r in scores],
    )
    half = None
    if len(found.model.residuals) >= 2 / (1 - _LEVEL):
        half = found.model.half_widths(data.test_inputs, _LEVEL)
    predicted = found.model.predict(data.test_inputs)
    numbers = data.split.test + 1 if len(data.split.test) else np.arange(1, len(predicted) + 1)
    outside = found.model.columns_outside(data.test_inputs)
    write_predictions(run, predicted, data.test_target, half, outside, numbers.tolist(), found.model.classes)


def modes_of(candidate: Candidate) -> str:
    """Return the mode of every node as text, layers separated by a bar."""
    return " | ".join(" ".join("+".join(modes) for modes in plan.modes) for plan in candidate.network.plans)


def _write_pictures(
    run: Run,
    found: FitResult,
    data: FitData,
    metrics: Mapping[str, object],
    scores: Sequence[RegressorScores],
    rises: Mapping[str, float],
) -> None:
    from vision_cli.kan_fit import figures

    train = data.table.inputs[data.split.train]
    drawn: list[tuple[str, str, str, Callable[[Path], None]]] = [
        (
            "plots/net.svg",
            "The network: each edge with the function that it learned, stronger where it varies more.",
            "Read it from the inputs below to the output above; a strong curve with many wiggles has learned noise.",
            lambda path: figures.network(path, found.model, scaled(train, found.model.scalings)),
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
            lambda path: figures.comparison(path, [(one.name, one.test_rmse) for one in scores]),
        ),
    ]
    pictures = []
    for name, caption, reading, draw in drawn:
        with run.output(name) as path:
            draw(path)
        pictures.append(Picture(run.directory / name, caption, reading))
    own, *others = scores
    r2 = regression_measures(found.model.predict(data.test_inputs), data.test_target).r2
    verdict, level = fit_verdict(own.test_rmse, r2, {one.name: one.test_rmse for one in others})
    report = Report(
        title=f"kan-fit: {found.final.name}",
        verdict=f"{verdict} {importance_words(found.model.target, rises, own.val_rmse)}",
        level=level,
        summary={"test RMSE": metrics["test_rmse"], "R²": shown_r2(r2), "parameters": metrics["parameters"]},
        tables=[
            Table(
                ("model", "parameters", "val RMSE", "test RMSE"),
                [(r.name, r.parameters, r.val_rmse, r.test_rmse) for r in scores],
                title="Comparison",
            ),
            Table(("column", "rise of the RMSE when shuffled"), list(rises.items()), title="Importance of the columns"),
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
