"""Pseudo-defects of views."""

from __future__ import annotations

import numpy as np

from tests.pcd_anomaly.conftest import sphere
from vision_cli.pcd_anomaly.model.pseudo_defects import add_pseudo_defects


def test_pseudo_defects_move_what_they_say_and_nothing_else():
    surface = sphere()
    bent, moved = add_pseudo_defects(surface, 2.0, 4, np.random.default_rng(0))
    shift = np.linalg.norm(bent.points - surface.points, axis=1)
    assert moved.any()
    assert shift[moved].min() > 0
    assert shift.max() < 2.0 * 4 * 7e-3
    assert (np.einsum("ij,ij->i", bent.normals, bent.points) > 0).mean() > 0.99
