"""The simulated reader against the aggregates that it is made from: regions, steps, time and durations."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vision_cli.phantoms.chests.films import make_film
from vision_cli.phantoms.chests.gaze_regions import PULL, REGIONS, gaze_mixture, region_weights
from vision_cli.phantoms.chests.reader import (
    POINTS,
    density,
    draw_durations,
    make_reading,
    read_film,
    walk,
)
from vision_cli.phantoms.chests.sentences import Sentence, make_label
from vision_cli.phantoms.chests.values import FINDINGS, LungBox

BOX = LungBox(0.10, 0.12, 0.90, 0.81)
SIDE, BLUR = 224, 8.0

COUNTS = (349, 617, 164, 176, 108, 78, 85, 876, 494, 18, 51, 38, 816)
"""Scan paths of each finding in the training part of GazeSearch: what the statistics of steps are averaged over."""


@pytest.fixture(scope="module")
def paths():
    """Paths of all findings in the mean lung box, as many of each as in the public set."""
    rng = np.random.default_rng(0)
    drawn = [
        walk(rng, gaze_mixture(BOX, name), count=count, points=6) for name, count in zip(FINDINGS, COUNTS, strict=True)
    ]
    return np.concatenate(drawn)


GROUPS = (
    ("right hilar", "left hilar", "carina", "heart"),
    ("right upper", "left upper", "superior mediastinum", "wander"),
)

FAST = ("pleural effusion", "cardiomegaly", "support devices")


@pytest.mark.parametrize(
    "finding", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in FINDINGS]
)
def test_paths_over_films_follow_the_table_of_their_finding(finding):
    """Label-only paths over films of other lung boxes, brought into the frame of the lungs."""
    rng = np.random.default_rng(FINDINGS.index(finding))
    label = Sentence(finding, finding)
    points = []
    for _ in range(60):
        film = make_film(rng, side=48, findings=())
        mixture = gaze_mixture(film.lung_box, finding)
        np.testing.assert_array_equal(density(film, label, 32), mixture.on_grid(32))
        drawn = walk(rng, mixture, count=10, points=6).reshape(-1, 2)
        points.append(BOX.to_unit(film.lung_box.to_lungs(drawn)))
    points = np.concatenate(points)
    table = gaze_mixture(BOX, finding)
    assert np.corrcoef(_blurred(points).ravel(), _blur(table.on_grid(SIDE)).ravel())[0, 1] >= 0.97
    assert np.abs(_refitted(points, table) - region_weights(finding)).max() < 0.06


def test_steps_are_as_long_as_those_of_readers(paths):
    steps = np.hypot(*np.moveaxis(np.diff(paths, axis=1), -1, 0))
    quantiles = np.quantile(steps, (0.05, 0.25, 0.50, 0.75, 0.95))
    np.testing.assert_allclose(quantiles, (0.042, 0.096, 0.165, 0.314, 0.575), rtol=0.05, atol=0.003)


def test_neighbouring_fixations_are_related_as_those_of_readers(paths):
    def correlation(axis, lag):
        return np.corrcoef(paths[:, :-lag, axis].ravel(), paths[:, lag:, axis].ravel())[0, 1]

    np.testing.assert_allclose([correlation(1, lag) for lag in (1, 2, 3)], (0.62, 0.38, 0.24), atol=0.04)
    np.testing.assert_allclose([correlation(0, lag) for lag in (1, 2, 3)], (0.31, 0.11, 0.04), atol=0.05)
    sides = paths[..., 0] > 0.5
    assert (sides[:, 1:] != sides[:, :-1]).sum(1).mean() == pytest.approx(1.82, abs=0.08)


def test_points_are_seldom_seen_again(paths):
    def revisits(lag):
        return (np.hypot(*np.moveaxis(paths[:, lag:] - paths[:, :-lag], -1, 0)) < 0.05).mean()

    np.testing.assert_allclose([revisits(lag) for lag in (1, 2, 3)], (0.076, 0.039, 0.025), atol=0.015)
    between = np.hypot(*np.moveaxis(paths[:, :, None] - paths[:, None], -1, 0))[:, *np.triu_indices(6, 1)]
    assert (between < 0.02).mean() < 1e-3


def test_the_first_fixation_is_near_the_centre_and_later_ones_drift_outwards(paths):
    first = np.hypot(*(paths[:, 0] - 0.5).T)
    np.testing.assert_allclose(np.quantile(first, (0.05, 0.5, 0.95)), (0.07, 0.24, 0.43), atol=0.03)
    table = gaze_mixture(BOX)
    shares = [_refitted(paths[:, index], table) for index in range(6)]
    # readers: 43 to 29 % on the hila, the carina and the heart, 17 to 27 % on the apices and what lies around
    centre, outside = ([share[[REGIONS.index(name) for name in names]].sum() for share in shares] for names in GROUPS)
    assert centre[0] - centre[-1] == pytest.approx(0.14, abs=0.06)
    assert outside[-1] - outside[0] == pytest.approx(0.10, abs=0.06)
    density_at = table.on_grid(SIDE)
    seen = [density_at[tuple((paths[:, index] * SIDE).astype(int).T[::-1])].mean() for index in range(6)]
    assert seen[-1] < min(seen[:4])


def test_durations_are_as_long_as_those_of_readers():
    durations = draw_durations(np.random.default_rng(0), count=6000, points=6)
    assert np.median(durations) == pytest.approx(0.275, abs=0.01)
    assert np.median(durations[:, -1]) == pytest.approx(0.32, abs=0.01)
    np.testing.assert_allclose(np.quantile(durations, (0.05, 0.95)), (0.125, 0.631), atol=0.03)
    logs = np.log(durations) - np.log(durations).mean(0)
    assert logs.std() == pytest.approx(0.51, abs=0.01)
    assert np.corrcoef(logs[:, :-1].ravel(), logs[:, 1:].ravel())[0, 1] == pytest.approx(0.12, abs=0.02)
    assert np.corrcoef(logs[:, 0], logs[:, 5])[0, 1] == pytest.approx(0.09, abs=0.04)


def test_a_localised_sentence_pulls_its_share_to_the_spot():
    spot = np.array((0.75, 0.3))
    mixture = gaze_mixture(BOX, "lung opacity", spots=[tuple(spot)])
    points = walk(np.random.default_rng(0), mixture, count=2500, points=POINTS).reshape(-1, 2)
    assert np.corrcoef(_blurred(points).ravel(), _blur(mixture.on_grid(SIDE)).ravel())[0, 1] > 0.995
    near = (np.abs((points - spot) / mixture.spot_sd) < 1).all(1).mean()
    at = (np.stack(np.meshgrid(*[np.arange(SIDE)] * 2), -1) + 0.5) / SIDE
    expected = mixture.on_grid(SIDE)[(np.abs((at - spot) / mixture.spot_sd) < 1).all(-1)].sum()
    assert near == pytest.approx(expected, abs=0.02)
    assert expected > 0.45 * PULL


def test_a_label_does_not_depend_on_what_the_film_shows():
    film = make_film(np.random.default_rng(1), side=64, findings=("lung opacity", "fracture"))
    bare = replace(film, findings=())
    label = make_label(np.random.default_rng(0), "lung opacity")
    np.testing.assert_array_equal(density(film, label, 64), density(bare, label, 64))
    first, second = (read_film(np.random.default_rng(5), seen, label) for seen in (film, bare))
    np.testing.assert_array_equal(first.points, second.points)


def test_the_other_side_is_another_density():
    film = make_film(np.random.default_rng(2), side=64, findings=())
    right, left = (
        density(film, Sentence("", "lung opacity", side=side, zone="mid", is_localised=True), 64)
        for side in ("right", "left")
    )
    across = np.arange(64) / 64
    assert (left.sum(0) * across).sum() - (right.sum(0) * across).sum() > 0.15
    assert np.corrcoef(left.ravel(), right.ravel())[0, 1] < 0.6


def test_a_path_stays_in_the_film_and_in_time():
    rng = np.random.default_rng(0)
    for points in (1, 3, POINTS, 20):
        film = make_film(rng, side=32)
        path = read_film(rng, film, Sentence("", None), points=points)
        assert path.points.shape == (points, 2)
        assert path.durations.shape == path.onsets.shape == (points,)
        assert path.points.dtype == path.durations.dtype == path.onsets.dtype == np.float32
        assert ((path.points >= 0) & (path.points < 1)).all()
        assert (path.onsets[1:] > path.onsets[:-1] + path.durations[:-1]).all()


def test_a_seed_gives_the_same_reading_again():
    first, second = (make_reading(np.random.default_rng(9), side=48) for _ in range(2))
    assert first.sentence == second.sentence
    np.testing.assert_array_equal(first.film.pixels, second.film.pixels)
    np.testing.assert_array_equal(first.path.points, second.path.points)
    np.testing.assert_array_equal(first.density, second.density)


def test_readings_have_a_density_of_their_film():
    for seed in range(25):
        reading = make_reading(np.random.default_rng(seed), side=40, points=5)
        assert reading.density.shape == reading.film.pixels.shape == (40, 40)
        np.testing.assert_allclose(reading.density.sum(), 1, rtol=1e-5)
        assert (reading.density >= 0).all()
        assert len(reading.path.points) == 5


def _blurred(points):
    counts = np.zeros((SIDE, SIDE), np.float32)
    at = np.clip((points * SIDE).astype(int), 0, SIDE - 1)
    np.add.at(counts, (at[:, 1], at[:, 0]), 1)
    return _blur(counts)


def _blur(values):
    return cv2.GaussianBlur(values, (0, 0), BLUR)


def _refitted(points, mixture):
    """Return the shares of the regions that explain points best, by expectation maximisation."""
    off = (points[:, None] - mixture.means) / mixture.sds
    gaussian = np.exp(-0.5 * (off**2).sum(2)) / (2 * np.pi * mixture.sds.prod(1))
    likelihood = np.concatenate([gaussian, np.ones((len(points), 1))], 1)
    shares = np.full(13, 1 / 13)
    for _ in range(250):
        owned = likelihood * shares
        shares = (owned / owned.sum(1, keepdims=True)).mean(0)
    return shares
