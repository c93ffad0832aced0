"""``kan-fit classify``: from labelled images to a finished run directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output, Table
from vision_cli.core.compute.devices import Compute
from vision_cli.core.report import Picture, Report
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.evaluation.sklearn_baselines import (
    ClassifierScores,
    classifier_scores,
    fit_baseline_classifiers,
)
from vision_cli.kan_fit.images.augmentation import AugmentationTrial
from vision_cli.kan_fit.images.data import read_digits, read_image_set
from vision_cli.kan_fit.images.files import ImageModel, write_image_model
from vision_cli.kan_fit.images.selection import ClassifierTraining, ModeScore, TrainingResult, Trial
from vision_cli.kan_fit.images.splits import ImageSplit, concatenate_images, split_images
from vision_cli.kan_fit.options import ImageSource, TrainingOptions
from vision_cli.kan_fit.runs.predict import write_image_predictions
from vision_cli.kan_fit.runs.verdicts import classifier_verdict
from vision_cli.metrics.classification import classification_measures, confusion

_NAMES = {"conv": "S-ConvKAN", "dense": "S-KAN", "cnn": "CNN"}
Array = NDArray[np.float64]


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
    """Train a classifier on labelled images and write the results into an open run.

    Parameters
    ----------
    run
        The open run; None on all processes of a training but the first.
    source
        Data set and split.
    recipe
        Network, selection and optimisation.
    compute
        Device and seed.
    output
        Shows the progress.
    compare
        Also train an MLP, gradient-boosted trees and, beside an S-ConvKAN, a CNN of the same shape.
    pictures
        Also write figures and the report.
    """
    images = read_digits() if source.data is None else read_image_set(source.data, source.layout, source.resize)
    division = split_images(images, source.val_fraction, source.test_fraction, compute.seed)
    training = ClassifierTraining(run, division.train, division.val, len(images.classes), recipe, compute, output)
    trained = training.fit()
    cnn = training.fit_cnn() if compare and recipe.arch == "conv" else None
    if run is None:
        return
    for note in images.notes:
        run.warn(note)
    model = ImageModel(trained.network, images.classes)
    probabilities = model.probabilities(division.test)
    count, seconds = trained.network.parameter_count(), sum(trained.seconds.values())
    scores = [classifier_scores(_NAMES[recipe.arch], count, probabilities, division.test.labels, seconds)]
    if cnn is not None:
        network, seconds = cnn
        found = ImageModel(network, images.classes).probabilities(division.test)
        name = "CNN of the same shape and epochs"
        scores.append(classifier_scores(name, network.parameter_count(), found, division.test.labels, seconds))
    if compare:
        scores += fit_baseline_classifiers(
            concatenate_images(division.train, division.val), division.test, compute.seed
        )
    metrics = _metrics(trained, division, probabilities, images.classes)
    write_image_model(run, model)
    _write_tables(run, trained, division, images.classes, probabilities, scores)
    if pictures:
        _write_pictures(run, trained, division, images.classes, probabilities, scores, metrics)
    run.write_metrics(metrics)
    run.record(
        augmentation={"kept": trained.augment, "trials": [asdict(one) for one in trained.augmentation_trials]},
        seconds={name: round(taken, 3) for name, taken in trained.seconds.items()},
        comparison=[asdict(one) for one in scores],
    )


def image_tables(document: Mapping[str, object]) -> list[Table]:
    """Return the comparison with other models, and the trials of augmentations, from the ``run.json`` of a training."""
    rows = document.get("comparison")
    listed = rows if isinstance(rows, list) else []
    compared = Table(
        ("model", "parameters", "test accuracy", "test NLL", "seconds"),
        [(r["name"], r["parameters"], r["test_accuracy"], r["test_nll"], round(r["seconds"], 1)) for r in listed],
    )
    augmentation = document.get("augmentation")
    tried = augmentation["trials"] if isinstance(augmentation, dict) else []
    return [compared, _augmentation_table([AugmentationTrial(**one) for one in tried])] if tried else [compared]


def _augmentation_table(trials: Sequence[AugmentationTrial]) -> Table:
    return Table(
        ("augmentation", "val accuracy", "val NLL", "gain", "standard error", "kept"),
        [
            (t.augment, t.val_accuracy, t.val_nll, *(_cell(v) for v in (t.gain, t.gain_error)), "yes" if t.kept else "")
            for t in trials
        ],
        title="Augmentation, by short trials",
    )


def _cell(value: float | None) -> float | str:
    return "" if value is None else value


def _metrics(
    trained: TrainingResult, division: ImageSplit, probabilities: Array, classes: Sequence[str]
) -> dict[str, float | int | str | None]:
    measured = classification_measures(probabilities, division.test.labels)
    kept = next((trial for trial in trained.trials if trial.kept), None)
    pool = trained.network.plan.pool
    metrics: dict[str, float | int | str | None] = {"network": " + ".join(pool) if kept is None else kept.name}
    metrics["augment"] = trained.augment
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
    trained: TrainingResult,
    division: ImageSplit,
    classes: Sequence[str],
    probabilities: Array,
    scores: Sequence[ClassifierScores],
) -> None:
    columns = list(dict.fromkeys(name for row in trained.rows for name in row))
    run.write_csv("history.csv", columns, [[row.get(name, "") for name in columns] for row in trained.rows])
    if trained.choices:
        run.write_csv("selection.csv", _columns(ModeScore), [_cells(choice) for choice in trained.choices])
    if trained.trials:
        run.write_csv("candidates.csv", _columns(Trial), [_cells(trial) for trial in trained.trials])
    run.write_csv("comparison.csv", _columns(ClassifierScores)[:-1], [_cells(one)[:-1] for one in scores])
    counts = confusion(probabilities.argmax(axis=1), division.test.labels, len(classes))
    run.write_csv("confusion.csv", ("true", *classes), [(c, *row) for c, row in zip(classes, counts, strict=True)])
    write_image_predictions(run, division.test, classes, probabilities)


def _columns(kind: Any) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind))


def _cells(record: Any) -> list[object]:
    return [int(value) if isinstance(value, bool) else value for value in astuple(record)]


def _write_pictures(
    run: Run,
    trained: TrainingResult,
    division: ImageSplit,
    classes: Sequence[str],
    probabilities: Array,
    scores: Sequence[ClassifierScores],
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
            [(r.name, r.parameters, r.test_accuracy, r.test_nll) for r in scores],
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
    others = {one.name: one.test_accuracy for one in scores[1:]}
    if trained.augmentation_trials:
        tables.append(_augmentation_table(trained.augmentation_trials))
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
            "augmentation": trained.augment,
        },
        tables=tables,
        pictures=pictures,
    )
    run.report(report)
