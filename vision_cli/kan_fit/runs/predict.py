"""``kan-fit predict``: rows of a table, or images, with a fitted model; and the table of predictions of all verbs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.images.data import Images, read_images
from vision_cli.kan_fit.images.files import read_image_model
from vision_cli.kan_fit.names import ImageLayout, Outside
from vision_cli.kan_fit.tables.classes import is_classes_model, read_classes_model
from vision_cli.kan_fit.tables.data import prediction_data
from vision_cli.kan_fit.tables.files import read_model
from vision_cli.kan_fit.tables.measures import binary_accuracy, regression_measures
from vision_cli.kan_fit.tables.reading import read_table
from vision_cli.metrics.classification import classification_measures

PREDICTIONS = "predictions.csv"

_MOST_NAMED = 5
_HALF = 0.5

Array = NDArray[np.float64]


def predict_table(
    run: Run, model_path: Path, table: Path, *, header: bool, interval: float | None, outside: Outside = "auto"
) -> None:
    """Predict the rows of a table with a fitted model; write ``predictions.csv`` and the metrics.

    Parameters
    ----------
    run
        The open run.
    model_path
        Directory of a fit.
    table
        File with the rows.
    header
        Whether the first line of the table names its columns.
    interval
        Level of conformal intervals; None for no intervals.
    outside
        How to predict rows outside the training range; ``auto`` for the model's own way.
    """
    if is_classes_model(model_path):
        _predict_classes(run, model_path, table, header=header, interval=interval, outside=outside)
        return
    model = read_model(model_path).continued(outside)
    data = prediction_data(
        read_table(table, header=header), model.columns, target_name=model.target, classes=model.classes
    )
    model.require_inside(data.inputs)
    predicted = model.predict(data.inputs)
    far = model.columns_outside(data.inputs)
    half = None if interval is None else model.half_widths(data.inputs, interval)
    write_predictions(run, predicted, data.target, half, far, range(1, len(predicted) + 1), model.classes)
    rows_far = sum(map(bool, far))
    if rows_far:
        counts = Counter(name for names in far for name in names)
        listed = ", ".join(f"{name} {count}" for name, count in counts.most_common(_MOST_NAMED))
        ways = {"hold": "keep the value at its end", "linear": "are straight-line extrapolation"}
        run.warn(
            f"{rows_far} of {len(predicted)} rows lie outside the range of the training data ({listed}); "
            f"their predictions {ways[model.network.plans[0].outside]}"
        )
    metrics: dict[str, float | int | str | None] = {"rows": len(predicted), "rows_extrapolated": rows_far}
    if half is not None and interval is not None:
        metrics |= {"interval_level": interval, "interval_half_width": model.half_width(interval)}
    if data.target is not None:
        metrics |= asdict(regression_measures(predicted, data.target))
        if model.classes:
            metrics["accuracy"] = binary_accuracy(predicted, data.target)
        if half is not None:
            metrics["interval_coverage"] = float((np.abs(predicted - data.target) <= half).mean())
    run.write_metrics(metrics)


def _predict_classes(
    run: Run, model_path: Path, table: Path, *, header: bool, interval: float | None, outside: Outside
) -> None:
    """Predict the classes of the rows of a table; write ``predictions.csv`` and the metrics."""
    if interval is not None:
        raise UsageError(
            f"--interval {interval:g} with a model of classes found; a model of numbers expected.",
            hint="The probabilities of the classes say how sure it is.",
        )
    model = read_classes_model(model_path)
    model = replace(model, models=tuple(one.continued(outside) for one in model.models))
    data = prediction_data(
        read_table(table, header=header), model.columns, target_name=model.target, classes=model.classes
    )
    model.models[0].require_inside(data.inputs)
    probabilities = model.probabilities(data.inputs)
    far = model.models[0].columns_outside(data.inputs)
    labels = None if data.target is None else data.target.astype(np.int64)
    write_class_predictions(run, probabilities, labels, far, range(1, len(far) + 1), model.classes)
    metrics: dict[str, float | int | str | None] = {"rows": len(far), "rows_extrapolated": sum(map(bool, far))}
    if labels is not None:
        measured = classification_measures(probabilities, labels)
        metrics |= {name: getattr(measured, name) for name in ("accuracy", "balanced_accuracy", "nll", "ece")}
    run.write_metrics(metrics)


def predict_images(run: Run, model_path: Path, data: Path, layout: ImageLayout, *, resize: bool) -> None:
    """Predict images with a trained classifier; write ``predictions.csv`` and the metrics.

    Parameters
    ----------
    run
        The open run.
    model_path
        Directory of a trained classifier.
    data, layout, resize
        See :func:`vision_cli.kan_fit.images.data.read_images`.
    """
    model = read_image_model(model_path)
    images, notes = read_images(data, model.classes, model.shape, layout, resize=resize)
    for note in notes:
        run.warn(note)
    probabilities = model.probabilities(images)
    write_image_predictions(run, images, model.classes, probabilities)
    metrics: dict[str, float | int | str | None] = {"images": len(images)}
    known = images.labels >= 0
    if known.any():
        measured = classification_measures(probabilities[known], images.labels[known])
        metrics |= {"images_with_class": int(known.sum())}
        metrics |= {name: getattr(measured, name) for name in ("accuracy", "balanced_accuracy", "nll", "ece")}
    run.write_metrics(metrics)


def write_predictions(
    run: Run,
    predicted: Array,
    target: Array | None,
    half: Array | None,
    outside: Sequence[Sequence[str]],
    numbers: Sequence[int],
    classes: Sequence[str] = (),
) -> None:
    """Write ``predictions.csv``, a row a prediction.

    Parameters
    ----------
    run
        The open run.
    predicted, target
        Predicted and true values ``(N,)``; the latter None where they are unknown.
    half
        Half the widths of the conformal intervals, ``(N,)``; None for no intervals.
    outside
        Names of the inputs outside the range of the training data, a list a row.
    numbers
        Numbers of the rows in their table, from 1.
    classes
        Of a text target: predictions are limited to [0, 1], and the class is written, too.
    """
    if classes:
        predicted = np.clip(predicted, 0, 1)
    rows: list[tuple[object, ...]] = []
    for place, number in enumerate(numbers):
        value = float(predicted[place])
        row: list[object] = [number, *([] if target is None else [float(target[place])]), value]
        if half is not None:
            row += [value - float(half[place]), value + float(half[place])]
        if classes:
            row.append(classes[int(value >= _HALF)])
        rows.append((*row, int(bool(outside[place])), " ".join(outside[place])))
    head = ("row", *(() if target is None else ("y",)), "yhat", *(() if half is None else ("lo", "hi")))
    head += (*(("class",) if classes else ()), "extrapolated", "outside")
    run.write_csv(PREDICTIONS, head, rows)


def write_class_predictions(
    run: Run,
    probabilities: Array,
    labels: NDArray[np.int64] | None,
    outside: Sequence[Sequence[str]],
    numbers: Sequence[int],
    classes: Sequence[str],
) -> None:
    """Write ``predictions.csv``, a row a row of a table of several classes.

    Parameters
    ----------
    run
        The open run.
    probabilities, labels
        Of each class, ``(N, classes)``; numbers of the true classes, ``(N,)``, or None.
    outside, numbers
        As of `write_predictions`.
    classes
        Names of the classes.
    """
    rows = []
    for place, number in enumerate(numbers):
        chances = probabilities[place]
        truth = [] if labels is None else [classes[labels[place]]]
        best = int(chances.argmax())
        far = outside[place]
        rows.append((number, *truth, classes[best], *map(float, chances), int(bool(far)), " ".join(far)))
    names = ("row", *(() if labels is None else ("y",)), "class", *(f"p_{name}" for name in classes))
    run.write_csv(PREDICTIONS, (*names, "extrapolated", "outside"), rows)


def write_image_predictions(run: Run, images: Images, classes: Sequence[str], probabilities: Array) -> None:
    """Write ``predictions.csv``, a row an image.

    Parameters
    ----------
    run
        The open run.
    images
        The images.
    classes
        Names of the classes.
    probabilities
        Of each class, ``(N, classes)``.
    """
    best = probabilities.argmax(axis=1)
    rows = [
        (name, classes[label] if label >= 0 else None, classes[found], float(chances[found]), *map(float, chances))
        for name, label, found, chances in zip(images.names, images.labels, best, probabilities, strict=True)
    ]
    head = ("image", "label", "predicted", "probability", *(f"p_{name}" for name in classes))
    run.write_csv(PREDICTIONS, head, rows)
