"""Shared fixtures: boxes as surfaces."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.pcd_anomaly.surfaces.geometry import Surface


@pytest.fixture(scope="session")
def box():
    """Return a function that makes a box of given lengths, with outward normals and points 0.2 apart."""
    return _box


def _box(lengths):
    parts = []
    for axis in range(3):
        others = [k for k in range(3) if k != axis]
        lines = [np.arange(-lengths[k] / 2, lengths[k] / 2 + 1e-9, 0.2) for k in others]
        across, up = (grid.ravel() for grid in np.meshgrid(*lines))
        for sign in (-1, 1):
            points, normals = np.zeros((2, len(across), 3))
            points[:, others[0]], points[:, others[1]], points[:, axis] = across, up, sign * lengths[axis] / 2
            normals[:, axis] = sign
            parts.append((points, normals))
    points, normals = (np.concatenate(found) for found in zip(*parts, strict=True))
    return Surface(points, normals, np.zeros(len(points)))
