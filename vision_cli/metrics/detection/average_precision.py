"""Average precision of matched detections, of all images or of many resamples of them.

A resample says how often each image takes part. Its average precision follows from the cached matches by sums along
the order of the scores; nothing is matched again. With equal scores inside one image that takes part several times,
copies of the image are read one detection at a time instead of one image at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.metrics.detection.matching import (
    COCO_THRESHOLDS,
    LARGE,
    MEDIUM,
    SMALL,
    ClassMatches,
    Found,
    Matches,
    Truth,
    match,
    match_voc,
)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Interpolation = Literal["points", "area"]

RECALLS = np.linspace(0.0, 1.0, 101)
"""Recalls at which COCO reads the precision."""

_BATCH = 1 << 21
"""Numbers of a table of resamples and detections that are held at once."""

_TINY = float(np.spacing(1))
"""What pycocotools adds to the number of detections."""


@dataclass(frozen=True)
class DetectionMeasures:
    """Average precision of a detector.

    Attributes
    ----------
    ap, ap50, ap75
        Mean over classes: over IoU 0.50:0.95, at 0.50 and at 0.75.
    ap_small, ap_medium, ap_large
        AP of objects by area, below 32², to 96², and above.
    ap50_voc
        At IoU 0.50 as PASCAL VOC 2010 has it: the area under precision over recall.
    per_class
        ``(C,)`` AP; NaN for a class without an object.
    per_class_50
        ``(C,)`` AP50.
    objects
        ``(C,)`` int64: objects of each class that are to be found.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ap50_voc: float
    per_class: Floats
    per_class_50: Floats
    objects: NDArray[np.int64]


def detection_measures(truths: Sequence[Truth], found: Sequence[Found], class_count: int) -> DetectionMeasures:
    """Measure detections as COCO does, with VOC's AP50 beside; NaN where there is nothing to find.

    Parameters
    ----------
    truths, found
        One entry an image.
    class_count
        Labels are 0 to this, excluded.

    Raises
    ------
    ValueError
        As `vision_cli.metrics.detection.matching.match`.
    """
    matches = match(truths, found, class_count)
    table = average_precision(matches)
    by_area = [
        mean_precision(average_precision(match(truths, found, class_count, area=area)))
        for area in (SMALL, MEDIUM, LARGE)
    ]
    voc = mean_precision(average_precision(match_voc(truths, found, class_count), interpolation="area"))
    place = {round(level, 2): number for number, level in enumerate(COCO_THRESHOLDS)}
    return DetectionMeasures(
        ap=mean_precision(table),
        ap50=mean_precision(table[:, place[0.5]]),
        ap75=mean_precision(table[:, place[0.75]]),
        ap_small=by_area[0],
        ap_medium=by_area[1],
        ap_large=by_area[2],
        ap50_voc=voc,
        per_class=table.mean(axis=1),
        per_class_50=table[:, place[0.5]],
        objects=np.array([one.positives.sum() for one in matches.classes], dtype=np.int64),
    )


def average_precision(
    matches: Matches, counts: Counts | None = None, *, interpolation: Interpolation = "points"
) -> Floats:
    """Compute the average precision of each class and threshold.

    Parameters
    ----------
    matches
        Of `vision_cli.metrics.detection.matching`.
    counts
        How often each image takes part, ``(I,)`` or, for R resamples, ``(R, I)``; by default once.
    interpolation
        ``points``: mean of the precision at 101 recalls (COCO); ``area``: area under its envelope (VOC 2010).

    Returns
    -------
    ndarray
        ``(C, T)``, or ``(R, C, T)``; NaN for a class without an object.

    Raises
    ------
    ValueError
        If the counts are not one an image, or negative.
    """
    weights = np.ones(matches.images, dtype=np.int64) if counts is None else np.asarray(counts)
    if weights.shape[-1] != matches.images or weights.dtype.kind not in "iu" or (weights.size and weights.min() < 0):
        raise ValueError(f"counts of shape {weights.shape}, {weights.dtype}; whole numbers, one an image, expected")
    rows = np.atleast_2d(weights).astype(np.int64)
    table = np.full((len(rows), len(matches.classes), len(matches.thresholds)), np.nan)
    most = max((len(one.images) for one in matches.classes), default=1)
    step = max(1, _BATCH // max(1, most))
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step]
        for place, one in enumerate(matches.classes):
            table[start : start + step, place] = _of_class(one, chunk, interpolation)
    return table if weights.ndim == 2 else table[0]


