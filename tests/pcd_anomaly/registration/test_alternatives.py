"""Poses that a scan of a plate could be mistaken for: half turns of the plate, quarter turns, slides in its plane."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vision_cli.pcd_anomaly.registration.alternatives import slides, turns
from vision_cli.pcd_anomaly.registration.symmetries import near_symmetries
from vision_cli.pcd_anomaly.registration.targets import make_target
from vision_cli.pcd_anomaly.surfaces.geometry import Surface, rotation_angle, transform

LENGTHS = (10.0, 6.0, 1.0)


@pytest.fixture(scope="module")
def plate():
    """A box with outward normals."""
    return box(LENGTHS)


def box(lengths):
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


def test_slides_of_its_upper_face_stay_in_the_plane(plate):
    top = plate.take(plate.normals[:, 2] > 0.5)
    found = slides(top, make_target(plate), np.eye(4))
    moved = np.stack([transform(pose, top.points) - top.points for pose in found])
    assert np.abs(moved[..., 2]).max() < 1e-6
    lengths = np.linalg.norm(moved, axis=2).mean(axis=1)
    assert lengths.max() > 6 * lengths.min()


def test_turns_hold_the_symmetries_of_the_plate_and_quarter_turns_of_the_scan(plate):
    top = plate.take(plate.normals[:, 2] > 0.5)
    found = turns(top, make_target(plate), np.eye(4), np.array([0.0, 0, 1]))
    # What takes the whole plate onto itself is no near symmetry.
    assert len(found) == 6
    onto = [np.allclose(np.abs(np.diag(pose[:3, :3])), 1, atol=1e-6) for pose in found]
    # Three half turns of the plate, and the half turn of the scan.
    assert sum(onto) == 4
    flipped = [transform(pose, top.points)[:, 2].mean() < 0 for pose in found]
    assert sum(flipped) == 2


def test_a_square_plate_with_one_odd_corner_has_the_turns_of_a_square():
    whole = box((10.0, 10.0, 1.0))
    target = make_target(whole.take(~(whole.points[:, :2] > 2.5).all(axis=1)))
    # The flip about the diagonal of that corner is a symmetry.
    found = near_symmetries(target)[:6]
    assert len(target.near_symmetries) == 1
    turned = np.rint(np.degrees(rotation_angle(found, np.eye(4))) / 90).astype(int)
    is_flip = found[:, 2, 2] < 0
    assert_array_equal(np.sort(turned[~is_flip]), [1, 1, 2])
    assert is_flip.sum() == 3
