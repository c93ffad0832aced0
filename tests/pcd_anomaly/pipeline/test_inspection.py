"""Deviations of a scan against a tolerance: pass, fail, and what the noise leaves open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.pcd_anomaly.pipeline.inspection import _smoothed, inspect


def test_a_bulge_fails_where_it_is_and_passes_a_wider_tolerance(world):
    bad, seen = world.bad, world.said_of_bad.observation
    top = inspect(world.model.reference, seen, 1.0)
    height = top.largest
    assert 0.2 < height < 0.8
    assert top.verdict == "pass"
    assert np.linalg.norm(bad.points[bad.labels > 0] - top.place, axis=1).min() < 0.5
    low = inspect(world.model.reference, seen, 0.5 * height)
    assert low.verdict == "fail"
    assert 0 < low.share_beyond < 0.2
    beyond = np.nan_to_num(low.deviation) > 0.5 * height
    assert bad.labels[beyond].mean() > 0.8
    assert inspect(world.model.reference, seen, height).verdict == "unclear"


def test_a_good_scan_passes_a_tolerance_above_its_noise(world):
    seen = world.said_of_good.observation
    found = inspect(world.model.reference, seen, 0.15)
    assert found.verdict == "pass"
    assert found.share_beyond == found.share_unclear == 0
    assert found.compared > 0.6
    assert 0 < found.uncertainty < 0.05


@pytest.mark.parametrize("status", ["failed", "weak"])
def test_without_a_trusted_pose_nothing_passes_or_fails(world, status):
    seen = world.said_of_bad.observation
    doubtful = replace(seen, registration=replace(seen.registration, status=status))
    assert inspect(world.model.reference, doubtful, 0.01).verdict == "undetermined"


def test_the_noise_of_a_slanted_plane_is_its_scatter_alone():
    generator = np.random.default_rng(0)
    points = np.column_stack([generator.uniform(0, 10, size=(3000, 2)), np.zeros(3000)])
    normals = np.tile([0.0, 0, 1], (3000, 1))
    values = 0.5 + 0.2 * points[:, 0] + 0.03 * generator.standard_normal(3000)
    smooth, noise = _smoothed(points, normals, values)
    # A median of nine has 1.25 / 3 of the standard deviation of one.
    assert noise == pytest.approx(0.03 * 1.2533 / 3, rel=0.1)
    inside = (np.abs(points[:, :2] - 5) < 4).all(axis=1)
    assert np.std((smooth - 0.5 - 0.2 * points[:, 0])[inside]) < 2 * noise
