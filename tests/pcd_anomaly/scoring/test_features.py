"""Channels of deviation and vectors of groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.pcd_anomaly.scoring.features import (
    CHANNELS,
    FAR,
    RESIDUAL_WIDTH,
    SHAPE_WIDTH,
    group_vectors,
    measure_nodes,
    residual_block,
)


@pytest.fixture(scope="module")
def residuals(world):
    return world.said_of_good.observation.nodes.residuals


def test_a_constant_offset_is_what_the_channels_of_distance_say(world, residuals):
    size, count = world.model.reference.diameter, len(residuals.surface)
    none = np.zeros(count, dtype=bool)
    off = replace(residuals, raw=np.full(count, -0.3), detrended=np.full(count, 0.1), far=none, unknown=none)
    channels = measure_nodes(off, size).channels
    assert channels.shape == (count, len(CHANNELS))
    assert channels[:, :2] == pytest.approx(np.full((count, 2), 0.3))
    assert channels[:, 2:4] == pytest.approx(np.full((count, 2), 0.1))


def test_places_far_from_the_reference_have_the_assumed_deviation_and_unknown_ones_none(world, residuals):
    size, count = world.model.reference.diameter, len(residuals.surface)
    everywhere, nowhere = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    far = measure_nodes(replace(residuals, far=everywhere, unknown=nowhere), size).channels
    assert far[:, :4] == pytest.approx(np.full((count, 4), FAR * size))
    assert not measure_nodes(replace(residuals, far=nowhere, unknown=everywhere), size).channels.any()


def test_residuals_of_groups_are_in_hundredths_of_the_diameter(world, residuals):
    size, count = world.model.reference.diameter, len(residuals.surface)
    off = replace(residuals, raw=np.full(count, 0.02 * size), far=np.zeros(count, dtype=bool))
    nodes = measure_nodes(off, size)
    near = np.arange(60).reshape(3, 20)
    block = residual_block(nodes, near, size)
    assert block.shape == (3, RESIDUAL_WIDTH)
    assert block[:, :4] == pytest.approx(np.tile([2, 0, 2, 2], (3, 1)))


def test_vectors_do_not_depend_on_the_pose_of_the_frame(world):
    nodes, size = world.said_of_good.observation.nodes, world.model.reference.diameter
    centres = np.arange(0, 300, 30)
    assert group_vectors(nodes, centres, 32, size).shape == (10, SHAPE_WIDTH + RESIDUAL_WIDTH)
