"""Offsets to a surface, nearest points and grazing normals."""

from __future__ import annotations

import numpy as np

from vision_cli.pcd_anomaly.surfaces.lookup import orient_grazing


def test_normals_at_grazing_angles_get_the_sign_of_the_reference(bracket):
    _, _, target = bracket
    level = target.levels[2]
    faces = level.surface.take(np.arange(0, len(level.surface), 3))
    axis = np.array([1.0, 2.0, 0.5]) / np.linalg.norm([1.0, 2.0, 0.5])
    seen = faces.take(faces.normals @ axis > 0.05)
    # The sensor is taken to stand a quarter turn of a right angle aside: what it saw at a slant then looks away.
    other = axis + 0.4 * np.cross(axis, [0.0, 0.0, 1.0])
    other /= np.linalg.norm(other)
    facing = seen.facing(other)
    wrong = np.einsum("ni,ni->n", facing.normals, seen.normals) < 0
    assert wrong.mean() > 0.02
    turned = orient_grazing(facing, level, other)
    assert (np.einsum("ni,ni->n", turned.normals, seen.normals) < 0).mean() < 0.1 * wrong.mean()
