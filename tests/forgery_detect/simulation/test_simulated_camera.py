"""The camera that takes portraits again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.forgery_detect.simulation.camera import FACE_SHARE, SIDE, capture
from vision_cli.forgery_detect.simulation.pixels import blurred


@pytest.fixture(scope="module")
def taken(someone):
    marked = replace(someone, landmarks=np.array([[260.0, 240.0], [639.0, 240.0], [450.0, 619.0]]))
    return [capture(marked, np.random.default_rng(seed)) for seed in range(8)]


def test_photographs_have_one_size_and_are_repeatable(someone, taken):
    assert {one.picture.shape for one in taken} == {(SIDE, SIDE, 3)}
    assert all(one.picture.dtype == np.uint8 for one in taken)
    again = capture(someone, np.random.default_rng(3))
    np.testing.assert_array_equal(again.picture, taken[3].picture)


def test_faces_are_about_as_wide_as_in_data_sets_of_faces(taken):
    shares = np.array([one.box[2] / SIDE for one in taken])
    assert shares.min() >= FACE_SHARE / 1.36
    assert shares.max() <= FACE_SHARE / 0.84
    assert np.ptp(shares) > 0.05


def test_the_box_stays_on_the_face(taken):
    for one in taken:
        left, top, width, height = one.box
        # Skin has the ratio of red to blue that the wall has not, whatever the light.
        ratio = blurred(one.picture[..., 0].astype(np.float32) - one.picture[..., 2], 6)
        centre = ratio[int(top + 0.55 * height), int(left + width / 2)]
        corner = max(float(ratio[2, 2]), float(ratio[2, -3]))
        assert centre > corner + 10


def test_landmarks_follow_the_box_through_crop_and_mirror(taken):
    mirrored = 0
    for one in taken:
        left, top, width, height = one.box
        first, second, chin = one.landmarks
        mirrored += first[0] > second[0]
        assert sorted([first[0], second[0]]) == pytest.approx([left, left + width], abs=0.01 * width)
        assert first[1] == pytest.approx(top, abs=1)
        assert chin == pytest.approx([left + width / 2, top + height], abs=0.01 * width)
    assert 0 < mirrored < len(taken)


def test_cameras_differ_in_tone_and_in_the_noise_of_the_channels(taken):
    means = np.array([one.picture.mean(axis=(0, 1)) for one in taken])
    assert means.std(axis=0).min() > 5
    details = []
    for one in taken:
        planes = one.picture[:200, :200].astype(np.float32)
        details.append((planes - blurred(planes, 1.5)).std())
    assert max(details) > 1.5 * min(details)
