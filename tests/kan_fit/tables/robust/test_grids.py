"""Grids follow from the number of rows and from the gaps between them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kan_fit.fits import problem
from vision_cli.kan_fit.tables.robust.grids import grids_for


def test_grids_follow_the_number_of_rows():
    assert grids_for(problem("xy", 100), (2, 5, 1), ["bspline"], (5, 10, 20)) == (5,)
    assert grids_for(problem("xy", 2000), (2, 5, 1), ["bspline"], (5, 10, 20)) == (5, 10, 20)


@pytest.mark.parametrize("space", ["bspline", "fourier", "wavelet"])
def test_no_space_has_functions_within_a_gap_alone(space):
    data = problem("xy", 2000)
    assert grids_for(data, (2, 1), [space], (5, 10, 20)) == (5, 10, 20)
    wide = replace(data, x=data.x[(data.x[:, 0] < -0.2) | (data.x[:, 0] > 0.1)], y=data.y[: 1600 // 2])
    assert grids_for(wide, (2, 1), [space], (5, 10, 20)) == (5, 10)
