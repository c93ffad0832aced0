"""What is measured at every place of a registered scan: channels of deviation, and the vectors of groups.

Channels say how far a place is from the reference, and are calibrated one by one. The vector of a group describes it
whole (its shape by FPFH at two scales, its residuals at two radii) and is what the head embeds and the bank remembers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.scoring.residuals import Residuals
from vision_cli.pcd_anomaly.surfaces.views import BOUNDARY_NEIGHBOURS, is_off_centre

CHANNELS = ("raw", "raw_wide", "detrended", "detrended_wide", "turn", "variation", "bent")
"""Channels of deviation, in their order; every one is 0 at best."""

FAR = 1 / 40
"""What counts as the deviation where the reference is not near, as a share of the diameter."""

_SMALL, _WIDE = 1 / 110, 1 / 55
"""Radii of the two neighbourhoods that channels are averaged over, as shares of the diameter."""

_LEAST_NEIGHBOURS, _MOST_NEIGHBOURS = 6, 64
_ROWS_AT_ONCE = 1 << 13
_DESCRIPTOR_NEIGHBOURS = (40, 100)
RESIDUAL_WIDTH = 16
SHAPE_WIDTH = 33 * len(_DESCRIPTOR_NEIGHBOURS) + 3


@dataclass(frozen=True)
class Nodes:
    """Places of a scan with what is measured there.

    Attributes
    ----------
    residuals
        The scan beside the reference.
    channels
        ``(V, len(CHANNELS))``.
    boundary
        Places at the end of the scan, ``(V,)``.
    tree
        Of the places.
    """

    residuals: Residuals
    channels: NDArray[np.float64]
    boundary: NDArray[np.bool_]
    tree: cKDTree


def measure_nodes(residuals: Residuals, size: float) -> Nodes:
    """Compute the channels of a registered scan.

    Parameters
    ----------
    residuals
        From `measure_residuals`.
    size
        Diameter of the part.
    """
    points = residuals.surface.points
    tree = cKDTree(points)
    raw = _padded(np.where(residuals.far, np.nan, residuals.raw))
    detrended = _padded(np.where(residuals.far, np.nan, residuals.detrended))
    turn, variation = _padded(residuals.turn), _padded(residuals.variation)
    channels = np.empty((len(points), len(CHANNELS)))
    boundary = np.empty(len(points), dtype=bool)
    for start in range(0, len(points), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        # By radius and not by count: a dense scan and a sparse one are to average their errors over the same surface.
        distance, near = tree.query(points[part], k=min(_MOST_NEIGHBOURS, len(points)))
        nearest = slice(None, BOUNDARY_NEIGHBOURS)
        boundary[part] = is_off_centre(points[part], points[near[:, nearest]], distance[:, nearest])
        near[:, _LEAST_NEIGHBOURS:][distance[:, _LEAST_NEIGHBOURS:] > _WIDE * size] = len(points)
        small = near.copy()
        small[:, _LEAST_NEIGHBOURS:][distance[:, _LEAST_NEIGHBOURS:] > _SMALL * size] = len(points)
        channels[part, 0] = np.abs(_known_mean(raw, small))
        channels[part, 1] = np.abs(_known_mean(raw, near))
        channels[part, 2] = np.abs(_known_mean(detrended, small))
        channels[part, 3] = np.abs(_known_mean(detrended, near))
        channels[part, 4] = _known_mean(turn, small)
        channels[part, 5] = np.abs(_known_mean(variation, small))
    channels[:, 6] = residuals.bent
    # Where nothing of the reference is near, the surface is where none should be, unless none is known there.
    missing = np.where(residuals.unknown, 0.0, FAR * size)[:, None]
    channels[:, :4] = np.where(np.isfinite(channels[:, :4]), channels[:, :4], missing)
    channels[residuals.unknown] = 0.0
    return Nodes(residuals, channels, boundary, tree)


def group_vectors(nodes: Nodes, centres: NDArray[np.int64], group_size: int, size: float) -> NDArray[np.float32]:
    """Describe groups: the nearest places of each centre.

    Parameters
    ----------
    nodes
        From `measure_nodes`.
    centres
        Numbers of the centres, ``(G,)``.
    group_size
        Places of a group.
    size
        Diameter of the part.

    Returns
    -------
    ndarray
        ``(G, SHAPE_WIDTH + RESIDUAL_WIDTH)``: first the shape, then the residuals, these in hundredths of the diameter.
    """
    surface = nodes.residuals.surface
    near = nodes.tree.query(surface.points[centres], k=min(group_size, len(surface)))[1]
    shape = np.hstack([_descriptors(nodes, centres), _frame(nodes, near)])
    return np.hstack([shape, residual_block(nodes, near, size)]).astype(np.float32)


def residual_block(nodes: Nodes, near: NDArray[np.int64], size: float) -> NDArray[np.float64]:
    """Summarise the residuals of groups ``(G, M)``, nearest first, in hundredths of the diameter, ``(G, 16)``."""
    residuals = nodes.residuals
    raw = np.where(residuals.far, 0.0, np.nan_to_num(residuals.raw)) * (100 / size)
    detrended = np.where(residuals.far, 0.0, np.nan_to_num(residuals.detrended)) * (100 / size)
    inner = near[:, : max(4, near.shape[1] // 4)]
    columns = []
    for values, rows in ((raw, near), (detrended, near), (detrended, inner)):
        here = values[rows]
        columns += [here.mean(axis=1), here.std(axis=1), *np.quantile(here, (0.1, 0.9), axis=1)]
    columns += [
        residuals.far[near].mean(axis=1),
        residuals.turn[near].mean(axis=1),
        10 * residuals.variation[near].mean(axis=1),
        nodes.boundary[near].mean(axis=1),
    ]
    return np.stack(columns, axis=1)


def _padded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add a value that is not known, which the number of a missing neighbour stands for."""
    return np.append(values, np.nan)


