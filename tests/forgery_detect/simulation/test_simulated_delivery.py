"""Steps on pictures, and the delivery that both pictures of a pair go through."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.forgery_detect.simulation.delivery import Delivery, draw_delivery
from vision_cli.forgery_detect.simulation.pixels import (
    blurred,
    log_uniform,
    resampled,
    resized,
    rounded,
    sharpened,
    with_noise,
)
from vision_cli.io.pictures.encodings import through_jpeg

PLAIN = Delivery(first_quality=0, side=96, blur=0, noise=0, seed=1, quality=100)


@pytest.fixture(scope="module")
def picture():
    noise = np.random.default_rng(0).standard_normal((128, 128, 3), dtype=np.float32)
    ramp = np.linspace(60, 200, 128, dtype=np.float32)[:, None, None]
    return rounded(ramp * np.array([1, 0.8, 0.6], np.float32) + 12 * blurred(noise, 1))


def test_rounding_clips_and_takes_the_nearest_level():
    np.testing.assert_array_equal(rounded(np.array([-3.0, 1.4, 1.6, 254.7, 300.0])), [0, 1, 2, 255, 255])


def test_jpeg_keeps_colours_in_their_channels_and_loses_more_at_low_quality(picture):
    losses = [np.abs(through_jpeg(picture, q).astype(int) - picture).mean() for q in (95, 75, 40)]
    assert losses == sorted(losses)
    assert losses[0] < 4
    full = np.abs(through_jpeg(picture, 95, has_full_chroma=True).astype(int) - picture).mean()
    assert full < losses[0]


def test_resizing_to_the_same_side_changes_nothing(picture):
    assert resized(picture, 128) is picture
    assert resized(picture, 64).dtype == np.uint8
    np.testing.assert_array_equal(
        resized(picture.astype(np.float32), 64), picture.astype(np.float32).reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    )


@pytest.mark.parametrize("side", [40, 128, 200])
def test_resampling_keeps_the_mean(picture, side):
    for seed in range(6):
        other = resampled(picture, side, np.random.default_rng(seed))
        assert other.shape == (side, side, 3)
        np.testing.assert_allclose(other.mean(axis=(0, 1)), picture.mean(axis=(0, 1)), atol=1)


@pytest.mark.parametrize("spread", [0, 0.8])
def test_camera_noise_has_its_level_is_independent_and_follows_brightness(spread):
    flat = np.zeros((200, 200, 3), np.uint8)
    flat[:100], flat[100:] = 40, 200
    noise = with_noise(flat, np.random.default_rng(0), 5, spread).astype(float) - flat
    expected = 5 * np.sqrt(0.3 + 200 / 180)
    assert noise[100:].std() == pytest.approx(expected, rel=0.05)
    assert noise[:100].std() < 0.75 * noise[100:].std()
    assert np.abs(np.corrcoef(noise.reshape(-1, 3).T) - np.eye(3)).max() < 0.03


def test_sharpening_by_nothing_is_identity_and_adds_detail_otherwise(picture):
    np.testing.assert_array_equal(sharpened(picture, 0, 1), picture.astype(np.float32))
    assert sharpened(picture, 1, 1).std() > picture.std()


@given(st.integers(0, 2**32), st.floats(1e-3, 1), st.floats(1, 1e3))
def test_log_uniform_stays_within_its_limits(seed, low, high):
    assert low * (1 - 1e-9) <= log_uniform(np.random.default_rng(seed), low, high) <= high * (1 + 1e-9)


def test_a_delivery_gives_the_same_bytes_each_time(picture):
    delivery = Delivery(first_quality=75, side=96, blur=0.5, noise=3, seed=7, quality=80)
    first = delivery(picture)
    assert first.shape == (96, 96, 3)
    np.testing.assert_array_equal(first, delivery(picture))


@pytest.mark.parametrize(
    ("change", "more_detail"), [({"blur": 1.0}, False), ({"noise": 6.0}, True), ({"quality": 15}, False)]
)
def test_each_step_does_what_it_says(picture, change, more_detail):
    def detail(delivery):
        arrived = delivery(picture).astype(np.float32)
        return (arrived - blurred(arrived, 1.5)).std()

    plain, other = detail(PLAIN), detail(Delivery(**(vars(PLAIN) | change)))
    assert (other > 1.05 * plain) if more_detail else (other < 0.95 * plain)


def test_a_first_jpeg_leaves_its_trace_at_the_first_size(picture):
    once = Delivery(**(vars(PLAIN) | {"side": 128}))
    twice = Delivery(**(vars(PLAIN) | {"side": 128, "first_quality": 40}))
    kept = np.abs(once(picture).astype(int) - picture).mean()
    assert np.abs(twice(picture).astype(int) - picture).mean() > 2 * kept


def test_a_mask_arrives_at_the_size_of_the_picture():
    mask = np.zeros((128, 128), np.float32)
    mask[32:96, 32:96] = 1
    arrived = PLAIN.of_mask(mask)
    assert arrived.shape == (96, 96)
    assert arrived.dtype == np.float32
    assert arrived.mean() == pytest.approx(0.25, abs=0.01)
    assert arrived.min() >= 0
    assert arrived.max() <= 1


def test_deliveries_are_within_what_they_say():
    drawn = [draw_delivery(np.random.default_rng(seed)) for seed in range(300)]
    sides = np.array([one.side for one in drawn])
    qualities = np.array([one.quality for one in drawn])
    assert sides.min() >= 512
    assert sides.max() <= 1536
    assert qualities.min() >= 40
    assert qualities.max() <= 100
    assert 0.5 < ((sides >= 614) & (sides <= 820)).mean() < 0.95
    assert {one.first_quality for one in drawn} == {0, 75, 90}
    assert any(one.blur for one in drawn)
    assert any(one.noise for one in drawn)


def test_no_step_sets_the_threads_of_opencv(picture):
    before = cv2.getNumThreads()
    PLAIN(picture)
    assert cv2.getNumThreads() == before
