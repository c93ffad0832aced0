"""``kan-fit fit`` of a text target of three classes or more: a network for each class against all others."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output, Table
from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import UsageError
from vision_cli.core.report import Picture, Report
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.evaluation.fit_data import FitData
from vision_cli.kan_fit.evaluation.sklearn_baselines import (
    classifier_scores,
    fit_table_classifiers,
)
from vision_cli.kan_fit.options import SearchOptions, TableSource
from vision_cli.kan_fit.runs.checkpoints import DIRECTORY as STAGES
from vision_cli.kan_fit.runs.checkpoints import CandidateCheckpoints
from vision_cli.kan_fit.runs.predict import write_class_predictions
from vision_cli.kan_fit.runs.verdicts import classifier_verdict
from vision_cli.kan_fit.tables.classes import ClassesModel, class_probabilities, write_classes_model
from vision_cli.kan_fit.tables.pipeline import FitResult, auto_widths, fit
from vision_cli.metrics.classification import ClassificationMeasures, classification_measures, confusion

CONFUSION = "confusion.csv"
Labels = NDArray[np.int64]


def fit_classes(
    run: Run,
    data: FitData,
    source: TableSource,
    settings: SearchOptions,
    compute: Compute,
    output: Output,
    *,
    compare: bool,
    pictures: bool,
) -> None:
    """Fit a network for each class and write the results into an open run; see :func:`runs.fit.fit_files`.

    Raises
    ------
    UsageError
        If folds are asked for.
    """
    classes = data.table.classes
    if source.folds is not None:
        raise UsageError(
            f"--folds with a target of {len(classes)} classes found; numbers or two classes expected.",
            hint=f"Fit one class against the others, as in --target '{data.table.target_name}={classes[0]}'.",
        )
    labels, test = data.target.astype(np.int64), data.test_target.astype(np.int64)
    seconds: dict[str, float] = {}
    found = []
    with output.progress("classes", len(classes)) as bar:
        for number, name in enumerate(classes):
            started = time.monotonic()
            found.append(_fit_class(run, data, number, settings, compute))
            seconds[name] = time.monotonic() - started
            bar.advance(note=name)
    if any(one.selection.is_cut_short for one in found):
        run.warn("the search ended before all networks were tried (--budget)")
    model = ClassesModel(str(data.table.target_name), classes, tuple(one.model for one in found))
    probabilities = model.probabilities(data.test_inputs)
    parameters = sum(one.final.network.parameters_in_use() for one in found)
    scores = [classifier_scores("S-KAN", parameters, probabilities, test, sum(seconds.values()))]
    if compare:
        rows = data.table.inputs, labels, data.split, (data.test_inputs, test)
        scores += fit_table_classifiers(*rows, compute.seed)
    write_classes_model(run, model)
    validated = class_probabilities(np.column_stack([one.validated for one in found]))
    own = classification_measures(probabilities, test)
    metrics = _metrics(found, data, classification_measures(validated, labels[data.split.val]), own, classes)
    far = model.models[0].columns_outside(data.test_inputs)
    numbers = data.split.test + 1 if len(data.split.test) else np.arange(1, len(far) + 1)
    write_class_predictions(run, probabilities, test, far, numbers.tolist(), classes)
    counts = confusion(probabilities.argmax(axis=1), test, len(classes))
    run.write_csv(CONFUSION, ("true", *classes), [(c, *row) for c, row in zip(classes, counts, strict=True)])
    run.write_csv("comparison.csv", list(asdict(scores[0]))[:-1], [list(asdict(one).values())[:-1] for one in scores])
    verdict, level = classifier_verdict(
        int(np.trace(counts)),
        len(test),
        int(counts.sum(axis=1).max()),
        {one.name: one.test_accuracy for one in scores[1:]},
        items="rows",
    )
    output.info(verdict)
    if pictures:
        table = class_table([asdict(one) for one in scores])
        summary: dict[str, object] = {"test accuracy": own.accuracy, "balanced": own.balanced_accuracy}
        picture = _draw_confusion(run, counts, classes)
        title = f"kan-fit: {model.target}"
        run.report(Report(title, verdict, level, summary=summary, tables=[table], pictures=[picture]))
    run.write_metrics(metrics)
    run.record(
        seconds={name: round(taken, 3) for name, taken in seconds.items()},
        comparison=[asdict(one) for one in scores],
    )
    CandidateCheckpoints(run.directory).remove()


def class_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the comparison with other models."""
    return Table(
        ("model", "parameters", "test accuracy", "test NLL", "seconds"),
        [(r["name"], r["parameters"], r["test_accuracy"], r["test_nll"], round(r["seconds"], 1)) for r in rows],
    )


def _fit_class(run: Run, data: FitData, number: int, settings: SearchOptions, compute: Compute) -> FitResult:
    """Fit a network to 1 for a class and 0 for all others."""
    name = data.table.classes[number]
    table = replace(data.table, target_name=f"{data.table.target_name}={name}", classes=(f"not {name}", name))
    checkpoints = CandidateCheckpoints(
        run.directory / STAGES / f"class-{number}",
        budget_s=math.inf if settings.budget_s is None else settings.budget_s / len(data.table.classes),
    )
    widths = settings.hidden or auto_widths(data.table.inputs.shape[1])
    target = (data.target == number) * 1.0
    return fit(
        data.table.inputs, target, data.split, table, widths, settings, device=compute.device, cached=checkpoints
    )


def _metrics(
    found: Sequence[FitResult],
    data: FitData,
    val: ClassificationMeasures,
    test: ClassificationMeasures,
    classes: Sequence[str],
) -> dict[str, float | int | str | None]:
    split = data.split
    metrics: dict[str, float | int | str | None] = {
        "classes": len(classes),
        "train_rows": len(split.train),
        "val_rows": len(split.val),
        "test_rows": len(data.test_target),
    }
    for part, measured in (("val", val), ("test", test)):
        for name in ("accuracy", "balanced_accuracy", "nll", "ece"):
            metrics[f"{part}_{name}"] = getattr(measured, name)
    metrics |= {
        f"test_accuracy_{name}": float(share)
        for name, share in zip(classes, test.recall, strict=True)
        if share == share
    }
    metrics |= {f"network_{name}": one.final.name for name, one in zip(classes, found, strict=True)}
    return metrics | {"parameters": sum(one.final.network.parameters_in_use() for one in found)}


def _draw_confusion(run: Run, counts: NDArray[np.int64], classes: Sequence[str]) -> Picture:
    from vision_cli.kan_fit.images import figures

    name = "plots/confusion.png"
    with run.output(name) as path:
        figures.confusion(path, counts, classes)
    return Picture(
        run.directory / name,
        "Test rows by true class and predicted class.",
        "All should lie on the diagonal; a dark cell beside it is a class that is taken for another.",
    )
