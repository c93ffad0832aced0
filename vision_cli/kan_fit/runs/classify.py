"""``kan-fit classify``, and ``predict`` of images, from files to a finished run directory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output, Table
from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import InputError
from vision_cli.core.report import Picture, Report
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.images.data import Images, ImageSet, read_digits, read_image_set, read_images
from vision_cli.kan_fit.images.files import ImageModel, read_image_model, write_image_model
from vision_cli.kan_fit.images.selection import Choice, ClassifierTraining, Trained, Trial, together
from vision_cli.kan_fit.names import ImageLayout
from vision_cli.kan_fit.options import ImageSource, TrainingOptions
from vision_cli.kan_fit.runs.verdicts import classifier_verdict
from vision_cli.metrics.classification import classification_measures, confusion

_RIVAL_SIDE, _RIVAL_ROWS = 16, 10_000
_NAMES = {"conv": "S-ConvKAN", "dense": "S-KAN", "cnn": "CNN"}
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Division:
    """Images by what they are for."""

    train: Images
    val: Images
    test: Images


@dataclass(frozen=True)
class ImageRival:
    """A row of the comparison.

    Attributes
    ----------
    name
        What was trained.
    parameters
        Numbers it consists of; None for trees.
    test_accuracy, test_nll
        On the test images; nats.
    seconds
        Of training, by the clock.
    """

    name: str
    parameters: int | None
    test_accuracy: float
    test_nll: float
    seconds: float


def divide(images: ImageSet, source: ImageSource, seed: int) -> Division:
    """Divide images at random, each class alike.

    Raises
    ------
    InputError
        If a class is too small for it.
    """
    from sklearn.model_selection import train_test_split

    def split(whole: Images, share: float) -> tuple[Images, Images]:
        try:
            first, second = train_test_split(
                np.arange(len(whole)), test_size=share, stratify=whole.labels, random_state=seed
            )
        except ValueError as error:
            raise InputError(
                f"{len(whole)} images in {len(images.classes)} classes cannot be divided ({error}).",
                hint="Give more images of each class, or other shares.",
            ) from error
        return whole.pick(np.sort(first)), whole.pick(np.sort(second))

    rest, test = (images.train, images.test) if images.test is not None else split(images.train, source.test_fraction)
    return Division(*split(rest, source.val_fraction), test)


def classify_files(
    run: Run | None,
    source: ImageSource,
    recipe: TrainingOptions,
    compute: Compute,
    output: Output,
    *,
    compare: bool = True,
    pictures: bool = True,
) -> None:
    """Train a classifier on what a source gives and write the results into an open run.

    Parameters
    ----------
    run
        Where to; None on all processes of a training but the first.
    source
        The images.
    recipe
        The network and its training.
    compute
        Device and seed.
    output
        Where progress is shown.
    compare
        Also train an MLP, gradient boosting and, beside convolutions, an ordinary network of the same shape.
    pictures
        Also write pictures and the report.
    """
    images = read_digits() if source.data is None else read_image_set(source.data, source.layout, source.resize)
    division = divide(images, source, compute.seed)
    training = ClassifierTraining(run, division.train, division.val, len(images.classes), recipe, compute, output)
    trained = training.fit()
    plain = training.fit_plain() if compare and recipe.arch == "conv" else None
    if run is None:
        return
    for note in images.notes:
        run.warn(note)
    model = ImageModel(trained.network, images.classes)
    probabilities = model.probabilities(division.test)
    own = _rival(_NAMES[recipe.arch], trained.network.parameter_count(), probabilities, division.test.labels)
    rivals = [own(sum(trained.seconds.values()))]
    if plain is not None:
        network, seconds = plain
        found = ImageModel(network, images.classes).probabilities(division.test)
        name = "CNN of the same shape and epochs"
        rivals.append(_rival(name, network.parameter_count(), found, division.test.labels)(seconds))
    if compare:
        rivals += image_rivals(together(division.train, division.val), division.test, compute.seed)
    metrics = _metrics(trained, division, probabilities, images.classes)
    write_image_model(run, model)
    _write_tables(run, trained, division, images.classes, probabilities, rivals)
    if pictures:
        _write_pictures(run, trained, division, images.classes, probabilities, rivals, metrics)
    run.write_metrics(metrics)
    run.record(
        seconds={name: round(taken, 3) for name, taken in trained.seconds.items()},
        comparison=[asdict(rival) for rival in rivals],
    )


def image_rivals(train: Images, test: Images, seed: int) -> list[ImageRival]:
    """Fit an MLP and gradient-boosted trees of scikit-learn to pixels, of large images reduced to 16 x 16 grey ones.

    Parameters
    ----------
    train, test
        Images.
    seed
        Of start values.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.neural_network import MLPClassifier

    from vision_cli.kan_fit.tables.pipeline import quietly

    rows = train.pick(np.arange(0, len(train), -(-len(train) // _RIVAL_ROWS)))
    reduced = min(train.pixels.shape[1:3]) > _RIVAL_SIDE
    note = ", 16 x 16 grey" if reduced else ""
    inputs, test_inputs = (_rival_inputs(images, reduced=reduced) for images in (rows, test))
    perceptron = MLPClassifier((64, 64), max_iter=500, random_state=seed)
    trees = HistGradientBoostingClassifier(random_state=seed)
    models: list[tuple[str, Any]] = [
        (f"MLP 64-64 (scikit-learn{note})", perceptron),
        (f"gradient boosting (scikit-learn{note})", trees),
    ]
    found = []
    for name, model in models:
        started = time.monotonic()
        quietly(lambda model=model: model.fit(inputs, rows.labels))  # type: ignore[misc]
        seconds = time.monotonic() - started
        parameters = sum(w.size for w in (*model.coefs_, *model.intercepts_)) if model is perceptron else None
        found.append(_rival(name, parameters, model.predict_proba(test_inputs), test.labels)(seconds))
    return found


def image_table(document: Mapping[str, object]) -> Table:
    """Return the comparison of a finished training from its record."""
    rows = document.get("comparison")
    listed = rows if isinstance(rows, list) else []
    return Table(
        ("model", "parameters", "test accuracy", "test NLL", "seconds"),
        [(r["name"], r["parameters"], r["test_accuracy"], r["test_nll"], round(r["seconds"], 1)) for r in listed],
    )


def predict_images(run: Run, model_path: Path, data: Path, layout: ImageLayout, *, resize: bool) -> None:
    """Predict images with a trained classifier; write ``predictions.csv`` and the metrics.

    Parameters
    ----------
    run
        Where to.
    model_path
        Directory of a training.
    data, layout, resize
        See :func:`vision_cli.kan_fit.images.data.read_images`.
    """
    model = read_image_model(model_path)
    images, notes = read_images(data, model.classes, model.shape, layout, resize=resize)
    for note in notes:
        run.warn(note)
    probabilities = model.probabilities(images)
    _write_predictions(run, images, model.classes, probabilities)
    metrics: dict[str, float | int | str | None] = {"images": len(images)}
    known = images.labels >= 0
    if known.any():
        measured = classification_measures(probabilities[known], images.labels[known])
        metrics |= {"images_with_class": int(known.sum())}
        metrics |= {name: getattr(measured, name) for name in ("accuracy", "balanced_accuracy", "nll", "ece")}
    run.write_metrics(metrics)


def _rival(
    name: str, parameters: int | None, probabilities: Array, labels: NDArray[np.int64]
) -> Callable[[float], ImageRival]:
    measured = classification_measures(probabilities, labels)
    return lambda seconds: ImageRival(name, parameters, measured.accuracy, measured.nll, seconds)


def _rival_inputs(images: Images, *, reduced: bool) -> Array:
    import cv2

    pixels = images.pixels.astype(np.float32) / 255
    if reduced:
        size = (_RIVAL_SIDE, _RIVAL_SIDE)
        pixels = np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pixels.mean(axis=-1)])
    return pixels.reshape(len(pixels), -1).astype(np.float64)


def _metrics(
    trained: Trained, division: Division, probabilities: Array, classes: Sequence[str]
) -> dict[str, float | int | str | None]:
    measured = classification_measures(probabilities, division.test.labels)
    kept = next((trial for trial in trained.trials if trial.kept), None)
    pool = trained.network.plan.pool
    metrics: dict[str, float | int | str | None] = {"network": " + ".join(pool) if kept is None else kept.name}
    metrics |= {f"{part.name}_images": len(getattr(division, part.name)) for part in fields(division)}
    for name in ("accuracy", "balanced_accuracy", "nll", "ece"):
        metrics[f"test_{name}"] = getattr(measured, name)
    metrics |= {f"test_accuracy_{c}": float(r) for c, r in zip(classes, measured.recall, strict=True) if r == r}
    if kept is not None:
        metrics |= {"trial_val_accuracy": kept.val_accuracy, "trial_val_nll": kept.val_nll}
    metrics |= {
        "parameters": trained.network.parameter_count(),
        "parameters_before_pruning": trained.parameters_before,
    }
    return metrics


def _write_tables(
    run: Run,
    trained: Trained,
    division: Division,
    classes: Sequence[str],
    probabilities: Array,
    rivals: Sequence[ImageRival],
) -> None:
    columns = list(dict.fromkeys(name for row in trained.rows for name in row))
    run.write_csv("history.csv", columns, [[row.get(name, "") for name in columns] for row in trained.rows])
    if trained.choices:
        run.write_csv("selection.csv", _columns(Choice), [_cells(choice) for choice in trained.choices])
    if trained.trials:
        run.write_csv("candidates.csv", _columns(Trial), [_cells(trial) for trial in trained.trials])
    run.write_csv("comparison.csv", _columns(ImageRival)[:-1], [_cells(rival)[:-1] for rival in rivals])
    counts = confusion(probabilities.argmax(axis=1), division.test.labels, len(classes))
    run.write_csv("confusion.csv", ("true", *classes), [(c, *row) for c, row in zip(classes, counts, strict=True)])
    _write_predictions(run, division.test, classes, probabilities)


def _columns(kind: Any) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind))


