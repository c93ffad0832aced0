"""The part is told from specks by its connected components."""

from __future__ import annotations

import numpy as np

from tests.pcd_anomaly.conftest import sphere
from vision_cli.pcd_anomaly.registration.pieces import find_pieces


def test_a_distant_speck_is_no_part_and_a_second_large_piece_is_one():
    ball = sphere(4000).points
    speck, half = 0.02 * sphere(30).points + [5, 0, 0], 0.5 * sphere(2000).points + [0, 4, 0]
    pieces = find_pieces(np.vstack([ball, speck, half]), 2.0)
    assert pieces.is_main[:4000].all()
    assert not pieces.is_main[4000:4030].any()
    assert pieces.is_main[4030:].all()
    assert np.linalg.norm(pieces.middles[pieces.cube[:4000]] - ball, axis=1).max() < 2 * 2.0 / 30
