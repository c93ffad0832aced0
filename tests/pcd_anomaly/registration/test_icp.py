"""Point-to-plane ICP."""

from __future__ import annotations

import numpy as np

from vision_cli.pcd_anomaly.registration.icp import refine
from vision_cli.pcd_anomaly.surfaces.sampling import thin


def test_icp_brings_a_surface_back_onto_itself(bracket):
    target = bracket[2]
    surface = thin(target.levels[1].surface, target.diameter / 40)
    pose = np.eye(4)
    pose[:3, 3] = 0.01 * target.diameter
    found = refine(surface, target.levels[2], pose[None], (target.diameter / 20,) * 8)[0]
    assert np.linalg.norm(found[:3, 3]) < 0.002 * target.diameter
