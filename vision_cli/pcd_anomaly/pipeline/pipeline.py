"""Inference: a scan in; scores of its points, a decision and a p-value out.

`vision_cli.pcd_anomaly.model.fit.train` makes the model that `predict` takes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.model.model import Model
from vision_cli.pcd_anomaly.options import PoseOptions, RegistrationMode, ScoringOptions, Selection
from vision_cli.pcd_anomaly.registration.limits import FEWEST_POINTS, SCAN_SPACING
from vision_cli.pcd_anomaly.registration.pieces import Pieces, find_pieces
from vision_cli.pcd_anomaly.registration.registration import Registration, place_at, register
from vision_cli.pcd_anomaly.registration.sizes import require_same_size
from vision_cli.pcd_anomaly.scoring.agcs import select_centres
from vision_cli.pcd_anomaly.scoring.bank import ROWS_AT_ONCE
from vision_cli.pcd_anomaly.scoring.calibration import TOP_SHARE, scan_score
from vision_cli.pcd_anomaly.scoring.fusion import place_scores, spread_to_points
from vision_cli.pcd_anomaly.scoring.nodes import Nodes
from vision_cli.pcd_anomaly.scoring.reference import Reference
from vision_cli.pcd_anomaly.scoring.regions import Regions, find_regions
from vision_cli.pcd_anomaly.scoring.residuals import measure_at, scan_surface
from vision_cli.pcd_anomaly.surfaces.geometry import (
    Points,
    Pose,
    canonical_order,
    transform,
)
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan

Decision = Literal["normal", "anomalous", "undetermined"]

_MOST_INVALID = 0.5

_CERTAIN = 1.5
"""Score of a region, in thresholds of places, from which it alone makes a scan anomalous however small it is.

On two parts that no figure is measured on (`tests/bench/pcd_regions.py`) no region of 20 good scans reaches 1, and 18
of 20 defects have one of 1.5.
"""

_LOWERED = (TOP_SHARE, 2 * TOP_SHARE, 5 * TOP_SHARE)
"""Shares of the highest points that are outlined where none exceeds the threshold of places."""

_OUTLIER, _SPECK = 1 / 10, 1 / 30
"""Distances to the registered part, as shares of the diameter, beyond which points and specks are outliers.

