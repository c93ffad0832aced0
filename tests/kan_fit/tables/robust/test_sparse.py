"""Fits stay sane beyond the rows that they were fitted to, and say where that is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.networks.dense import SKAN, continued, plan_network, project_network
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.data import Column, TableData
from vision_cli.kan_fit.tables.pipeline import fit
from vision_cli.kan_fit.tables.robust.sparse import distances_outside, sparse_rows
from vision_cli.kan_fit.tables.splits import split_rows

NOISE = 1.0


def draw(rows, seed, spread=1.0):
    rng = np.random.default_rng(seed)
    inputs = spread * rng.normal(size=(rows, 3))
    return inputs, inputs @ [1.0, -0.5, 0.2] + NOISE * rng.normal(size=rows)


def fitted_to(inputs, values, **options):
    names = tuple(f"x{n}" for n in range(inputs.shape[1]))
    table = TableData(inputs, names, values, tuple(map(Column, names)), "y")
    settings = SearchOptions(pool=("bspline",), refine=(5,), restarts=1, steps=5, **options)
    return fit(inputs, values, split_rows(len(values), 0.2, 0.0, 0), table, [()], settings).model


@pytest.fixture(scope="module")
def model():
    return fitted_to(*draw(150, 0))


def test_new_rows_have_no_more_than_the_noise_and_a_half(model):
    inputs, values = draw(2000, 1)
    assert np.sqrt(np.mean((model.predict(inputs) - values) ** 2)) < 1.25 * NOISE
    far, values = draw(500, 2, spread=3.0)
    assert np.abs(model.predict(far) - values).max() < 20


def test_intervals_widen_outside_the_range(model):
    inside, outside = np.zeros((1, 3)), np.array([[9.0, 0, 0]])
    half = model.half_width(0.9)
    assert model.half_widths(inside, 0.9) == pytest.approx([half])
    assert model.half_widths(outside, 0.9)[0] > 1.1 * half
    assert model.columns_outside(outside) == [["x0"]]


def test_rows_outside_are_held_continued_or_refused(model):
    rows = np.array([[0.0, 0, 0], [50.0, 0, 0], [100.0, 0, 0]])
    held, linear = (model.continued(way).predict(rows) for way in ("hold", "linear"))
    assert held[1] == pytest.approx(held[2], rel=1e-12)
    more = model.continued("linear").predict(rows + np.array([50.0, 0, 0]))
    assert more[2] - more[1] == pytest.approx(linear[2] - linear[1], rel=1e-3)
    refusing = model.continued("refuse")
    refusing.require_inside(rows[:1])
    with pytest.raises(InputError, match=r"row 2: x0 is 50; -.* expected \(2 of 3 rows are outside\)"):
        refusing.require_inside(rows)
    assert refusing.continued("hold").outside == "hold"


def test_columns_of_tiny_or_huge_numbers_are_as_good_as_others():
    inputs, _ = draw(80, 3)
    x = torch.from_numpy(inputs)
    start = SKAN(plan_network((3, 2, 1), ("bspline",)), torch.Generator().manual_seed(0)).double()
    expected = project_network(start, x).each_layer()[0].features(x)
    for unit, shift in ((1e-12, 0.0), (1e12, 0.0), (1.0, 1.7e9)):
        layer = project_network(start, x * unit + shift).each_layer()[0]
        assert torch.allclose(layer.features(x * unit + shift), expected, atol=1e-5)


def test_sparse_rows_are_the_outermost_and_those_in_gaps():
    column = np.concatenate([np.linspace(0, 1, 97), [1.5, 2.0, 9.0]])
    found = sparse_rows(np.stack([column, np.repeat([0.0, 1.0], 50)], axis=1))
    assert found[[0, 97, 98, 99]].all()
    assert found.sum() <= 10
    assert distances_outside(np.array([[0.5], [3.0], [-1.0]]), np.zeros(1), np.ones(1)).tolist() == [0, 2, 1]


@pytest.mark.parametrize("way", ["hold", "linear"])
def test_slopes_of_continued_functions_are_their_derivatives(way):
    net = SKAN(plan_network((1, 1), ("fourier",)), torch.Generator().manual_seed(0)).double()
    layer = continued(net, way).each_layer()[0]
    x = torch.tensor([[-2.0], [0.3], [1.7]], dtype=torch.float64)
    numeric = (layer.features(x + 1e-6) - layer.features(x - 1e-6)) / 2e-6
    assert torch.allclose(layer.feature_slopes(x), numeric, atol=1e-6)
