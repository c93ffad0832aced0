"""The protocol: O- and P-AUROC, average precision, AUPRO and F1 of a class and their means, with bootstrap intervals.

Object measures rank the scans of a class by their scores; point measures pool all points of a class, as the code of
Real3D-AD does. Scans whose pose failed take part with the score they have: leaving them out would flatter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.metrics.ranking import auroc, average_precision, best_f1, bootstrap, region_overlap_area

_PRO_LIMIT = 0.3
_MOST_PRO_POINTS = 2_000_000
MEASURES = ("o_auroc", "o_aupr", "p_auroc", "p_aupr", "aupro@0.3", "f1_max")
"""Names of the measures, in the order of tables."""


@dataclass(frozen=True)
class ScoredScan:
    """What is kept of a scan for the measures.

    Attributes
    ----------
    name
        Of the sample.
    is_defective
        The truth.
    score
        Of the scan.
    labels, scores
        Of its points, ``(N,)`` each; None without truth of the points.
    regions
        Number of the connected defect each point belongs to, ``(N,)``, 0 for none.
    status
        Of the registration.
    """

    name: str
    is_defective: bool
    score: float
    labels: NDArray[np.uint8] | None
    scores: NDArray[np.float32] | None
    regions: NDArray[np.int64] | None
    status: str


@dataclass(frozen=True)
class ClassMeasures:
    """The measures of one class.

    Attributes
    ----------
    class_name
        Which class.
    values
        By the names of `MEASURES`; NaN where a measure is not defined.
    o_auroc_low, o_auroc_high
        95 % bootstrap interval of the O-AUROC over scans.
    n_good, n_defect, n_reg_failed
        Numbers of scans.
    note
        Why measures are missing; empty if none are.
    """

    class_name: str
    values: dict[str, float]
    o_auroc_low: float
    o_auroc_high: float
    n_good: int
    n_defect: int
    n_reg_failed: int
    note: str = ""

    def row(self) -> tuple[object, ...]:
        """Give the cells of a table with the columns of `COLUMNS`."""
        measured = [None if math.isnan(self.values[name]) else self.values[name] for name in MEASURES]
        low, high = (None if math.isnan(v) else v for v in (self.o_auroc_low, self.o_auroc_high))
        return (self.class_name, *measured, low, high, self.n_good, self.n_defect, self.n_reg_failed, self.note)


COLUMNS = ("class", *MEASURES, "o_auroc_low", "o_auroc_high", "n_good", "n_defect", "n_reg_failed", "note")


def label_regions(points: NDArray[np.float64], labels: NDArray[np.uint8], gap: float) -> NDArray[np.int64]:
    """Tell connected defects of a scan apart, ``(N,)``: points nearer than ``gap`` belong together; 0 for none."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    regions = np.zeros(len(points), dtype=np.int64)
    rows = np.flatnonzero((labels > 0) & np.isfinite(points).all(axis=1))
    if len(rows):
        pairs = cKDTree(points[rows]).query_pairs(gap, output_type="ndarray")
        graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(rows), len(rows)))
        regions[rows] = connected_components(graph, directed=False)[1] + 1
    return regions


def measure_class(
    class_name: str, scans: Sequence[ScoredScan], resamples: int, generator: np.random.Generator
) -> ClassMeasures:
    """Measure the scans of one class.

    Parameters
    ----------
    class_name
        Which class.
    scans
        Scored scans.
    resamples
        Of the bootstrap; 0 leaves the interval out.
    generator
        Draws the resamples.
    """
    usable = [scan for scan in scans if math.isfinite(scan.score)]
    truth = np.array([scan.is_defective for scan in usable], dtype=bool)
    score = np.array([scan.score for scan in usable])
    labels, points, regions = _pooled(usable)
    values = {
        "o_auroc": auroc(truth, score),
        "o_aupr": average_precision(truth, score),
        "p_auroc": auroc(labels, points),
        "p_aupr": average_precision(labels, points),
        "aupro@0.3": region_overlap_area(labels, points, regions, _PRO_LIMIT),
        "f1_max": best_f1(truth, score)[0],
    }
    low = high = math.nan
    if resamples and math.isfinite(values["o_auroc"]):
        interval = bootstrap(truth, score, auroc, resamples, generator)
        low, high = interval.low, interval.high
    notes = []
    if len(usable) < len(scans):
        notes.append(f"{len(scans) - len(usable)} scans without a score")
    if not truth.any() or truth.all():
        notes.append("one class of scans only" if len(truth) else "no scans")
    if not labels.any():
        notes.append("no truth of points")
    failed = sum(scan.status == "failed" for scan in scans)
    return ClassMeasures(class_name, values, low, high, int((~truth).sum()), int(truth.sum()), failed, "; ".join(notes))


def mean_of(classes: Sequence[ClassMeasures]) -> ClassMeasures:
    """Average the measures over the classes that have them."""
    values = {}
    for name in MEASURES:
        known = [one.values[name] for one in classes if math.isfinite(one.values[name])]
        values[name] = float(np.mean(known)) if known else math.nan
    return ClassMeasures(
        "mean",
        values,
        math.nan,
        math.nan,
        sum(one.n_good for one in classes),
        sum(one.n_defect for one in classes),
        sum(one.n_reg_failed for one in classes),
    )


def _pooled(
    scans: Sequence[ScoredScan],
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
    """Pool the points of all scans; regions of different scans get different numbers."""
    labels, points, regions = [np.zeros(0, np.uint8)], [np.zeros(0, np.float32)], [np.zeros(0, np.int64)]
    above = 0
    for scan in scans:
        if scan.labels is None or scan.scores is None or scan.regions is None:
            continue
        known = np.isfinite(scan.scores)
        step = max(1, len(scans) * int(known.sum()) // _MOST_PRO_POINTS)
        rows = np.flatnonzero(known)[::step]
        labels.append(scan.labels[rows])
        points.append(scan.scores[rows])
        regions.append(np.where(scan.regions[rows] > 0, scan.regions[rows] + above, 0))
        above += int(scan.regions.max(initial=0))
    return np.concatenate(labels), np.concatenate(points), np.concatenate(regions)
