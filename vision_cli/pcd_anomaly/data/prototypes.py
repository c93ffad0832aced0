"""Prototypes of a class, read and checked to have one size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import Mesh, PointCloud
from vision_cli.pcd_anomaly.data.layouts import Sample
from vision_cli.pcd_anomaly.data.scans import load_prototype
from vision_cli.pcd_anomaly.surfaces.geometry import Points, diameter

_MOST_RATIO = 3.0
"""Largest ratio of the sizes of prototypes; beyond it they have different units."""


def load_prototypes(samples: Sequence[Sample], scale: float = 1.0) -> list[PointCloud | Mesh]:
    """Return the prototypes of a class, with coordinates multiplied by ``scale``.

    Raises
    ------
    InputError
        If a file cannot be used, or the prototypes differ in size.
    """
    found: list[PointCloud | Mesh] = []
    sizes: list[float] = []
    for sample in samples:
        one = load_prototype(sample)
        points = points_of(one)
        points = points[np.asarray(np.isfinite(points).all(axis=1))]
        sizes.append(diameter(points) if len(points) > 3 else math.nan)
        if isinstance(one, Mesh):
            found.append(replace(one, vertices=one.vertices * scale))
        else:
            found.append(replace(one, points=one.points * scale))
    for sample, size in zip(samples, sizes, strict=True):
        if size > _MOST_RATIO * sizes[0] or size < sizes[0] / _MOST_RATIO:
            raise InputError(
                f"{sample.path}: {size:.4g} across, and {samples[0].path.name} is {sizes[0]:.4g}; prototypes of one "
                "size and unit expected.",
                hint="Bring them to one unit, or move the odd one away.",
            )
    return found


def points_of(prototype: PointCloud | Mesh) -> Points:
    """Return the points of a cloud or the vertices of a mesh, ``(N, 3)``."""
    return prototype.vertices if isinstance(prototype, Mesh) else prototype.points
