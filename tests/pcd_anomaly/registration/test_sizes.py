"""A scan of another unit is refused, with the unit that explains it."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.registration.sizes import explaining_units, require_same_size


@pytest.mark.parametrize(
    ("factor", "proposal"),
    [
        (1000, "--unit 1000 (m to mm)"),
        (0.001, "--unit 0.001 (mm to m)"),
        (10, "--unit 10 (cm to mm)"),
        (25.4, "--unit 25.4 (inches to mm)"),
        (1 / 25.4, "--unit 0.0393701 (mm to inches)"),
        (304.8, "--unit 304.8 (feet to mm)"),
        (0.3048, "--unit 0.3048 (feet to m)"),
    ],
)
def test_the_unit_that_explains_a_size_is_proposed_first(factor, proposal):
    # A one-sided scan of a part of 150 is 0.85 of it across.
    assert str(explaining_units(0.85 * 150 / factor, 150)[0]) == proposal


def test_no_unit_is_proposed_where_none_explains_the_size():
    assert explaining_units(600, 150) == ()
    points = np.random.default_rng(0).uniform(-195, 195, size=(600, 3))
    with pytest.raises(InputError, match=r"a scan 6\d\d\.\d across, the part 150; the same unit expected\.") as caught:
        require_same_size(points, 150)
    assert "No usual unit explains the difference" in caught.value.hint


def test_distant_specks_are_no_other_unit():
    points = np.random.default_rng(0).uniform(-1, 1, size=(600, 3))
    points[:3] *= 1e5
    require_same_size(points, 3.4)
