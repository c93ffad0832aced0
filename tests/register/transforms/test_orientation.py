from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vision_cli.register.transforms.orientation import orientation_of


def affine(linear):
    matrix = np.eye(len(linear) + 1)
    matrix[:-1, :-1] = linear
    matrix[:-1, -1] = 7
    return matrix


@pytest.mark.parametrize("angle", [0, 30, 97, 180])
def test_the_angle_of_a_stretched_rotation_is_that_of_the_rotation(angle):
    turn = Rotation.from_rotvec(np.array([1, 2, 2]) / 3 * angle, degrees=True).as_matrix()
    found = orientation_of(affine(turn @ np.diag([1.1, 0.9, 1.05])))
    assert found.rotation_deg == pytest.approx(angle, abs=1e-4)
    assert not found.mirrored
    assert found.is_suspicious == (angle > 45)


def test_a_mirror_is_told_from_a_rotation():
    mirror = orientation_of(affine(np.diag([-1.0, 1, 1])))
    assert (mirror.mirrored, mirror.rotation_deg) == (True, 0)
    assert "LEFT AND RIGHT MAY BE SWAPPED: the affine mirrors" in mirror.warning
    half_turn = orientation_of(affine(np.diag([-1.0, -1, 1])))
    assert (half_turn.mirrored, half_turn.rotation_deg) == (False, 180)
    assert "turns the moving image by 180 degrees" in half_turn.warning


def test_in_the_plane_a_rotation_has_an_angle_and_a_mirror_has_none():
    turn = orientation_of(affine(np.array([[0.0, -1], [1, 0]])))
    assert (turn.mirrored, round(turn.rotation_deg, 6)) == (False, 90)
    mirror = orientation_of(affine(np.array([[0.0, 1], [1, 0]])))
    assert (mirror.mirrored, mirror.rotation_deg) == (True, 0)
    assert orientation_of(np.eye(3)).warning is None
