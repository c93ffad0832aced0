"""Training: the same seed gives the same model, and views are scored without their own prototype."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import OPTIONS
from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import PointCloud
from vision_cli.pcd_anomaly.model.fit import calibrate, oriented_view, train
from vision_cli.pcd_anomaly.scoring.features import CHANNELS


def test_a_trained_model_has_a_head_a_bank_and_a_channel_of_the_embedding(world):
    model = world.model
    assert len(model.head.history) == OPTIONS.head.steps
    assert len(model.memory.vectors) == OPTIONS.bank
    assert model.fusion.scales.shape == (len(model.reference.level.surface), len(CHANNELS) + 1)
    assert model.limit.count == OPTIONS.views
    assert model.warnings == ()


def test_the_model_leads_back_to_the_coordinates_of_the_first_prototype(world):
    found = world.model.reference.level.surface.moved(world.model.to_prototype).points
    assert found.mean(axis=0) == pytest.approx(world.prototype.points.mean(axis=0), abs=2)


def test_a_view_is_scored_by_the_scales_of_the_other_prototypes(world):
    seen = [world.said_of_good.observation.nodes] * 2
    channels = [np.column_stack([one.channels, np.ones(len(one.channels))]) for one in seen]
    _, alike = calibrate(world.model.reference, seen, [0, 1], channels)
    _, apart = calibrate(world.model.reference, seen, [0, 1], [channels[0], 10 * channels[1]])
    # Ten times as large as what the other prototype shows, and a tenth of it.
    assert apart[1] > alike[1]
    assert apart[0] < alike[0]


def test_a_view_is_thinned_and_its_normals_face_the_sensor(world):
    towards = np.array([0.0, 0, 1])
    surface = oriented_view(world.good.points, towards, 2.0, np.eye(3))
    assert len(surface) < len(world.good.points)
    assert (surface.normals @ towards >= 0).all()


def test_prototypes_that_are_too_sparse_are_refused():
    points = np.random.default_rng(0).normal(size=(700, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    with pytest.raises(InputError, match="no view of the prototypes shows 500 points; denser scans expected"):
        train([PointCloud(points)], OPTIONS, np.random.default_rng(0))
