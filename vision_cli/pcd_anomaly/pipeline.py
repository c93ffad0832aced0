"""A scan in, scores of its points out: registration, residuals, groups, fusion, and a decision with a p-value.

Usable without the command line: `vision_cli.pcd_anomaly.learning.train` makes the model that `predict` takes.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.agcs import Selection, select_centres
from vision_cli.pcd_anomaly.calibration import scan_score
from vision_cli.pcd_anomaly.features import Nodes, group_vectors, measure_nodes
from vision_cli.pcd_anomaly.geometry import (
    Points,
    Pose,
    canonical_order,
    diameter,
    group_means,
    transform,
    voxel_groups,
)
from vision_cli.pcd_anomaly.learning import Model, Options, train
from vision_cli.pcd_anomaly.reference import Reference
from vision_cli.pcd_anomaly.registration import Registration, place, prepare_scan, register
from vision_cli.pcd_anomaly.residuals import measure_residuals, scan_surface
from vision_cli.pcd_anomaly.scoring import fuse, spread_to_points

__all__ = ["Model", "Options", "Result", "predict", "register_scan", "train"]

Decision = Literal["normal", "anomalous", "undetermined"]
RegistrationMode = Literal["auto", "given", "none"]

_FEWEST_POINTS = 500
_MOST_INVALID = 0.5
_SIZES = (0.2, 3.0)
_SCAN_LEVEL = 1 / 200


@dataclass(frozen=True)
class Result:
    """What is said of a scan.

    Attributes
    ----------
    scores
        ``(N,)`` float32 in the order of the input; NaN where the input is not finite.
    deviation
        ``(N,)`` float32, signed distance to the reference without the warp, positive outwards.
    score
        Of the scan: the mean of the highest percent of its places.
    p_value
        Probability that a good scan scores as high; NaN where the pose is not trusted.
    threshold
        Score that a share alpha of good scans exceeds.
    decision
        ``undetermined`` where the pose failed.
    registration
        Pose and verdict.
    n_invalid
        Points that are not finite.
    towards
        Direction to the sensor in the frame of the scan; None for a cloud of all sides.
    place_threshold
        Score from which a place is called defective: what one good place in a thousand exceeds.
    seconds
        By stage.
    """

    scores: NDArray[np.float32]
    deviation: NDArray[np.float32]
    score: float
    p_value: float
    threshold: float
    decision: Decision
    registration: Registration
    n_invalid: int
    towards: NDArray[np.float64] | None
    place_threshold: float
    seconds: dict[str, float]


def predict(
    model: Model,
    points: Points,
    *,
    seed: int = 0,
    agcs: Selection = "relative",
    registration: RegistrationMode = "auto",
    init: Pose | None = None,
    alpha: float | None = None,
) -> Result:
    """Score every point of a scan.

    Parameters
    ----------
    model
        Of the part.
    points
        ``(N, 3)`` in any order.
    seed
        Of the search of the pose; the scores do not depend on the order of the points.
    agcs
        How the centres of groups are chosen.
    registration
        ``auto`` searches, ``given`` begins at ``init`` and refines, ``none`` takes ``init`` as it is.
    init
        ``(4, 4)`` from the scan to the reference; the identity by default.
    alpha
        Share of good scans that may be called defective; that of the model by default.

    Raises
    ------
    InputError
        If there are too few points, too many are not finite, or the scan has another size than the part.
    """
    clock, seconds = time.process_time(), {}
    finite = np.asarray(np.isfinite(points).all(axis=1))
    _require_usable(points, finite)
    reference = model.reference
    usable = points[finite]
    usable = usable[canonical_order(usable)]
    origin = np.median(usable, axis=0)
    usable = usable - origin
    _require_size(usable, reference.diameter)
    found = register_scan(
        usable, reference, seed=seed, mode=registration, init=None if init is None else _shifted(init, origin)
    )
    seconds["registration"], clock = time.process_time() - clock, time.process_time()
    nodes = measure_nodes(
        measure_residuals(scan_surface(usable, found, reference.spacing), reference), reference.diameter
    )
    seconds["residuals"], clock = time.process_time() - clock, time.process_time()
    distances = _embedding_distances(model, nodes, agcs)
    values = np.column_stack([nodes.channels, distances])
    place_scores = fuse(values, nodes.residuals.nearest, nodes.boundary, model.fusion)
    seconds["groups"], clock = time.process_time() - clock, time.process_time()
    moved = np.full(points.shape, np.nan)
    # Places lie where the last refinement brought them; the points go the same way.
    moved[finite] = transform(nodes.residuals.pose @ found.pose, points[finite] - origin)
    spread = spread_to_points(
        moved,
        nodes.residuals.surface.points,
        np.column_stack([place_scores, np.nan_to_num(nodes.residuals.detrended)]),
        nodes.tree,
    )
    scores, deviation = np.ascontiguousarray(spread.T)
    seconds["spread"] = time.process_time() - clock
    score = scan_score(place_scores)
    threshold = model.limit.threshold(model.options.alpha if alpha is None else alpha)
    is_trusted = found.status != "failed"
    decision: Decision = "undetermined"
    if is_trusted:
        decision = "anomalous" if score > threshold else "normal"
    return Result(
        scores,
        deviation,
        score,
        model.limit.p_value(score) if is_trusted else math.nan,
        threshold,
        decision,
        Registration(
            _shifted(nodes.residuals.pose @ found.pose, -origin),
            found.status,
            found.verification,
            found.margin,
            found.view,
        ),
        int((~finite).sum()),
        found.view,
        _place_threshold(model),
        seconds,
    )


def register_scan(
    points: Points, reference: Reference, *, seed: int = 0, mode: RegistrationMode = "auto", init: Pose | None = None
) -> Registration:
    """Find, refine or take the pose of finite points ``(N, 3)`` in canonical order."""
    size = reference.diameter
    scan = prepare_scan(points[_main_part(points, size)], _SCAN_LEVEL * size)
    if mode == "auto":
        return register(scan, reference.target, np.random.default_rng(seed))
    start = np.eye(4) if init is None else init
    return place(scan, reference.target, start, refined=mode == "given")


def _embedding_distances(model: Model, nodes: Nodes, agcs: Selection) -> NDArray[np.float64]:
    residuals, size = nodes.residuals, model.reference.diameter
    indicator = None
    if agcs == "absolute":
        indicator = residuals.surface.variation
    elif agcs == "relative":
        indicator = nodes.channels[:, 5] / max(float(np.median(nodes.channels[:, 5])), 1e-12)
        indicator = indicator + nodes.channels[:, 2] / max(float(np.median(nodes.channels[:, 2])), 1e-12)
    points = residuals.surface.points
    centres = select_centres(points, model.options.groups, indicator, model.reference.spacing)
    vectors = group_vectors(nodes, centres, model.options.group_size, size)
    distances = model.memory.distances(model.head.embed(vectors), points[centres] / size)
    return spread_to_points(points, points[centres], distances).astype(np.float64)


def _place_threshold(model: Model) -> float:
    """Score of a place of which each channel says one in a thousand."""
    return float(3 * np.sqrt((model.fusion.weights**2).sum()))


def _main_part(points: Points, size: float) -> NDArray[np.bool_]:
    """Points that hang together: a speck or a piece of the table far away has no say in the pose."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    cube = size / 30
    group, count = voxel_groups(points, cube)
    middles = group_means(points, group, count)
    pairs = cKDTree(middles).query_pairs(2.2 * cube, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label)
    return np.asarray((sizes >= 0.05 * sizes.max())[label][group])


