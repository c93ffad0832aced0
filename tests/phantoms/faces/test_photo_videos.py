"""Videos of a photograph have the pulse that is asked for, or none."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.phantoms.faces.photo_videos import Photo, PhotoVideo


@pytest.fixture(scope="module")
def photo():
    rng = np.random.default_rng(0)
    pixels = np.full((200, 240, 3), 60, np.uint8)
    pixels[50:150, 80:160] = np.array([200, 150, 120]) + rng.integers(-20, 20, (100, 80, 1))
    return Photo(pixels, (80.0, 50.0, 80.0, 100.0))


def film(photo, seed, **settings):
    video = PhotoVideo(np.random.default_rng(seed), photo, seconds=4, height=64, **settings)
    return video, np.stack(list(video))


def test_the_same_state_gives_the_same_video(photo):
    (one, first), (two, second) = film(photo, 3), film(photo, 3)
    assert one.codec == two.codec
    np.testing.assert_array_equal(first, second)
    assert first.shape == (120, *one.size, 3)
    assert not np.array_equal(first, film(photo, 4)[1])


def test_skin_follows_the_pulse_and_the_background_does_not(photo):
    video, frames = film(photo, 0, holding="fixed")
    height, width = video.size
    middle = frames[:, 2 * height // 5 : 3 * height // 5, 2 * width // 5 : 3 * width // 5, 1].mean(axis=(1, 2))
    corner = frames[:, : height // 8, : width // 8, 1].mean(axis=(1, 2))
    wave = video.pulse.at(video.times)
    relative = middle / middle.mean() - corner / corner.mean()
    assert np.corrcoef(relative, wave)[0, 1] < -0.5


def test_a_photo_without_a_pulse_has_none(photo):
    video, frames = film(photo, 5, is_alive=False)
    assert video.pulse is None
    assert len(frames) == 120


def test_motion_moves_the_whole_picture_of_a_photo(photo):
    _, frames = film(photo, 0, is_alive=False, holding="sway")
    assert frames.astype(float).std(axis=0).max() > 5
