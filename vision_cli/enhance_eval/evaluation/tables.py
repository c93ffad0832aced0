"""The tables of a run, as columns and rows: means with intervals, differences, correlations, classes, bins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.evaluation.bins import DARKNESS, NOISE, darkness_bins, noise_tertiles
from vision_cli.enhance_eval.evaluation.study import ACCURACY, AP50, Study
from vision_cli.enhance_eval.pipeline.scores import CLEAR, NONE
from vision_cli.metrics.detection.average_precision import average_precision, mean_precision
from vision_cli.metrics.resampling import Resampled

Row = tuple[object, ...]


@dataclass(frozen=True)
class FileTable:
    """A table that becomes a CSV file.

    Attributes
    ----------
    columns
        Their names.
    rows
        Numbers, texts, None.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def summary(study: Study) -> FileTable:
    """Return mean and interval of every measure and task score of every cell, the references first."""
    rows = []
    cells = ([(CLEAR, NONE)] if study.has_clear else []) + [(c, m) for c in study.conditions for m in study.methods]
    for condition, method in cells:
        for name in (*study.measures, *study.tasks):
            one = study.score(condition, method, name)
            if math.isfinite(one.value):
                rows.append((condition, method, name, *_rounded(one, study.settings.level), one.images))
    return FileTable(("condition", "method", "metric", "mean", "ci_low", "ci_high", "n"), tuple(rows))


SHOWN = ("psnr", "psnr_gtmean", "ssim_y", "niqe_vcli", "loe")
"""Measures of the table of methods, where there are such."""


def methods(study: Study) -> FileTable:
    """Return a row a cell for people: a few measures, task scores, differences to ``none`` with stars and verdicts."""
    measures = [name for name in SHOWN if name in study.measures]
    tasks = [name for name in (ACCURACY, AP50) if name in study.tasks]
    columns = ["condition", "method", *measures]
    for task in tasks:
        columns += [task, f"{task}_delta", f"{task}_stars", f"{task}_verdict"]
    rows = []
    for condition in study.conditions:
        for method in study.methods:
            row: list[object] = [condition, method]
            row += [_number(study.score(condition, method, name).value) for name in measures]
            for task in tasks:
                one = study.comparison(condition, method, task)
                row.append(_number(study.score(condition, method, task).value))
                row += (
                    [None, "", ""]
                    if one is None
                    else [_number(one.delta), one.stars(), one.verdict(study.settings.alpha)]
                )
            rows.append(tuple(row))
    return FileTable(tuple(columns), tuple(rows))


def differences(study: Study) -> FileTable:
    """Return every cell against ``none``: difference, interval, test, verdict. Larger is better in all of them."""
    rows = tuple(
        (
            one.cell.condition,
            one.cell.method,
            one.cell.measure,
            *(_number(value) for value in (one.value, one.baseline, one.delta, one.low, one.high)),
            one.test,
            _number(one.p),
            _number(one.p_holm),
            one.verdict(study.settings.alpha),
            one.images,
        )
        for one in study.comparisons
    )
    return FileTable(
        (
            "condition",
            "method",
            "metric",
            "value",
            "none",
            "delta",
            "ci_low",
            "ci_high",
            "test",
            "p_raw",
            "p_holm",
            "verdict",
            "n",
        ),
        rows,
    )


def correlations(study: Study) -> FileTable:
    """Return how quality and task rank methods, and pictures, alike, by condition."""
    rows = []
    for condition in study.conditions:
        for quality in study.tested:
            for task in study.tasks:
                found = [("methods", study.correlation(condition, quality, task))]
                if task in (ACCURACY, AP50):
                    found.append(("pictures", study.image_correlation(condition, quality, task)))
                for level, one in found:
                    rows.append(
                        (
                            condition,
                            quality,
                            task,
                            level,
                            *(
                                _number(v)
                                for v in (one.rho, one.rho_low, one.rho_high, one.tau, one.tau_low, one.tau_high, one.p)
                            ),
                            one.methods,
                            one.images,
                            one.is_underpowered,
                        )
                    )
    return FileTable(
        (
            "condition",
            "quality",
            "task",
            "level",
            "rho",
            "rho_low",
            "rho_high",
            "tau",
            "tau_low",
            "tau_high",
            "p",
            "methods",
            "images",
            "underpowered",
        ),
        tuple(rows),
    )


