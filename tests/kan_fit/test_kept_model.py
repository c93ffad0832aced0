"""A model that an earlier version wrote stays readable: exp(sin(pi x) + y²) in a network [2, 1, 1].

Made by ``vcli kan-fit fit --function expsin --width 1 --refine 5,10,20 --pool cheby --rows 500``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_cli.kan_fit.formulas.suites import find_function
from vision_cli.kan_fit.tables.files import read_model

KEPT = Path(__file__).with_name("expsin")


def test_it_predicts_as_it_did():
    model = read_model(KEPT)
    assert model.names == ("x", "y")
    assert model.network.widths == (2, 1, 1)
    inputs, values = find_function("expsin").sample(500, np.random.default_rng(9))
    inside = np.abs(inputs).max(axis=1) < 0.98
    assert model.predict(inputs[inside]) == pytest.approx(values[inside], abs=1e-4)


def test_its_intervals_are_there():
    assert 0 < read_model(KEPT).half_width(0.9) < 1e-4
