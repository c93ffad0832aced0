"""The densities of gaze are what their tables say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from vision_cli.phantoms.chests.gaze_regions import PULL, REGIONS, SPOT_SD, gaze_mixture, region_weights
from vision_cli.phantoms.chests.values import FINDINGS, LungBox

BOX = LungBox(0.10, 0.12, 0.90, 0.81)


@pytest.mark.parametrize("finding", [*FINDINGS, None])
def test_weights_are_shares(finding):
    weights = region_weights(finding)
    assert weights.shape == (len(REGIONS),)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(), 1)


def test_an_unknown_finding_is_refused():
    with pytest.raises(KeyError, match="scoliosis"):
        region_weights("scoliosis")


@pytest.mark.parametrize("finding", ["lung lesion", None])
def test_a_density_is_the_sum_of_its_regions(finding):
    mixture = gaze_mixture(BOX, finding)
    at = (np.arange(60) + 0.5) / 60
    expected = np.full((60, 60), mixture.weights[-1])
    for weight, mean, sd in zip(mixture.weights, mixture.means, mixture.sds, strict=False):
        expected += weight * np.outer(norm.pdf(at, mean[1], sd[1]), norm.pdf(at, mean[0], sd[0]))
    np.testing.assert_allclose(mixture.on_grid(60), expected / expected.sum(), rtol=1e-4)


@pytest.mark.parametrize(
    ("finding", "u", "v"),
    [("pleural effusion", 0.22, 0.64), ("cardiomegaly", 0.61, 0.50), ("support devices", 0.50, 0.38)],
)
def test_gaze_peaks_where_readers_look_and_not_where_the_finding_is(finding, u, v):
    grid = gaze_mixture(BOX, finding).on_grid(224)
    if finding == "pleural effusion":
        grid = grid * (np.arange(224) < 112)
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    at = BOX.to_lungs(np.array([(column + 0.5) / 224, (row + 0.5) / 224]))
    np.testing.assert_allclose(at, (u, v), atol=0.09)


def test_gaze_on_the_mid_line_falls_below_the_heart():
    """The whole is a lambda: .46, .25 and .12 of the peak at v = .7, .8 and .9."""
    grid = gaze_mixture(BOX).on_grid(448)
    rows = [int(BOX.to_unit(np.array([0.5, v]))[1] * 448) for v in (0.7, 0.8, 0.9)]
    np.testing.assert_allclose(grid[rows, 224] / grid.max(), (0.46, 0.25, 0.12), atol=0.12)


def test_a_localised_density_puts_its_pull_on_the_spot():
    spot = (0.3, 0.4)
    table, pulled = gaze_mixture(BOX, "pneumonia"), gaze_mixture(BOX, "pneumonia", spots=[spot])
    assert (table.pull, pulled.pull) == (0, PULL)
    around = pulled.on_grid(224) - (1 - PULL) * table.on_grid(224)
    at = (np.arange(224) + 0.5) / 224
    mean = np.array([(around.sum(0) * at).sum(), (around.sum(1) * at).sum()]) / PULL
    np.testing.assert_allclose(mean, spot, atol=1e-3)
    sds = np.sqrt(
        np.array([(around.sum(0) * (at - mean[0]) ** 2).sum(), (around.sum(1) * (at - mean[1]) ** 2).sum()]) / PULL
    )
    np.testing.assert_allclose(sds, (SPOT_SD * BOX.width, SPOT_SD * BOX.height), rtol=0.02)


def test_spots_share_the_pull():
    mixture = gaze_mixture(BOX, "edema", spots=[(0.3, 0.45), (0.7, 0.45)])
    grid = mixture.on_grid(128)
    np.testing.assert_allclose(grid.sum(), 1, rtol=1e-5)
    alone = (1 - PULL) * gaze_mixture(BOX, "edema").on_grid(128)
    halves = (grid - alone).sum(0).reshape(2, 64).sum(1)
    np.testing.assert_allclose(halves, PULL / 2, atol=0.01)


def test_a_denied_effusion_sends_gaze_to_both_angles():
    said, denied = region_weights("pleural effusion"), region_weights("pleural effusion", is_negated=True)
    for side in ("right", "left"):
        assert denied[REGIONS.index(f"{side} costophrenic")] > said[REGIONS.index(f"{side} costophrenic")] + 0.05
    np.testing.assert_allclose(denied.sum(), 1)
    np.testing.assert_array_equal(region_weights("edema", is_negated=True), region_weights("edema"))


@pytest.mark.parametrize("finding", [*FINDINGS, None])
def test_steps_drift_outwards(finding):
    mixture = gaze_mixture(BOX, finding)
    times = [mixture.step_weights(time) for time in np.linspace(0, 1, 6)]
    np.testing.assert_allclose(np.sum(times, axis=1), 1)
    assert all((weights >= 0).all() for weights in times)
    centre = [REGIONS.index(name) for name in ("right hilar", "left hilar", "carina", "heart")]
    outside = [REGIONS.index(name) for name in ("right upper", "left upper", "superior mediastinum", "wander")]
    assert (np.diff([weights[centre].sum() for weights in times]) < 0).all()
    assert (np.diff([weights[outside].sum() for weights in times]) > 0).all()