def _known_mean(values: NDArray[np.float64], near: NDArray[np.int64]) -> NDArray[np.float64]:
    """Average what is known of neighbourhoods ``(N, k)``; NaN where less than a third is."""
    found = values[near]
    known = np.isfinite(found)
    count = known.sum(axis=1)
    mean = np.where(known, found, 0).sum(axis=1) / np.maximum(count, 1)
    return np.where(3 * count >= (near < len(values) - 1).sum(axis=1), mean, np.nan)


def _descriptors(nodes: Nodes, centres: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute FPFH at chosen places and two scales, each histogram scaled to sum to 1, ``(G, 66)``."""
    from vision_cli.io.points.clouds import import_open3d

    o3d = import_open3d()
    surface = nodes.residuals.surface
    cloud = o3d.t.geometry.PointCloud(o3d.core.Tensor(np.ascontiguousarray(surface.points)))
    cloud.point.normals = o3d.core.Tensor(np.ascontiguousarray(surface.normals))
    indices = o3d.core.Tensor(np.ascontiguousarray(centres), o3d.core.int64)
    blocks = []
    for neighbours in _DESCRIPTOR_NEIGHBOURS:
        found = o3d.t.pipelines.registration.compute_fpfh_feature(cloud, max_nn=neighbours, indices=indices)
        blocks.append(np.nan_to_num(found.numpy()) / 300)
    return np.hstack(blocks)


def _frame(nodes: Nodes, near: NDArray[np.int64]) -> NDArray[np.float64]:
    """Average the surface variation of a group at two radii, and the spread of its normals, ``(G, 3)``."""
    surface = nodes.residuals.surface
    variation = surface.variation[near]
    normals = surface.normals[near].mean(axis=1)
    return np.stack(
        [
            10 * variation.mean(axis=1),
            10 * variation[:, : max(4, near.shape[1] // 4)].mean(axis=1),
            1 - np.linalg.norm(normals, axis=1),
        ],
        axis=1,
    )
