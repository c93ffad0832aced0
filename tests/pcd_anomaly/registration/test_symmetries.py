"""Motions that nearly take a part onto itself."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from vision_cli.pcd_anomaly.registration.symmetries import near_symmetries
from vision_cli.pcd_anomaly.registration.targets import make_target
from vision_cli.pcd_anomaly.surfaces.geometry import rotation_angle


def test_a_square_plate_with_one_odd_corner_has_the_turns_of_a_square(box):
    whole = box((10.0, 10.0, 1.0))
    target = make_target(whole.take(~(whole.points[:, :2] > 2.5).all(axis=1)))
    # The flip about the diagonal of that corner is a symmetry.
    found = near_symmetries(target)[:6]
    assert len(target.near_symmetries) == 1
    turned = np.rint(np.degrees(rotation_angle(found, np.eye(4))) / 90).astype(int)
    is_flip = found[:, 2, 2] < 0
    assert_array_equal(np.sort(turned[~is_flip]), [1, 1, 2])
    assert is_flip.sum() == 3
