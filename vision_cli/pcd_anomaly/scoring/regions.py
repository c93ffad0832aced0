"""Defective regions: connected points above a threshold, with size, deviation and type.

Lengths are in the unit of the scan, coordinates those of the given points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Kind = Literal["bulge", "sink", "scratch", "crack", "missing", "bend", "unknown"]

REGION_COLUMNS = (
    "sample",
    "region",
    "n_points",
    "area",
    "cx",
    "cy",
    "cz",
    "length",
    "width",
    "max_signed_dev",
    "mean_signed_dev",
    "type",
    "score",
)
"""Columns of the table of regions."""

_NEIGHBOURS = 24
_SPACINGS = 3.0
_LEAST_POINTS = 12
_TOP = 0.1
_ELONGATED, _DRAWN = 3.0, 1.8
_RIDGE = 0.06
_BENDS = ((0.08, 0.3), (0.04, 0.7))
"""A region is a bend if it has this share of the scan and a plane explains this share of its deviations."""

_FLANK_SCORE, _FLANK_DEVIATION, _NOISE = 1 / 6, 1 / 20, 4.0
"""Flanks of a region: least score in thresholds, least deviation as a share of the largest and in median deviations."""

_RING_SPACINGS, _FALLS = 6.0, -0.1


@dataclass(frozen=True)
class Region:
    """A connected set of defective points.

    Attributes
    ----------
    number
        1 for the region of the highest score, then 2 and so on.
    n_points
        Number of its points.
    area
        Area of the surface that they represent.
    centre
        Mean of its points, ``(3,)``.
    length, width
        Extent along its longest direction and across, in its plane.
    max_signed_dev, mean_signed_dev
        The deviation of largest size, and the mean; positive for surplus material, NaN if unknown.
    kind
        Type of the defect; ``unknown`` without deviations.
    score
        Mean of the highest tenth of its scores.
    """

    number: int
    n_points: int
    area: float
    centre: tuple[float, float, float]
    length: float
    width: float
    max_signed_dev: float
    mean_signed_dev: float
    kind: Kind
    score: float

    def row(self, sample: str) -> tuple[object, ...]:
        """Return the cells of `REGION_COLUMNS`; None for an unknown deviation."""
        return (
            sample,
            self.number,
            self.n_points,
            self.area,
            *self.centre,
            self.length,
            self.width,
            None if math.isnan(self.max_signed_dev) else self.max_signed_dev,
            None if math.isnan(self.mean_signed_dev) else self.mean_signed_dev,
            self.kind,
            self.score,
        )


@dataclass(frozen=True)
class Regions:
    """The regions of a scan.

    Attributes
    ----------
    found
        Regions by falling score.
    numbers
        Number of the region of each point, ``(N,)``, 0 for none.
    """

    found: tuple[Region, ...]
    numbers: NDArray[np.int32]


def find_regions(
    points: NDArray[np.float64],
    scores: NDArray[np.floating],
    threshold: float,
    *,
    deviation: NDArray[np.floating] | None = None,
    normals: NDArray[np.floating] | None = None,
    least_points: int = _LEAST_POINTS,
    least_area: float = 0.0,
) -> Regions:
    """Return the connected regions of points that score above a threshold, with the flanks that belong to them.

    Two points are connected if they are closer than three times the spacing of the points. Flanks score less than the
    threshold: with deviations, a region grows over connected points that deviate by a twentieth of its largest
    deviation, by more than most points of the scan, and score a sixth of the threshold.

    Parameters
    ----------
    points
        ``(N, 3)``; rows that are not finite belong to no region.
    scores
        ``(N,)``; NaN counts as below.
    threshold
        Points at or above it are defective.
    deviation
        Signed distance to the expected surface, positive outwards, ``(N,)``.
    normals
        Outward normals, ``(N, 3)``; they distinguish broken edges from dents.
    least_points, least_area
        Regions of fewer points above the threshold, or smaller ones, are left out.
    """
    numbers = np.zeros(len(points), dtype=np.int32)
    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    values = np.nan_to_num(np.asarray(scores, np.float64)[finite], nan=-np.inf)
    chosen, is_seed = finite[values >= threshold], values >= threshold
    if len(chosen) < max(least_points, 1):
        return Regions((), numbers)
    if deviation is not None:
        size = np.abs(np.nan_to_num(np.asarray(deviation, np.float64)[finite]))
        floor = _NOISE * float(np.median(size))
        chosen = finite[is_seed | ((size > floor) & (values >= _FLANK_SCORE * threshold))]
    is_seed = np.asarray(scores, np.float64)[chosen] >= threshold
    tree = cKDTree(points[finite])
    areas, spacing = _areas(tree, points[chosen])
    groups = _components(points[chosen], _SPACINGS * spacing)
    whole = len(finite) * float(np.median(areas))
    made: list[tuple[Region, NDArray[np.int64]]] = []
    for connected in groups:
        group = connected
        if is_seed[group].sum() < max(least_points, 1):
            continue
        if deviation is not None:
            group = group[_belongs(np.asarray(deviation, np.float64)[chosen[group]], is_seed[group])]
        area = float(areas[group].sum())
        if area < least_area:
            continue
        members = chosen[group]
        length, width, axes = _extents(points[members])
        signed = None if deviation is None else np.asarray(deviation, np.float64)[members]
        signed = None if signed is None or not np.isfinite(signed).any() else signed
        largest = np.nan if signed is None else float(signed[np.nanargmax(np.abs(signed))])
        kind: Kind = "unknown"
        if signed is not None:
            convex = _stands_above(points, finite, tree, members, normals, spacing)
            kind = _kind(points[members], np.nan_to_num(signed), length, width, axes, area / whole, convex)
        top = np.sort(np.asarray(scores, np.float64)[members])[-max(1, round(_TOP * len(members))) :]
        centre = tuple(float(c) for c in points[members].mean(axis=0))
        region = Region(
            0,
            len(members),
            area,
            (centre[0], centre[1], centre[2]),
            length,
            width,
            largest,
            np.nan if signed is None else float(np.nanmean(signed)),
            kind,
            float(top.mean()),
        )
        made.append((region, members))
    # Equal scores are ordered by the first point, so that the numbers are deterministic.
    made.sort(key=lambda item: (-item[0].score, int(item[1][0])))
    found = []
    for number, (region, members) in enumerate(made, start=1):
        numbers[members] = number
        found.append(replace(region, number=number))
    return Regions(tuple(found), numbers)


def _belongs(deviation: NDArray[np.float64], is_seed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which points of a grown region deviate enough to belong to it; those above the threshold all do."""
    size = np.abs(np.nan_to_num(deviation))
    return np.asarray(is_seed | (size >= _FLANK_DEVIATION * size[is_seed].max()))