def _cells(record: Any) -> list[object]:
    return [int(value) if isinstance(value, bool) else value for value in astuple(record)]


def _write_predictions(run: Run, images: Images, classes: Sequence[str], probabilities: Array) -> None:
    best = probabilities.argmax(axis=1)
    rows = [
        (name, classes[label] if label >= 0 else None, classes[found], float(chances[found]), *map(float, chances))
        for name, label, found, chances in zip(images.names, images.labels, best, probabilities, strict=True)
    ]
    head = ("image", "label", "predicted", "probability", *(f"p_{name}" for name in classes))
    run.write_csv("predictions.csv", head, rows)


def _write_pictures(
    run: Run,
    trained: Trained,
    division: Division,
    classes: Sequence[str],
    probabilities: Array,
    rivals: Sequence[ImageRival],
    metrics: Mapping[str, object],
) -> None:
    from vision_cli.kan_fit.images import figures as image_figures

    counts = confusion(probabilities.argmax(axis=1), division.test.labels, len(classes))
    drawn: list[tuple[str, str, str, Callable[[Path], None]]] = [
        ("plots/confusion.png", "Test images by true class and predicted class.",
         "All should lie on the diagonal; a dark cell beside it is a class that is taken for another.",
         lambda path: image_figures.confusion(path, counts, classes)),
        ("plots/history.png", "Loss of all phases; validation accuracy, as long as these images are not trained on.",
         "Loss should fall and accuracy rise in every phase; accuracy that falls while the loss does is overfitting.",
         lambda path: image_figures.training(path, trained.rows)),
        ("plots/mistakes.png", "Wrong predictions of which the network was surest; the true class in brackets.",
         "A picture whose class is plain to the eye is a fault of the network, or of its label; none is best.",
         lambda path: image_figures.mistakes(path, division.test, probabilities, classes)),
    ]  # fmt: skip
    if trained.network.expansions():
        caption = "Functions of the nodes that do most, towards three outputs each that they reach most."
        reading = "Curves should be smooth over the whole range; one with many wiggles has learned noise."
        drawn.append(
            ("plots/functions.png", caption, reading, lambda path: image_figures.functions(path, trained.network))
        )
    pictures = []
    for name, caption, reading, draw in drawn:
        with run.output(name) as path:
            draw(path)
        pictures.append(Picture(run.directory / name, caption, reading))
    tables = [
        Table(
            ("model", "parameters", "test accuracy", "test NLL"),
            [(r.name, r.parameters, r.test_accuracy, r.test_nll) for r in rivals],
            title="Comparison",
        )
    ]
    if trained.trials:
        tables.append(
            Table(
                ("network", "parameters", "val accuracy", "val NLL", "kept"),
                [(t.name, t.parameters, t.val_accuracy, t.val_nll, "yes" if t.kept else "") for t in trained.trials],
                title="Trials",
            )
        )
    others = {rival.name: rival.test_accuracy for rival in rivals[1:]}
    verdict, level = classifier_verdict(
        int(np.trace(counts)), len(division.test), int(counts.sum(axis=1).max()), others
    )
    report = Report(
        title="kan-fit: classifier of images",
        verdict=verdict,
        level=level,
        summary={
            "test accuracy": metrics["test_accuracy"],
            "balanced": metrics["test_balanced_accuracy"],
            "parameters": metrics["parameters"],
        },
        tables=tables,
        pictures=pictures,
    )
    run.report(report)
