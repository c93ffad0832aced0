"""Hinges across a part."""

from __future__ import annotations

import numpy as np


def test_hinges_lie_across_the_part_with_a_share_of_it_beyond(bars):
    directions = {tuple(np.round(hinge.along, 6)) for hinge in bars.hinges}
    # Six ends, twelve edges and eight corners, but for the two large faces, beyond which hardly anything lies.
    assert len(directions) == 24
    for hinge in bars.hinges:
        assert 0.06 < (bars.surface.points @ hinge.along > hinge.begins).mean() < 0.26
        np.testing.assert_allclose(
            hinge.across @ np.column_stack([hinge.across.T, hinge.along]), np.eye(2, 3), atol=1e-9
        )
