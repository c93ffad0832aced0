"""Symmetries of a part, and poses that slide."""

from __future__ import annotations

import numpy as np

from vision_cli.pcd_anomaly.registration.verification import is_symmetry


def test_the_identity_is_a_symmetry_and_a_quarter_turn_of_a_bracket_is_not(bracket):
    target = bracket[2]
    turn = np.eye(4)
    turn[:2, :2] = [[0, -1], [1, 0]]
    assert is_symmetry(target, np.eye(4))
    assert not is_symmetry(target, turn)