def _areas(tree: cKDTree, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the area that each point represents, ``(M,)``, and the spacing of the points.

    The density is estimated by a kernel that falls to 0 at the last neighbour; at the boundary of a scan, where half of
    the neighbours are missing, areas are overestimated.
    """
    count = min(_NEIGHBOURS + 1, tree.n)
    distances, _ = tree.query(points, count)
    distances = np.asarray(distances).reshape(len(points), count)
    squared = distances**2
    reach = np.maximum(squared[:, -1:], 1e-300)
    weights = (1 - squared / reach).sum(axis=1)
    areas = np.pi / 2 * reach[:, 0] / np.maximum(weights, 1.0)
    return areas, float(np.sqrt(np.median(areas)))


def _components(points: NDArray[np.float64], radius: float) -> list[NDArray[np.int64]]:
    """Return the connected components of points, each as ascending numbers.

    Points are first grouped in cells of a third of the radius, so that memory depends on the area of a region and not
    on its density.
    """
    cells = np.floor((points - points.min(axis=0)) / (radius / 3)).astype(np.int64)
    _, cell, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    cell = cell.ravel()
    means = np.stack([np.bincount(cell, points[:, axis]) for axis in range(3)], axis=1) / counts[:, None]
    pairs = cKDTree(means).query_pairs(radius, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(means), len(means)))
    _, component = connected_components(graph, directed=False)
    mine = component[cell]
    order = np.argsort(mine, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(mine[order])) + 1)


def _extents(points: NDArray[np.float64]) -> tuple[float, float, NDArray[np.float64]]:
    """Return length and width, and the principal directions ``(3, 3)``, the longest first."""
    centred = points - points.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1].T[::-1]
    spread = np.ptp(centred @ axes.T, axis=0)
    # The direction of the largest variance need not be that of the largest extent.
    return float(spread[:2].max()), float(spread[:2].min()), axes


def _kind(
    points: NDArray[np.float64],
    signed: NDArray[np.float64],
    length: float,
    width: float,
    axes: NDArray[np.float64],
    share: float,
    stands_above: bool,
) -> Kind:
    """Return the type of a region, by its shape and the sign of its deviations."""
    mean = float(signed.mean())
    if any(share > least and _line_explains(points, signed, axes) > explained for least, explained in _BENDS):
        return "bend"
    if mean < 0:
        # A tool raises material beside its groove; a crack does not.
        raised = float(np.mean(signed > _RIDGE * np.abs(signed).max()))
        if raised > _RIDGE and length > _DRAWN * width:
            return "scratch"
        if stands_above:
            return "missing"
        return "crack" if length > _ELONGATED * width else "sink"
    return "bulge"


def _line_explains(points: NDArray[np.float64], signed: NDArray[np.float64], axes: NDArray[np.float64]) -> float:
    """Return the share of the deviations' variance that a plane over the region explains, as beyond a hinge."""
    along = (points - points.mean(axis=0)) @ axes[:2].T
    design = np.column_stack([along, np.ones(len(along))])
    rest = signed - design @ np.linalg.lstsq(design, signed, rcond=None)[0]
    total = float(((signed - signed.mean()) ** 2).sum())
    return 1 - float((rest**2).sum()) / total if total > 0 else 0.0


def _stands_above(
    points: NDArray[np.float64],
    finite: NDArray[np.int64],
    tree: cKDTree,
    members: NDArray[np.int64],
    normals: NDArray[np.floating] | None,
    spacing: float,
) -> bool:
    """Return whether the surface around a region lies below it, as at a broken edge and unlike at a dent."""
    if normals is None:
        return False
    own = points[members]
    # Measured from the rim of the region to its surroundings, so that its own shape does not count.
    outward = np.nan_to_num(np.asarray(normals, np.float64)[members]).sum(axis=0)
    size = float(np.linalg.norm(outward))
    near = tree.query_ball_point(own, _RING_SPACINGS * spacing, return_sorted=False)
    ring = np.setdiff1d(finite[np.unique(np.concatenate(near).astype(np.int64))], members)
    if size == 0 or not len(ring):
        return False
    distances, nearest = cKDTree(own).query(points[ring])
    rise = (points[ring] - own[nearest]) @ (outward / size) / np.maximum(distances, 1e-300)
    return bool(rise.mean() < _FALLS)
