"""Poses that a scan of a plate could be mistaken for: half turns of the plate, quarter turns, slides in its plane."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.pcd_anomaly.registration.alternatives import slides, turns
from vision_cli.pcd_anomaly.registration.targets import make_target
from vision_cli.pcd_anomaly.surfaces.geometry import transform

LENGTHS = (10.0, 6.0, 1.0)


@pytest.fixture(scope="module")
def plate(box):
    return box(LENGTHS)


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
