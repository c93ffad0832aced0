"""Baselines: other methods, each scoring every place of a registered scan.

``c2c`` and ``c2plane`` are common in industry (distance to the nearest point, distance to its plane).
``curvature`` needs no reference. ``btf-raw``, ``patchcore-fpfh`` and ``patchcore-fpfh-raw`` are memory banks of
coordinates, FPFH, and both, set as in Real3D-AD (Horwitz and Hoshen 2023; Roth et al. 2022). ``simple3d`` is FPFH at
k = 40, 80, 120 averaged over 128 neighbours (Simple3D, AAAI 2026). ``reg3d`` has two banks, of FPFH and of registered
coordinates, as Reg3D-AD has, and averages both scores: each divided by its typical size in the bank, or, with
``--protocol reg3d``, by its range in the test set, as in the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.core.errors import UsageError
from vision_cli.pcd_anomaly.options import BASELINES, Baseline
from vision_cli.pcd_anomaly.scoring.bank import greedy_coreset, nearest_in_bank
from vision_cli.pcd_anomaly.scoring.fusion import spread_to_points
from vision_cli.pcd_anomaly.scoring.reference import Reference
from vision_cli.pcd_anomaly.surfaces.farthest import farthest_points
from vision_cli.pcd_anomaly.surfaces.geometry import Surface
from vision_cli.pcd_anomaly.surfaces.lookup import offsets_to

_CENTRES = 4096
_BANK = 10_000
_POOL = 128
_SMOOTHING = 16
_SCALES = {"patchcore-fpfh": (100,), "patchcore-fpfh-raw": (100,), "reg3d": (100,), "simple3d": (40, 80, 120)}
"""Numbers of neighbours of FPFH; these and the size of banks are those of Real3D-AD's code."""


@dataclass(frozen=True)
class BaselineModel:
    """A fitted baseline.

    Attributes
    ----------
    name
        Name of the baseline.
    reference
        Reference of the model; baselines use its registration.
    banks
        Vectors of each bank, ``(B, d)``; empty without a bank.
    widths
        Typical distances of shape vectors and of places, which both are divided by.
    """

    name: Baseline
    reference: Reference
    banks: tuple[torch.Tensor, ...] = ()
    widths: tuple[float, float] = (1.0, 1.0)


def fit_baseline(name: Baseline, reference: Reference) -> BaselineModel:
    """Return a baseline fitted to the surface of the reference.

    Raises
    ------
    UsageError
        If there is no such baseline.
    """
    if name not in BASELINES:
        raise UsageError(f"--methods {name}: no such method; ours, {', '.join(BASELINES)} expected.")
    surface = reference.level.surface
    if name in ("c2c", "c2plane", "curvature"):
        return BaselineModel(name, reference)
    centres = farthest_points(surface.points, 4 * _CENTRES)
    shape = _shape_vectors(name, surface, centres)
    places = surface.points[centres] / reference.diameter
    widths = (_typical(shape), _typical(places))
    vectors = [torch.from_numpy(block) for block in _blocks(name, shape, places, widths)]
    return BaselineModel(name, reference, tuple(v[greedy_coreset(v, _BANK)] for v in vectors), widths)


def score_places(model: BaselineModel, surface: Surface, centres: int = _CENTRES) -> NDArray[np.float64]:
    """Return the scores of the places of a registered scan.

    Parameters
    ----------
    model
        Fitted baseline.
    surface
        The scan in the frame of the reference, V places.
    centres
        Number of places compared with the banks; the others are interpolated.

    Returns
    -------
    ndarray
        ``(banks, V)``, one row for fewer than two banks; higher is more anomalous.
    """
    level, size = model.reference.level, model.reference.diameter
    if model.name == "c2c":
        return np.asarray(level.places.query(surface.points)[0])[None]
    if model.name == "c2plane":
        found = offsets_to(level, surface.points, surface.normals, size)
        return np.abs(_smoothed(np.nan_to_num(found.value), surface))[None]
    if model.name == "curvature":
        return _smoothed(surface.variation, surface)[None]
    rows = farthest_points(surface.points, centres)
    shape = _shape_vectors(model.name, surface, rows)
    places = surface.points[rows] / size
    blocks = _blocks(model.name, shape, places, model.widths)
    distances = [
        nearest_in_bank(torch.from_numpy(block), bank)[0].double().numpy()
        for block, bank in zip(blocks, model.banks, strict=True)
    ]
    if len(rows) == len(surface):
        return np.stack(distances)
    return np.stack([spread_to_points(surface.points, surface.points[rows], one) for one in distances]).astype(float)


def _smoothed(values: NDArray[np.float64], surface: Surface) -> NDArray[np.float64]:
    near = cKDTree(surface.points).query(surface.points, k=min(_SMOOTHING, len(surface)))[1]
    return np.asarray(values[near].mean(axis=1))


def _blocks(
    name: Baseline, shape: NDArray[np.float64], places: NDArray[np.float64], widths: tuple[float, float]
) -> list[NDArray[np.float32]]:
    """Return the vectors of each bank, ``(G, d)``."""
    scaled = [shape / widths[0], places / widths[1]]
    chosen = {
        "btf-raw": [places],
        "patchcore-fpfh-raw": [np.hstack(scaled)],
        "reg3d": scaled,
    }.get(name, [shape])
    return [block.astype(np.float32) for block in chosen]


def _shape_vectors(name: Baseline, surface: Surface, centres: NDArray[np.int64]) -> NDArray[np.float64]:
    if name == "btf-raw":
        return np.zeros((len(centres), 1))
    from vision_cli.io.points.clouds import import_open3d

    o3d = import_open3d()
    cloud = o3d.t.geometry.PointCloud(o3d.core.Tensor(np.ascontiguousarray(surface.points)))
    cloud.point.normals = o3d.core.Tensor(np.ascontiguousarray(surface.normals))
    # Without indices Open3D computes all points, with far less memory than with the indices of all points.
    is_all = name == "simple3d" or len(centres) == len(surface)
    indices = None if is_all else o3d.core.Tensor(np.ascontiguousarray(centres), o3d.core.int64)
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
    """Return the root mean square distance of vectors to their mean."""
    return max(float(np.sqrt(((vectors - vectors.mean(axis=0)) ** 2).sum(axis=1).mean())), 1e-12)
