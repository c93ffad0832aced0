"""Measures: O- and P-AUROC, average precision, AUPRO and F1 of a class and their means, with bootstrap intervals.

Object measures rank the scans of a class by their scores; point measures pool all points of a class, as the code of
Real3D-AD does. Scans whose pose was refused are included with their score, because leaving them out would raise the
measures; the measures named ``registered`` leave them out. Outliers have no score and are not included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.metrics.ranking import auroc, average_precision, best_f1, region_overlap_area

_SPECK = 10
"""Connected labelled points are a separate defect if there are at least so many."""

_PRO_LIMIT = 0.3
_MOST_PRO_POINTS = 2_000_000
_SMALL_DEFECT = 0.005
"""Share of the points of a scan below which a defect counts as small."""

_BINS = 512
_LEVEL = 0.95
MEASURES = (
    "o_auroc",
    "o_aupr",
    "p_auroc",
    "p_aupr",
    "aupro@0.3",
    "aupro_small@0.3",
    "f1_max",
    "o_auroc_registered",
    "p_auroc_registered",
)
"""Names of the measures, in the order of tables."""

RESAMPLED = ("o_auroc", "p_auroc")
"""Measures with bootstrap intervals over scans."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ScoredScan:
    """Scores and ground truth of a scan, for the measures.

    Attributes
    ----------
    name
        Name of the scan.
    is_defective
        Ground truth of the scan.
    score
        Score of the scan.
    labels, scores
        Labels and scores of its points, ``(N,)`` each; None without ground truth of the points.
    regions
        Number of the connected defect of each point, ``(N,)``, 0 for none.
    status
        Status of the registration.
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
        The class.
    values
        Values by the names of `MEASURES`; NaN where a measure is undefined.
    n_good, n_defect, n_reg_failed
        Numbers of scans.
    note
        Reason for missing measures; empty if none are missing.
    resampled
        Values of the measures `RESAMPLED` over bootstrap resamples of the scans, ``(R,)`` each. Resamples are the same
        for every method, so that differences of two methods have intervals, too.
    """

    class_name: str
    values: dict[str, float]
    n_good: int
    n_defect: int
    n_reg_failed: int
    note: str = ""
    resampled: dict[str, Values] = field(default_factory=dict)

    def row(self) -> tuple[object, ...]:
        """Return the cells of a table with the columns of `COLUMNS`."""
        measured = [_known(self.values[name]) for name in MEASURES]
        ends = [_known(end) for name in RESAMPLED for end in self.interval(name)]
        return (self.class_name, *measured, *ends, self.n_good, self.n_defect, self.n_reg_failed, self.note)

    def interval(self, name: str, other: ClassMeasures | None = None) -> tuple[float, float]:
        """Return the 95 % interval of a measure, or of its difference from that of another method."""
        values = self.resampled.get(name, np.zeros(0))
        if other is not None:
            values = values - other.resampled.get(name, np.full(len(values), np.nan))
        return _interval(values)


COLUMNS = (
    "class",
    *MEASURES,
    *(f"{name}_{end}" for name in RESAMPLED for end in ("low", "high")),
    "n_good",
    "n_defect",
    "n_reg_failed",
    "note",
)


