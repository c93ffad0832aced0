"""Models on disk: one of an earlier version, damaged ones, conformal intervals."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from tests.kan_fit.fits import KEPT
from vision_cli.core.errors import InputError
from vision_cli.kan_fit.formulas.suites import find_function
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.data import Column, TableData
from vision_cli.kan_fit.tables.files import pruned_model, read_model
from vision_cli.kan_fit.tables.pipeline import fit
from vision_cli.kan_fit.tables.splits import split_rows


def test_a_model_of_an_earlier_version_predicts_as_it_did(kept):
    assert kept.names == ("x", "y")
    assert kept.network.widths == (2, 1, 1)
    inputs, values = find_function("expsin").sample(500, np.random.default_rng(9))
    inside = np.abs(inputs).max(axis=1) < 0.98
    assert kept.predict(inputs[inside]) == pytest.approx(values[inside], abs=1e-4)
    assert 0 < kept.half_width(0.9) < 1e-4


def test_rows_outside_the_training_range_are_flagged(kept):
    assert kept.is_outside(np.array([[0.0, 0.0], [0.0, 5.0]])).tolist() == [False, True]


def test_pruning_removes_the_weakest_edges_only(kept):
    pruned = pruned_model(kept, 0.9)
    assert pruned.network.parameters_in_use() < kept.network.parameters_in_use()
    spreads = kept.network.edge_spreads(torch.from_numpy(kept.sample_inputs))[0]
    assert pruned.network.each_layer()[0].edges.bool().tolist() == (spreads >= 0.9 * spreads.max()).tolist()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"\0" * 100, r"model\.json: the network does not fit its description"),
        ("model.json", b"{}", r"model\.json: None found; kan-fit table expected"),
        ("sample.safetensors", b"x", r"model\.json: cannot be read"),
    ],
)
def test_damaged_models_are_refused(tmp_path, name, content, message):
    shutil.copytree(KEPT, tmp_path / "m")
    (tmp_path / "m" / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_model(tmp_path / "m")


def test_a_missing_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no model\.json found; the directory of a finished `kan-fit fit` expected"):
        read_model(tmp_path)


def test_conformal_intervals_cover_what_they_promise():
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (3000, 1))
    values = inputs[:, 0] ** 2 + rng.normal(scale=0.1, size=3000)
    table = TableData(inputs, ("x",), values, (Column("x"),), "y")
    split = split_rows(3000, 0.2, 0.4, 0)
    model = fit(inputs, values, split, table, [()], SearchOptions(pool=("cheby",), refine=(5,))).model
    errors = np.abs(model.predict(inputs[split.test]) - values[split.test])
    for level in (0.5, 0.9):
        assert abs(float((errors <= model.half_width(level)).mean()) - level) < 0.05
    with pytest.raises(InputError, match=r"1800 validation rows found; 9999 or more"):
        model.half_width(0.9999)