def counts_of(indices: NDArray[np.int64], images: int) -> Counts:
    """Return how often each image takes part, ``(I,)`` or ``(R, I)``, by the images drawn, ``(N,)`` or ``(R, N)``."""
    rows = np.atleast_2d(indices)
    counts = np.zeros((len(rows), images), dtype=np.int64)
    np.add.at(counts, (np.arange(len(rows))[:, None], rows), 1)
    return counts if indices.ndim == 2 else counts[0]


def mean_precision(table: Floats) -> float:
    """Return the mean over classes that have an object; NaN if none has."""
    return float(np.nanmean(table)) if np.isfinite(table).any() else float("nan")


def mean_precisions(table: Floats) -> Floats:
    """Return the mean over classes and thresholds, ``(R, C, T)`` to ``(R,)``; NaN without an object."""
    known = np.isfinite(table)
    count = known.sum(axis=(1, 2))
    total = np.where(known, table, 0).sum(axis=(1, 2))
    return np.asarray(np.divide(total, count, out=np.full(len(table), np.nan), where=count > 0))


def _of_class(one: ClassMatches, counts: Counts, interpolation: Interpolation) -> Floats:
    """Compute ``(R, T)`` of one class."""
    positives = counts @ one.positives
    weights = counts[:, one.images]
    so_far = np.cumsum(weights, axis=1)
    needed = _needed(positives) if interpolation == "points" else None
    table = np.zeros((len(counts), len(one.hits)))
    for level, (hits, ignored) in enumerate(zip(one.hits, one.ignored, strict=True)):
        places = np.flatnonzero(hits)
        if not len(places):
            continue
        found = np.cumsum(weights[:, places], axis=1)
        counted = so_far[:, places]
        left_out = np.flatnonzero(ignored)
        if len(left_out):
            before = np.cumsum(weights[:, left_out], axis=1)
            before = np.concatenate([np.zeros((len(counts), 1), np.int64), before], axis=1)
            counted = counted - before[:, np.searchsorted(left_out, places)]
        # Only hits raise recall, so the envelope is read at them alone.
        precision = found / (counted + _TINY)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        if needed is not None:
            table[:, level] = _at_recalls(found, envelope, needed)
        else:
            gained = np.diff(found, axis=1, prepend=0)
            table[:, level] = (gained * envelope).sum(axis=1) / np.maximum(positives, 1)
    table[positives == 0] = np.nan
    return table


def _needed(positives: Counts) -> Counts:
    """Return how many hits reach each recall, ``(R,)`` to ``(R, 101)``: the least n with n / positives >= recall.

    As whole numbers, so that rounding cannot move a recall such as 0.29 that binary fractions do not hold.
    """
    total = np.maximum(positives, 1)[:, None]
    number = np.ceil(RECALLS * total)
    number = np.where((number - 1) / total >= RECALLS, number - 1, number)
    number = np.where(number / total < RECALLS, number + 1, number)
    return np.maximum(number, 1).astype(np.int64)


def _at_recalls(found: Counts, envelope: Floats, needed: Counts) -> Floats:
    """Mean precision at the recalls, 0 where they are not reached: ``(R, K)``, ``(R, K)``, ``(R, 101)`` to ``(R,)``."""
    rows, hits = found.shape
    # One search for all rows: each is lifted above the one before.
    lift = np.arange(rows)[:, None] * (max(int(found[:, -1].max()), int(needed.max())) + 1)
    place = np.searchsorted((found + lift).ravel(), (needed + lift).ravel()).reshape(rows, -1)
    place -= np.arange(rows)[:, None] * hits
    padded = np.concatenate([envelope, np.zeros((rows, 1))], axis=1)
    return np.asarray(np.take_along_axis(padded, np.minimum(place, hits), axis=1).mean(axis=1))