def label_regions(points: Values, labels: NDArray[np.uint8], gap: float) -> NDArray[np.int64]:
    """Return the number of the connected defect of each point, ``(N,)``, 0 for none; gaps are at most ``gap``.

    Specks of a few points are assigned to the nearest larger defect, if there is one: a bend that fades out, or is seen
    between teeth, has labels in specks, each of which would count as much as a defect in the overlap of regions.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    regions = np.zeros(len(points), dtype=np.int64)
    rows = np.flatnonzero((labels > 0) & np.isfinite(points).all(axis=1))
    if len(rows):
        pairs = cKDTree(points[rows]).query_pairs(gap, output_type="ndarray")
        graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(rows), len(rows)))
        found = connected_components(graph, directed=False)[1]
        is_speck = (np.bincount(found) < _SPECK)[found]
        if is_speck.any() and not is_speck.all():
            whole = rows[~is_speck]
            nearest = cKDTree(points[whole]).query(points[rows[is_speck]])[1]
            found[is_speck] = found[~is_speck][nearest]
        regions[rows] = np.unique(found, return_inverse=True)[1] + 1
    return regions


def measure_class(
    class_name: str, scans: Sequence[ScoredScan], resamples: int, generator: np.random.Generator
) -> ClassMeasures:
    """Return the measures of one class.

    Parameters
    ----------
    class_name
        The class.
    scans
        Its scored scans.
    resamples
        Number of bootstrap resamples; 0 for no intervals.
    generator
        Draws the resamples.
    """
    usable = [scan for scan in scans if math.isfinite(scan.score)]
    truth = np.array([scan.is_defective for scan in usable], dtype=bool)
    score = np.array([scan.score for scan in usable])
    labels, points, regions = _pooled(usable)
    registered = [scan for scan in usable if scan.status != "failed"]
    registered_labels, registered_points, _ = _pooled(registered)
    values = {
        "o_auroc": auroc(truth, score),
        "o_aupr": average_precision(truth, score),
        "p_auroc": auroc(labels, points),
        "p_aupr": average_precision(labels, points),
        "aupro@0.3": region_overlap_area(labels, points, regions, _PRO_LIMIT),
        "aupro_small@0.3": _overlap_of_small_defects(usable),
        "f1_max": best_f1(truth, score)[0],
        "o_auroc_registered": auroc(
            np.array([scan.is_defective for scan in registered], dtype=bool), np.array([s.score for s in registered])
        ),
        "p_auroc_registered": auroc(registered_labels, registered_points),
    }
    resampled = {}
    if resamples and usable:
        weights = generator.multinomial(len(usable), np.full(len(usable), 1 / len(usable)), size=resamples)
        resampled = {
            "o_auroc": _resampled_scans(truth, score, weights),
            "p_auroc": _resampled_points(usable, weights),
        }
    notes = []
    if len(usable) < len(scans):
        notes.append(f"{len(scans) - len(usable)} scans without a score")
    if not truth.any() or truth.all():
        notes.append("one class of scans only" if len(truth) else "no scans")
    if not labels.any():
        notes.append("no truth of points")
    failed = sum(scan.status == "failed" for scan in scans)
    return ClassMeasures(class_name, values, int((~truth).sum()), int(truth.sum()), failed, "; ".join(notes), resampled)


def mean_of(classes: Sequence[ClassMeasures]) -> ClassMeasures:
    """Return the means of measures over the classes that have them."""
    values = {name: _mean([one.values[name] for one in classes]) for name in MEASURES}
    resampled = {}
    for name in RESAMPLED:
        drawn = [one.resampled[name] for one in classes if name in one.resampled and math.isfinite(one.values[name])]
        if drawn:
            resampled[name] = np.asarray(np.mean(drawn, axis=0))
    return ClassMeasures(
        "mean",
        values,
        sum(one.n_good for one in classes),
        sum(one.n_defect for one in classes),
        sum(one.n_reg_failed for one in classes),
        resampled=resampled,
    )


def fuse_over_test_set(
    scans: Sequence[NDArray[np.float32]],
) -> tuple[list[NDArray[np.float32]], list[float]]:
    """Return scores fused as in the code of Reg3D-AD: each bank over its range in the test set, then the mean.

    All test scans are needed, so this is for measuring only, not for decisions on single scans.

    Parameters
    ----------
    scans
        Scores of the points of each scan, ``(C, N)``.

    Returns
    -------
    points
        Fused scores of the points of each scan, ``(N,)``, 0 to 1.
    scores
        Scores of the scans: the highest score of each bank, fused in the same way.
    """
    if not scans:
        return [], []
    highest = np.array([[float(np.nanmax(row)) for row in one] for one in scans])
    lows = np.min([np.nanmin(one, axis=1) for one in scans], axis=0)
    spans = np.maximum(np.nanmax(highest, axis=0) - lows, 1e-12)
    points = [((one - lows[:, None]) / spans[:, None]).mean(axis=0).astype(np.float32) for one in scans]
    least = np.nanmin(highest, axis=0)
    spans = np.maximum(np.nanmax(highest, axis=0) - least, 1e-12)
    return points, [float(value) for value in ((highest - least) / spans).mean(axis=1)]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _interval(values: Values) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.quantile(values, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2))
    return float(low), float(high)


def _resampled_scans(truth: NDArray[np.bool_], score: Values, weights: NDArray[np.int64]) -> Values:
    """Return the O-AUROC of resamples ``(R,)``; ``weights`` ``(R, S)`` are the counts of each scan."""
    positive, negative = score[truth], score[~truth]
    above = (positive[:, None] > negative).astype(float) + 0.5 * (positive[:, None] == negative)
    hits, misses = weights[:, truth].astype(float), weights[:, ~truth].astype(float)
    with np.errstate(invalid="ignore"):
        return np.asarray(((hits @ above) * misses).sum(axis=1) / (hits.sum(axis=1) * misses.sum(axis=1)))


def _resampled_points(scans: Sequence[ScoredScan], weights: NDArray[np.int64]) -> Values:
    """Return the P-AUROC of resamples ``(R,)``, from counts in bins of equal frequency; ``weights`` as above."""
    _, pooled, _ = _pooled(scans)
    if not len(pooled):
        return np.full(len(weights), np.nan)
    edges = np.unique(np.quantile(pooled, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = np.zeros((2, len(scans), len(edges) + 1))
    for number, scan in enumerate(scans):
        if scan.labels is None or scan.scores is None:
            continue
        known = np.isfinite(scan.scores)
        places = np.searchsorted(edges, scan.scores[known], side="right")
        for label in (0, 1):
            chosen = places[(scan.labels[known] > 0) == bool(label)]
            counts[label, number] = np.bincount(chosen, minlength=len(edges) + 1)
    misses, hits = weights @ counts[0], weights @ counts[1]
    below = np.cumsum(misses, axis=1) - 0.5 * misses
    with np.errstate(invalid="ignore"):
        return np.asarray((hits * below).sum(axis=1) / (hits.sum(axis=1) * misses.sum(axis=1)))


def _overlap_of_small_defects(scans: Sequence[ScoredScan]) -> float:
    """Return AUPRO over good scans and scans with a small defect."""
    chosen = [
        scan
        for scan in scans
        if not scan.is_defective or (scan.labels is not None and 0 < scan.labels.mean() < _SMALL_DEFECT)
    ]
    labels, points, regions = _pooled(chosen)
    return region_overlap_area(labels, points, regions, _PRO_LIMIT) if labels.any() else math.nan


def _pooled(
    scans: Sequence[ScoredScan],
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
    """Return labels, scores and regions of the points of all scans; region numbers differ between scans."""
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
