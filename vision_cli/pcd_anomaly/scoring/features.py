"""Features of a registered scan: channels of deviation at every place, and the vectors of groups.

Channels measure how far a place is from the reference and are calibrated one by one. The vector of a group describes
its shape (FPFH at two scales) and its residuals (at two radii); the head embeds it and the memory bank stores it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.scoring.nodes import Nodes, Residuals
from vision_cli.pcd_anomaly.surfaces.boundaries import BOUNDARY_NEIGHBOURS, is_off_centre

CHANNELS = ("raw", "raw_wide", "detrended", "detrended_wide", "turn", "variation", "bent")
"""Names of the channels of deviation, in order; each is 0 without a deviation."""

FAR = 1 / 40
"""Deviation assumed where the reference is not near, as a share of the diameter."""

_SMALL, _WIDE = 1 / 110, 1 / 55
"""Radii of the two neighbourhoods that channels are averaged over, as shares of the diameter."""

_LEAST_NEIGHBOURS, _MOST_NEIGHBOURS = 6, 64
_ROWS_AT_ONCE = 1 << 13
_DESCRIPTOR_NEIGHBOURS = (40, 100)
RESIDUAL_WIDTH = 16
SHAPE_WIDTH = 33 * len(_DESCRIPTOR_NEIGHBOURS) + 3


def measure_nodes(residuals: Residuals, size: float) -> Nodes:
    """Return the places of a registered scan with their channels.

    Parameters
    ----------
    residuals
        Residuals of the scan.
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
        # By radius and not by count: dense and sparse scans average over the same area.
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
    # Far from the reference there should be no surface, except where the reference is unknown.
    missing = np.where(residuals.unknown, 0.0, FAR * size)[:, None]
    channels[:, :4] = np.where(np.isfinite(channels[:, :4]), channels[:, :4], missing)
    channels[residuals.unknown] = 0.0
    return Nodes(residuals, channels, boundary, tree)


def group_vectors(nodes: Nodes, centres: NDArray[np.int64], group_size: int, size: float) -> NDArray[np.float32]:
    """Return the vectors of groups, each made of the nearest places of a centre.

    Parameters
    ----------
    nodes
        From `measure_nodes`.
    centres
        Numbers of the centres, ``(G,)``.
    group_size
        Number of places of a group.
    size
        Diameter of the part.

    Returns
    -------
    ndarray
        ``(G, SHAPE_WIDTH + RESIDUAL_WIDTH)``: first the shape, then the residuals in hundredths of the diameter.
    """
    surface = nodes.residuals.surface
    near = nodes.tree.query(surface.points[centres], k=min(group_size, len(surface)))[1]
    shape = np.hstack([_descriptors(nodes, centres), _frame(nodes, near)])
    return np.hstack([shape, residual_block(nodes, near, size)]).astype(np.float32)


def residual_block(nodes: Nodes, near: NDArray[np.int64], size: float) -> NDArray[np.float64]:
    """Return statistics of the residuals of groups ``(G, M)``, nearest first, in 1/100 of the diameter, ``(G, 16)``."""
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
    """Return values with a NaN at the end, which stands for a missing neighbour."""
    return np.append(values, np.nan)


def _known_mean(values: NDArray[np.float64], near: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return means over the known values of neighbourhoods ``(N, k)``; NaN if less than a third are known."""
    found = values[near]
    known = np.isfinite(found)
    count = known.sum(axis=1)
    mean = np.where(known, found, 0).sum(axis=1) / np.maximum(count, 1)
    return np.where(3 * count >= (near < len(values) - 1).sum(axis=1), mean, np.nan)


def _descriptors(nodes: Nodes, centres: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return FPFH at chosen places and two scales, each histogram scaled to sum to 1, ``(G, 66)``."""
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
    """Return the mean surface variation of groups at two radii, and the spread of their normals, ``(G, 3)``."""
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


DescribeGroups = Callable[[Nodes, NDArray[np.int64], int, float], NDArray[np.float32]]
"""Computes the vectors of groups; arguments as for `group_vectors`."""
