"""A pose turns the head as its angles say."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.phantoms.faces.pose import Pose


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (0.3, -0.2)])
def test_a_rotation_is_one(yaw, pitch):
    rotation = Pose(yaw=yaw, pitch=pitch).rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_roll_is_left_to_the_picture():
    np.testing.assert_array_equal(Pose(roll=0.5).rotation, np.eye(3))


def test_the_nose_turns_to_the_side_and_down():
    right, _, _ = Pose(yaw=0.3).rotation @ (0, 0, 1)
    _, down, _ = Pose(pitch=0.3).rotation @ (0, 0, 1)
    assert right > 0.2
    assert abs(down) == pytest.approx(np.sin(0.3))