def _shifted(pose: Pose, origin: NDArray[np.float64]) -> Pose:
    """Return the pose of points from which ``origin`` was taken away."""
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
    if count < _FEWEST_POINTS:
        raise InputError(f"{count} finite points; {_FEWEST_POINTS} or more expected.", hint="Scan the part finer.")
    distinct = len(np.unique(points[finite], axis=0)) if count < 100_000 else _FEWEST_POINTS
    if distinct < _FEWEST_POINTS:
        raise InputError(
            f"{distinct} distinct points of {count}; {_FEWEST_POINTS} or more expected.", hint="Scan the part finer."
        )


def _require_size(points: Points, size: float) -> None:
    # Specks far away must not look like another unit.
    found = diameter(points[_robust_rows(points)])
    ratio = found / size
    if not _SIZES[0] < ratio < _SIZES[1]:
        factor = 10.0 ** round(math.log10(max(size, 1e-300) / found))
        raise InputError(
            f"a scan {found:.4g} across, the part {size:.4g}; the same unit expected.",
            hint=f"If the unit differs, give --unit {factor:g} to multiply the scan by.",
        )


def _robust_rows(points: Points) -> NDArray[np.bool_]:
    distance = np.linalg.norm(points, axis=1)
    return np.asarray(distance <= 4 * np.median(distance) + 1e-12)
