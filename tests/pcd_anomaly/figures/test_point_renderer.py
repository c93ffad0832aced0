"""Rendering of point clouds."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from vision_cli.pcd_anomaly.figures.point_renderer import facing_view, render, scanned_side

UP = np.array([0.0, 0, 1])


def test_of_two_surfaces_the_nearer_is_seen(ball):
    view = facing_view(ball, UP, 120)
    picture = render(ball, view)
    seen = picture.index[picture.index >= 0]
    assert ball[seen, 2].min() > -1.0
    rows, columns = view.shape
    assert picture.index[rows // 2, columns // 2] == ball[:, 2].argmax() or ball[
        picture.index[rows // 2, columns // 2], 2
    ] == pytest.approx(10, abs=0.1)
    assert picture.index[0, 0] == -1


def test_a_picture_has_no_holes_and_covers_what_it_shows(ball):
    view = facing_view(ball, UP, 160)
    covered = (render(ball, view).index >= 0).sum() * view.pixel**2
    assert covered == pytest.approx(np.pi * 100, rel=0.12)


def test_what_faces_the_light_is_brighter(ball):
    view = facing_view(ball, UP, 160)
    shade = render(ball, view).shade
    rows, columns = view.shape
    lit = shade[int(0.35 * rows), int(0.4 * columns)]
    assert lit > shade[int(0.75 * rows), int(0.75 * columns)] > 0
    assert shade.max() <= 1


@pytest.mark.parametrize("direction", [(0, 0, 1), (0, 1, 0.2), (-1, 0.5, 0.3)])
def test_the_side_of_the_scanner_is_found(direction):
    towards = np.array(direction) / np.linalg.norm(direction)
    box = trimesh.creation.box(extents=(20, 14, 8))
    points, faces = trimesh.sample.sample_surface(box, 12_000, seed=0)
    seen = points[box.face_normals[faces] @ towards > 0.1]
    assert scanned_side(seen, points) @ towards > 0.6
