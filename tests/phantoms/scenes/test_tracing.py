"""Sphere tracing beside geometry that is known: outlines, surfaces and normals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vision_cli.phantoms.scenes.solids import CLASSES, SOLIDS
from vision_cli.phantoms.scenes.tracing import WINDOW, trace


def test_a_ball_is_a_disc_with_normals_along_its_radii():
    size = 96
    patch = trace(SOLIDS["sphere"], np.eye(3), size)
    pixel = 2 * WINDOW / size
    # A ray that passes the rim closely enough has met it.
    assert np.pi * 0.9**2 * 0.99 < len(patch.rows) * pixel**2 < np.pi * 0.92**2
    np.testing.assert_allclose(patch.normals, patch.places / 0.9, atol=0.03)


def test_the_outline_of_a_turned_box_is_that_of_its_corners():
    size, turn = 160, Rotation.from_euler("xyz", [0.5, 0.9, 0.2]).as_matrix()
    patch = trace(SOLIDS["box"], turn, size)
    corners = np.array(np.meshgrid(*[[-0.65, 0.65]] * 3)).reshape(3, -1)
    right, up, _ = turn @ corners
    pixels = np.stack([right, -up], axis=1) / (2 * WINDOW) * size + size / 2 - 0.5
    expected = np.zeros((size, size), dtype=np.uint8)
    cv2.fillConvexPoly(expected, cv2.convexHull(np.rint(pixels).astype(np.int32)), 1)
    seen = np.zeros_like(expected)
    seen[patch.rows, patch.columns] = 1
    assert (seen & expected).sum() / (seen | expected).sum() > 0.96


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_seen_lies_on_the_surface_and_faces_the_viewer(name):
    turn = Rotation.from_euler("xyz", [0.4, 1.0, -0.2]).as_matrix()
    patch = trace(SOLIDS[name], turn, 64)
    assert len(patch.rows) > 150
    assert np.abs(SOLIDS[name](*patch.places.T)).max() < 0.05
    np.testing.assert_allclose(np.linalg.norm(patch.normals, axis=1), 1, atol=1e-4)
    assert (patch.normals[:, 2] > -0.2).mean() > 0.99