def quadrant_cells(study: Study) -> FileTable:
    """Return the cells by verdict of quality and task, for every pair of them."""
    rows = []
    for quality in study.tested:
        for task in study.tasks:
            for (looks, works), cells in study.quadrants(quality, task).cells.items():
                rows += [(quality, task, looks, works, condition, method) for condition, method in cells]
    return FileTable(("quality", "task", "quality_verdict", "task_verdict", "condition", "method"), tuple(rows))


def per_class(study: Study) -> FileTable:
    """Return accuracy and AP50 of each class; empty where a class has no object."""
    rows = []
    for condition in study.conditions:
        for method in study.methods:
            if AP50 in study.tasks:
                matches = study.matches(condition, method)
                precision = average_precision(matches)[:, 0]
                objects = [int(one.positives.sum()) for one in matches.classes]
                rows += [
                    (condition, method, AP50, name, _number(float(value)) if count else None, count)
                    for name, value, count in zip(study.classes, precision, objects, strict=True)
                ]
            if ACCURACY in study.tasks:
                right, _, truths = study.answers(condition, method)
                for number, name in enumerate(study.classes):
                    of_class = truths == number
                    share = _number(float(right[of_class].mean())) if of_class.any() else None
                    rows.append((condition, method, ACCURACY, name, share, int(of_class.sum())))
    return FileTable(("condition", "method", "metric", "class", "value", "n"), tuple(rows))


def per_bin(study: Study) -> FileTable:
    """Return measures and task scores of the pictures of each bin: darkness, noise, attributes of the data set."""
    rows = []
    for condition in study.conditions:
        for kind, bins in _bins(study, condition):
            for name, chosen in bins:
                for method in study.methods:
                    rows += [(condition, kind, name, method, *row) for row in _of_bin(study, condition, method, chosen)]
    return FileTable(("condition", "by", "bin", "method", "metric", "value", "n"), tuple(rows))


def failed_cells(study: Study) -> FileTable:
    """Return the pictures on which methods failed, with the reasons."""
    rows = [
        (one.name, cell.condition, cell.method, cell.error) for one in study.scores for cell in one.cells if cell.error
    ]
    return FileTable(("sample", "condition", "method", "error"), tuple(rows))


def _bins(study: Study, condition: str) -> Iterator[tuple[str, list[tuple[str, NDArray[np.int64]]]]]:
    luma = np.array([one.luma.get(condition, math.nan) for one in study.scores])
    noise = np.array([one.noise.get(condition) or math.nan for one in study.scores])
    yield "luma", _groups(darkness_bins(luma), DARKNESS)
    yield "noise", _groups(noise_tertiles(noise), NOISE)
    for attribute in dict.fromkeys(name for one in study.scores for name in one.attributes):
        texts = [one.attributes.get(attribute, "") for one in study.scores]
        names = sorted(set(texts))
        yield attribute, _groups(np.array([names.index(text) for text in texts]), names)


def _groups(places: NDArray[np.int64], names: Sequence[str]) -> list[tuple[str, NDArray[np.int64]]]:
    return [(name, chosen) for number, name in enumerate(names) if len(chosen := np.flatnonzero(places == number))]


def _of_bin(study: Study, condition: str, method: str, chosen: NDArray[np.int64]) -> Iterator[Row]:
    for name in study.measures:
        values = study.values(condition, method, name)[chosen]
        if np.isfinite(values).any():
            yield name, _number(float(np.nanmean(values))), int(np.isfinite(values).sum())
    if AP50 in study.tasks:
        taken = np.zeros(len(study.scores), np.int64)
        taken[chosen] = 1
        table = average_precision(study.matches(condition, method), taken)
        yield AP50, _number(mean_precision(table[:, :1])), len(chosen)
    if ACCURACY in study.tasks:
        right, pictures, _ = study.answers(condition, method)
        inside = np.isin(pictures, chosen)
        yield ACCURACY, _number(float(right[inside].mean())) if inside.any() else None, int(inside.sum())


def _rounded(one: Resampled, level: float) -> tuple[float | None, float | None, float | None]:
    low, high = one.interval(level)
    return _number(one.value), _number(low), _number(high)


def _number(value: float) -> float | None:
    """Round for a table; what is no number is left empty."""
    return round(value, 6) if math.isfinite(value) else None
