"""The roughness of functions, by hand."""

from __future__ import annotations

import pytest

from vision_cli.kan_fit.networks.dense import SKAN, plan_network
from vision_cli.kan_fit.tables.robust.roughness import roughness_forms


def test_straight_lines_have_no_roughness():
    layer = SKAN(plan_network((2, 1), ("cheby",))).double().each_layer()[0]
    rough, slope = roughness_forms(layer)
    first = 2  # The polynomials of a node follow SiLU of both: T_1, T_2, ...
    assert float(rough[first, first]) == pytest.approx(0, abs=1e-12)
    assert float(rough[first + 1, first + 1]) == pytest.approx(16, rel=1e-3)
    assert float(slope[first, first]) == pytest.approx(1)
    assert float(rough[first, -1]) == 0
