"""What others do, for comparison in the same run: each gives a score to every place of a registered scan.

``c2c`` and ``c2plane`` are what industry uses (distance to the nearest point, signed distance to its plane).
``curvature`` needs no reference. ``btf-raw``, ``patchcore-fpfh`` and ``patchcore-fpfh-raw`` are memory banks of
coordinates, FPFH, and both (Horwitz and Hoshen 2023; Roth et al. 2022). ``simple3d`` is FPFH at k = 40, 80, 120
averaged over 128 neighbours (Simple3D, AAAI 2026). ``reg3d`` fuses registered coordinates and FPFH as Reg3D-AD does,
each scaled by its range over normal data and not over the test set, which would need the test set first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.core.errors import UsageError
from vision_cli.pcd_anomaly.agcs import farthest_points
from vision_cli.pcd_anomaly.bank import greedy_coreset, nearest_in_bank
from vision_cli.pcd_anomaly.geometry import Surface
from vision_cli.pcd_anomaly.reference import Reference, offsets_to
from vision_cli.pcd_anomaly.scoring import spread_to_points

Baseline = Literal[
    "c2c", "c2plane", "curvature", "btf-raw", "patchcore-fpfh", "patchcore-fpfh-raw", "reg3d", "simple3d"
]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)

_CENTRES = 4096
_BANK = 4096
_POOL = 128
_SMOOTHING = 16
_SCALES = {"patchcore-fpfh": (40,), "patchcore-fpfh-raw": (40,), "reg3d": (40,), "simple3d": (40, 80, 120)}


@dataclass(frozen=True)
class BaselineModel:
    """A baseline, ready to score.

    Attributes
    ----------
    name
        Which one.
    reference
        The same as ours: baselines are given our registration.
    bank
        Vectors of the bank, ``(B, d)``; empty where there is none.
    width
        Typical distance in the bank, by block of the vector: what blocks are divided by.
    """

    name: Baseline
    reference: Reference
    bank: torch.Tensor
    width: tuple[float, float]


def fit_baseline(name: Baseline, reference: Reference) -> BaselineModel:
    """Make a baseline of the surface that the prototypes share.

    Raises
    ------
    UsageError
        If there is no such baseline.
    """
    if name not in BASELINES:
        raise UsageError(f"--method {name}: no such method; ours, {', '.join(BASELINES)} expected.")
    surface = reference.level.surface
    if name in ("c2c", "c2plane", "curvature"):
        return BaselineModel(name, reference, torch.zeros(0, 1), (1.0, 1.0))
    centres = farthest_points(surface.points, 4 * _CENTRES)
    shape = _shape_vectors(name, surface, centres)
    places = surface.points[centres] / reference.diameter
    width = (_typical(shape), _typical(places))
    vectors = torch.from_numpy(_joined(name, shape, places, width))
    return BaselineModel(name, reference, vectors[greedy_coreset(vectors, _BANK)], width)


def score_places(model: BaselineModel, surface: Surface) -> NDArray[np.float64]:
    """Score the places of a registered scan.

    Parameters
    ----------
    model
        From `fit_baseline`.
    surface
        The scan in the frame of the reference, ``(V,)`` places.

    Returns
    -------
    ndarray
        ``(V,)``, higher is less usual.
    """
    level, size = model.reference.level, model.reference.diameter
    if model.name == "c2c":
        return np.asarray(cKDTree(level.surface.points).query(surface.points)[0])
    if model.name == "c2plane":
        found = offsets_to(level, surface.points, surface.normals, size)
        near = cKDTree(surface.points).query(surface.points, k=min(_SMOOTHING, len(surface)))[1]
        return np.asarray(np.abs(np.nan_to_num(found.value)[near].mean(axis=1)))
    if model.name == "curvature":
        near = cKDTree(surface.points).query(surface.points, k=min(_SMOOTHING, len(surface)))[1]
        return np.asarray(surface.variation[near].mean(axis=1))
    centres = farthest_points(surface.points, _CENTRES)
    shape = _shape_vectors(model.name, surface, centres)
    places = surface.points[centres] / size
    vectors = torch.from_numpy(_joined(model.name, shape, places, model.width))
    distance = nearest_in_bank(vectors, model.bank)[0].double().numpy()
    return spread_to_points(surface.points, surface.points[centres], distance).astype(np.float64)


def _joined(
    name: Baseline, shape: NDArray[np.float64], places: NDArray[np.float64], width: tuple[float, float]
) -> NDArray[np.float32]:
    blocks: Sequence[NDArray[np.float64]]
    if name == "btf-raw":
        blocks = [places]
    elif name in ("patchcore-fpfh-raw", "reg3d"):
        blocks = [shape / width[0], places / width[1]]
    else:
        blocks = [shape]
    return np.hstack(blocks).astype(np.float32)


def _shape_vectors(name: Baseline, surface: Surface, centres: NDArray[np.int64]) -> NDArray[np.float64]:
    if name == "btf-raw":
        return np.zeros((len(centres), 1))
    from vision_cli.io.pointclouds import import_open3d

    o3d = import_open3d()
    cloud = o3d.t.geometry.PointCloud(o3d.core.Tensor(np.ascontiguousarray(surface.points)))
    cloud.point.normals = o3d.core.Tensor(np.ascontiguousarray(surface.normals))
    chosen = np.arange(len(surface)) if name == "simple3d" else centres
    indices = o3d.core.Tensor(np.ascontiguousarray(chosen), o3d.core.int64)
    found = np.hstack(
        [
            np.nan_to_num(o3d.t.pipelines.registration.compute_fpfh_feature(cloud, max_nn=k, indices=indices).numpy())
            for k in _SCALES[name]
        ]
    )
    if name != "simple3d":
        return found.astype(np.float64)
    near = cKDTree(surface.points).query(surface.points[centres], k=min(_POOL, len(surface)))[1]
    return np.stack([found[rows].mean(axis=0) for rows in near]).astype(np.float64)


def _typical(vectors: NDArray[np.float64]) -> float:
    """Root mean square distance to the mean."""
    return max(float(np.sqrt(((vectors - vectors.mean(axis=0)) ** 2).sum(axis=1).mean())), 1e-12)