The limit of specks is not 0: points seen through a hole of the part are not connected with the rest either.
"""


@dataclass(frozen=True)
class Observation:
    """A scan registered to the reference of its part and measured, before scoring.

    Attributes
    ----------
    points
        The given points, ``(N, 3)``.
    registration
        Pose from the scan to the reference, and its status.
    nodes
        Measured places of the scan, in the frame of the reference.
    grouped
        Places that groups are made of: ``nodes``, or fewer if the scan is denser than the prototypes.
    moved
        The points in the frame of the reference, ``(N, 3)``; NaN for invalid points and outliers.
    n_invalid, n_outliers
        Numbers of points that are not finite, and of finite points that do not belong to the part.
    outlier_distance
        Median distance of the outliers to the part; NaN without outliers.
    seconds
        Processor time by stage.
    """

    points: Points
    registration: Registration
    nodes: Nodes
    grouped: Nodes
    moved: Points
    n_invalid: int
    n_outliers: int
    outlier_distance: float
    seconds: dict[str, float]


@dataclass(frozen=True)
class Result:
    """Scores and decision of a scan.

    Attributes
    ----------
    scores
        Scores of the points in the order of the input, ``(N,)`` float32; NaN for invalid points and outliers.
    deviation
        Signed distance to the reference without the warp, positive outwards, ``(N,)`` float32.
    score
        Score of the scan: the mean over the highest percent of its places.
    p_value
        Probability that a good scan scores as high; NaN if the pose is not trusted.
    threshold
        Score that a share alpha of good scans exceeds.
    decision
        ``undetermined`` if the registration failed, or is weak and nobody asked for a decision all the same.
    place_threshold
        Score from which a place is called defective; about one good place in a thousand exceeds it.
    observation
        The observed scan.
    seconds
        Processor time by stage.
    regions
        Defective regions: one or more of an anomalous scan, none of a normal one, places to look at of an undetermined
        one.
    """

    scores: NDArray[np.float32]
    deviation: NDArray[np.float32]
    score: float
    p_value: float
    threshold: float
    decision: Decision
    place_threshold: float
    observation: Observation
    seconds: dict[str, float]
    regions: Regions

    @property
    def registration(self) -> Registration:
        """Pose and status."""
        return self.observation.registration

    @property
    def n_invalid(self) -> int:
        """Number of points that are not finite."""
        return self.observation.n_invalid

    @property
    def towards(self) -> NDArray[np.float64] | None:
        """Direction to the sensor in the frame of the scan; None for a cloud of all sides."""
        return self.observation.registration.view


@dataclass(frozen=True)
class MethodScores:
    """Scores of another method for the same scan.

    Attributes
    ----------
    points
        ``(C, N)`` float32, one row, or one a bank if the banks are still to be fused over the test set.
    score
        Score of the scan.
    """

    points: NDArray[np.float32]
    score: float


MethodScorer = Callable[[Observation], MethodScores]
"""Scores an observed scan by another method."""


def predict(
    model: Model,
    points: Points,
    *,
    seed: int = 0,
    agcs: Selection = ScoringOptions.agcs,
    registration: RegistrationMode = PoseOptions.registration,
    init: Pose | None = None,
    alpha: float | None = None,
    decide_weak: bool = ScoringOptions.decide_weak,
) -> Result:
    """Return the scores of a scan: `observe`, then `score`."""
    seen = observe(model.reference, points, seed=seed, registration=registration, init=init)
    return score(model, seen, agcs, alpha, decide_weak=decide_weak)


def observe(
    reference: Reference,
    points: Points,
    *,
    seed: int = 0,
    registration: RegistrationMode = PoseOptions.registration,
    init: Pose | None = None,
) -> Observation:
    """Register a scan to the reference and measure its deviations.

    Points farther from the part than a tenth of the diameter, or than a thirtieth if they are not connected with it,
    are outliers, as a piece of the table or specks. They are not scored, and specks do not influence the pose.

    Parameters
    ----------
    reference
        Reference of the part.
    points
        ``(N, 3)`` in any order; results do not depend on it.
    seed
        Seed of the search of the pose.
    registration
        ``auto`` searches the pose, ``given`` refines ``init``, ``none`` uses ``init`` unchanged.
    init
        ``(4, 4)`` from the scan to the reference; the identity by default.

    Raises
    ------
    InputError
        If there are too few points, too many are not finite, or the size of the scan is not that of the part.
    """
    clock = time.process_time()
    finite = np.asarray(np.isfinite(points).all(axis=1))
    _require_usable(points, finite)
    size = reference.diameter
    usable = points[finite]
    order = canonical_order(usable)
    origin = np.median(usable, axis=0)
    usable = usable[order] - origin
    require_same_size(usable, size)
    pieces = find_pieces(usable, size)
    start = _shifted(np.eye(4) if init is None else init, origin)
    found = register_scan(usable[pieces.is_main], reference, seed, registration, start)
    is_part, distance = _part_of(pieces, found, reference)
    if is_part.sum() < FEWEST_POINTS:
        raise InputError(
            f"{int(is_part.sum())} of {len(usable)} points lie near the part at this pose; {FEWEST_POINTS} or more "
            "expected.",
            hint="Check --init, or have the pose searched with --registration auto.",
        )
    seconds = {"registration": time.process_time() - clock}
    clock = time.process_time()
    towards = None if found.view is None else found.pose[:3, :3] @ found.view
    nodes = measure_at(reference, scan_surface(usable[is_part], found.pose, found.view, reference.spacing), towards)
    grouped = nodes
    if reference.group_spacing > reference.spacing:
        surface = scan_surface(usable[is_part], found.pose, found.view, reference.group_spacing)
        grouped = measure_at(reference, surface, towards, nodes.residuals.alignment)
    # The points get the last refinement of the places, too.
    pose = nodes.residuals.alignment.pose @ found.pose
    moved = np.full(points.shape, np.nan)
    rows = np.flatnonzero(finite)[order[is_part]]
    moved[rows] = transform(pose, usable[is_part])
    seconds["residuals"] = time.process_time() - clock
    return Observation(
        points,
        replace(found, pose=_shifted(pose, -origin)),
        nodes,
        grouped,
        moved,
        int((~finite).sum()),
        int((~is_part).sum()),
        distance,
        seconds,
    )


def score(
    model: Model,
    seen: Observation,
    agcs: Selection = ScoringOptions.agcs,
    alpha: float | None = None,
    rows: int = ROWS_AT_ONCE,
    decide_weak: bool = ScoringOptions.decide_weak,
) -> Result:
    """Return the scores of an observed scan.

    Parameters
    ----------
    model
        Model of the part, with the reference that the scan was registered to.
    seen
        Observed scan.
    agcs
        How the centres of groups are selected.
    alpha
        Share of good scans that may be called defective; that of the model by default.
    rows
        Groups compared with the bank at once.
    decide_weak
        Whether a scan of a weak pose is decided on.
    """
    clock = time.process_time()
    nodes, seconds = seen.nodes, dict(seen.seconds)
    of_nodes = place_scores(nodes, _values(model, seen, agcs, rows), model.fusion)
    seconds["groups"], clock = time.process_time() - clock, time.process_time()
    of_places = np.column_stack([of_nodes, np.nan_to_num(nodes.residuals.detrended)])
    spread = spread_to_points(seen.moved, nodes.residuals.surface.points, of_places, nodes.tree)
    scores, deviation = np.ascontiguousarray(spread.T)
    seconds["spread"] = time.process_time() - clock
    highest = scan_score(of_nodes)
    threshold = model.limit.threshold(model.options.alpha if alpha is None else alpha)
    status = seen.registration.status
    is_trusted = status != "failed" and (status != "weak" or decide_weak)
    regions = _regions(seen, scores, deviation, _place_threshold(model))
    decision: Decision = "undetermined"
    if is_trusted:
        is_certain = any(region.score >= _CERTAIN * _place_threshold(model) for region in regions.found)
        decision = "anomalous" if highest > threshold or is_certain else "normal"
    if decision == "normal":
        regions = Regions((), np.zeros_like(regions.numbers))
    elif decision == "anomalous" and not regions.found:
        regions = _highest_regions(seen, scores, deviation)
    p_value = model.limit.p_value(highest) if is_trusted else math.nan
    return Result(
        scores, deviation, highest, p_value, threshold, decision, _place_threshold(model), seen, seconds, regions
    )


def score_by_groups(model: Model, seen: Observation, agcs: Selection, rows: int = ROWS_AT_ONCE) -> MethodScores:
    """Return scores as in the paper, by the distance of groups to the memory bank alone; parameters as for `score`."""
    channels = len(model.fusion.weights)
    alone = replace(model.fusion, weights=np.eye(channels)[-1])
    of_nodes = place_scores(seen.nodes, _values(model, seen, agcs, rows), alone)
    points = spread_to_points(seen.moved, seen.nodes.residuals.surface.points, of_nodes, seen.nodes.tree)
    return MethodScores(points[None], scan_score(of_nodes))


def register_scan(points: Points, reference: Reference, seed: int, mode: RegistrationMode, start: Pose) -> Registration:
    """Return the pose of finite points ``(N, 3)`` in canonical order: searched, or the given one, refined or not."""
    scan = prepare_scan(points, SCAN_SPACING * reference.diameter)
    if mode == "auto":
        return register(scan, reference.target, np.random.default_rng(seed))
    return place_at(scan, reference.target, start, refined=mode == "given")


def _values(model: Model, seen: Observation, agcs: Selection, rows: int) -> NDArray[np.float64]:
    """Return the channels of an observed scan with the distances of its groups to the bank, ``(V, C)``."""
    return np.column_stack([seen.nodes.channels, _embedding_distances(model, seen, agcs, rows)])


def _embedding_distances(model: Model, seen: Observation, agcs: Selection, rows: int) -> NDArray[np.float64]:
    grouped, size = seen.grouped, model.reference.diameter
    indicator = None
    if agcs == "absolute":
        indicator = grouped.residuals.surface.variation
    elif agcs == "relative":
        indicator = grouped.channels[:, 5] / max(float(np.median(grouped.channels[:, 5])), 1e-12)
        indicator = indicator + grouped.channels[:, 2] / max(float(np.median(grouped.channels[:, 2])), 1e-12)
    points = grouped.residuals.surface.points
    centres = select_centres(points, model.options.groups, indicator, model.reference.group_spacing)
    vectors = model.describe(grouped, centres, model.options.group_size, size)
    distances = model.memory.distances(model.head.embed(vectors), points[centres] / size, rows)
    return spread_to_points(seen.nodes.residuals.surface.points, points[centres], distances).astype(np.float64)


def _regions(
    seen: Observation, scores: NDArray[np.float32], deviation: NDArray[np.float32], threshold: float
) -> Regions:
    return find_regions(seen.points, scores, threshold, deviation=deviation)


def _highest_regions(seen: Observation, scores: NDArray[np.float32], deviation: NDArray[np.float32]) -> Regions:
    """Return the regions of the highest scores, which made a scan anomalous though none reaches the usual threshold."""
    known = scores[np.isfinite(scores)]
    for share in _LOWERED:
        found = _regions(seen, scores, deviation, float(np.quantile(known, 1 - share)))
        if found.found:
            return found
    return find_regions(seen.points, scores, float(known.max()), deviation=deviation, least_points=1)


def _place_threshold(model: Model) -> float:
    """Return the score of a place at which each channel has p = 0.001."""
    return float(3 * np.sqrt((model.fusion.weights**2).sum()))


def _part_of(pieces: Pieces, found: Registration, reference: Reference) -> tuple[NDArray[np.bool_], float]:
    """Return which points belong to the part, and the median distance of the others to it."""
    distance = reference.level.places.query(transform(found.pose, pieces.middles))[0][pieces.cube]
    reach = np.where(pieces.is_main, _OUTLIER, _SPECK) * reference.diameter
    is_part = (distance <= reach) | (found.status == "failed")
    outliers = distance[~is_part]
    return is_part, float(np.median(outliers)) if len(outliers) else math.nan


def _shifted(pose: Pose, origin: NDArray[np.float64]) -> Pose:
    """Return the pose of points from which ``origin`` was subtracted."""
    shifted = pose.copy()
    shifted[:3, 3] = pose[:3, :3] @ origin + pose[:3, 3]
    return shifted


def _require_usable(points: Points, finite: NDArray[np.bool_]) -> None:
    count = int(finite.sum())
    if len(points) and count < _MOST_INVALID * len(points):
        raise InputError(
            f"{len(points) - count} of {len(points)} points are not finite; half or more finite expected.",
            hint="Export the scan again, or take its invalid points out.",
        )
    if count < FEWEST_POINTS:
        raise InputError(f"{count} finite points; {FEWEST_POINTS} or more expected.", hint="Scan the part finer.")
    distinct = len(np.unique(points[finite], axis=0)) if count < 100_000 else FEWEST_POINTS
    if distinct < FEWEST_POINTS:
        raise InputError(
            f"{distinct} distinct points of {count}; {FEWEST_POINTS} or more expected.", hint="Scan the part finer."
        )
