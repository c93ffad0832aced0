"""Inspection of a scan against a tolerance: signed deviations from the reference, and pass or fail.

The deviation of a place is the median over its neighbours on the same face, which a single noisy point does not move.
Within the uncertainty that the scan's noise leaves around the tolerance, a place is neither in nor out of it, and what
hinges on such places is not decided (decision rule of ISO 14253-1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.pipeline.pipeline import Observation
from vision_cli.pcd_anomaly.scoring.fusion import spread_to_points
from vision_cli.pcd_anomaly.scoring.reference import Reference
from vision_cli.pcd_anomaly.surfaces.geometry import invert, transform

Verdict = Literal["pass", "fail", "unclear", "undetermined"]

_NEIGHBOURS, _SAME_FACE = 9, 0.8
"""Neighbours of a place, itself included, and least cosine between normals of one face."""

_FEWEST_NEIGHBOURS = 5
_COVERAGE = 2.0
"""Uncertainty in standard deviations (coverage factor of the GUM for 95 %)."""

_AT_EDGE = 0.015
"""Surface variation of an edge; 0 on a plane, 0.003 on a cylinder of twenty spacings."""

_MEDIAN_LOSS = np.sqrt(np.pi / 2)
"""Standard deviation of a median beside that of a mean."""


@dataclass(frozen=True)
class Inspection:
    """Result of an inspection, lengths in the unit of the reference.

    Attributes
    ----------
    tolerance
        Largest deviation allowed, to either side.
    uncertainty
        Uncertainty of the deviation of a place by the noise of the scan, at a coverage of 95 %; at edges a spacing of
        the reference is added, and only what is beyond the tolerance for certain counts.
    verdict
        ``pass`` or ``fail``; ``unclear`` if deviations lie within the uncertainty around the tolerance;
        ``undetermined`` if the pose is not trusted.
    share_beyond
        Share of the compared places that are beyond the tolerance for certain.
    share_unclear
        Share of the compared places within the uncertainty around it.
    largest
        Deviation of largest size, positive outwards; NaN without a compared place.
    place
        Where that is, in the frame of the scan, ``(3,)``.
    compared
        Share of the places of the scan that were compared: not those beyond an end of the reference or at the boundary
        of the scan.
    deviation
        Signed deviation of each point of the scan, ``(N,)`` float32; NaN where nothing was compared.
    """

    tolerance: float
    uncertainty: float
    verdict: Verdict
    share_beyond: float
    share_unclear: float
    largest: float
    place: tuple[float, float, float]
    compared: float
    deviation: NDArray[np.float32]


def inspect(reference: Reference, seen: Observation, tolerance: float) -> Inspection:
    """Return the inspection of an observed scan.

    Parameters
    ----------
    reference
        Reference that the scan was registered to.
    seen
        Observed scan.
    tolerance
        Largest deviation allowed, to either side, in the unit of the reference.
    """
    found = seen.nodes.residuals
    is_known = np.isfinite(found.raw) & ~found.unknown & ~found.unsure & ~seen.nodes.boundary
    smooth, noise = _smoothed(found.surface.points, found.surface.normals, np.where(is_known, found.raw, np.nan))
    uncertainty = _COVERAGE * noise
    compared = np.flatnonzero(np.isfinite(smooth))
    size = np.abs(smooth[compared])
    beyond = size > tolerance + uncertainty
    unclear = ~beyond & (size > tolerance - uncertainty)
    # Neighbourhoods round edges off, in the scan and in the reference: there a deviation is known to a spacing only.
    bent = np.maximum(found.surface.variation, reference.level.surface.variation[found.nearest])[compared] > _AT_EDGE
    beyond &= ~bent | (size > tolerance + uncertainty + reference.spacing)
    unclear &= ~bent
    verdict: Verdict = "pass"
    if seen.registration.status in ("failed", "weak") or not len(compared):
        verdict = "undetermined"
    elif beyond.any():
        verdict = "fail"
    elif unclear.any():
        verdict = "unclear"
    largest, place = np.nan, np.full(3, np.nan)
    if len(compared):
        worst = compared[size.argmax()]
        largest = float(smooth[worst])
        place = transform(invert(seen.registration.pose), found.surface.points[worst][None])[0]
    return Inspection(
        tolerance,
        uncertainty,
        verdict,
        float(beyond.mean()) if len(compared) else np.nan,
        float(unclear.mean()) if len(compared) else np.nan,
        largest,
        (float(place[0]), float(place[1]), float(place[2])),
        len(compared) / max(len(smooth), 1),
        spread_to_points(seen.moved, found.surface.points, smooth, seen.nodes.tree),
    )


def _smoothed(
    points: NDArray[np.float64], normals: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return the median of values over neighbours on the same face, and the standard deviation that noise leaves in it.

    Places without a value, or with few neighbours that have one, get NaN. The noise is the spread of the values of
    neighbours about a plane through them, so that a smooth deviation is none.
    """
    smooth = np.full(len(points), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < _NEIGHBOURS:
        return smooth, float("nan")
    _, near = cKDTree(points[known]).query(points[known], k=_NEIGHBOURS)
    near = known[near]
    same = np.einsum("nki,ni->nk", normals[near], normals[known]) > _SAME_FACE
    count = same.sum(axis=1)
    around = np.where(same, values[near], np.nan)
    enough = count >= _FEWEST_NEIGHBOURS
    smooth[known[enough]] = np.nanmedian(around[enough], axis=1)
    whole = np.flatnonzero(same.all(axis=1))
    if not len(whole):
        return smooth, float("nan")
    # The middle of a plane in k neighbours is their mean: what remains has three unknowns less.
    offsets = points[near[whole]] - points[near[whole]].mean(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", offsets, offsets))
    along = np.einsum("nki,nij->nkj", offsets, axes[:, :, 1:])
    left = around[whole] - around[whole].mean(axis=1, keepdims=True)
    slopes = np.linalg.solve(
        np.einsum("nki,nkj->nij", along, along) + 1e-300 * np.eye(2), np.einsum("nki,nk->ni", along, left)[..., None]
    )
    left = left - np.einsum("nki,nij->nkj", along, slopes)[..., 0]
    variance = (left**2).sum(axis=1) / (_NEIGHBOURS - 3)
    noise = float(np.sqrt(np.median(variance)))
    return smooth, float(_MEDIAN_LOSS * noise / np.sqrt(_NEIGHBOURS))
