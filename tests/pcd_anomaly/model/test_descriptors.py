"""Vectors of groups: shape alone, shape and residuals, or tokens of Point-MAE."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import MissingError, UsageError
from vision_cli.pcd_anomaly.model.descriptors import PointMAETokens, make_describer
from vision_cli.pcd_anomaly.networks import PointMAE
from vision_cli.pcd_anomaly.scoring.features import RESIDUAL_WIDTH, SHAPE_WIDTH


@pytest.fixture(scope="module")
def nodes(world):
    return world.said_of_bad.observation.nodes


def test_shape_alone_is_the_first_part_of_shape_and_residuals(world, nodes):
    centres = np.arange(0, 600, 30)
    size = world.model.reference.diameter
    whole, shape = (make_describer(name, None)(nodes, centres, 32, size) for name in ("hybrid", "fpfh"))
    assert whole.shape == (20, SHAPE_WIDTH + RESIDUAL_WIDTH)
    assert np.array_equal(shape, whole[:, :SHAPE_WIDTH])


def test_tokens_depend_on_the_groups_and_not_on_how_many_are_worked_on_at_once(world, nodes, monkeypatch):
    torch.manual_seed(0)
    describe = PointMAETokens(PointMAE(width=24, depth=12, heads=2, taps=(3, 7, 11)).eval())
    centres = np.arange(0, 600, 30)
    tokens = describe(nodes, centres, 32, world.model.reference.diameter)
    assert tokens.shape == (20, 72)
    assert tokens.std(axis=0).min() > 0
    monkeypatch.setattr("vision_cli.pcd_anomaly.networks._GROUPS_AT_ONCE", 3)
    assert np.allclose(describe(nodes, centres, 32, world.model.reference.diameter), tokens, atol=1e-5)


def test_weights_are_wanted_by_point_mae_and_by_nothing_else(tmp_path):
    with pytest.raises(UsageError, match="no weights given"):
        make_describer("pointmae", None)
    with pytest.raises(UsageError, match="which needs none"):
        make_describer("hybrid", tmp_path / "w.pth")
    with pytest.raises(MissingError, match="cannot be read"):
        make_describer("pointmae", tmp_path / "w.pth")
