"""Faces cut out of pictures."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.io.pictures.photographs import read_photograph
from vision_cli.synth_faces.pipeline.framing import FaceCutter, Framer, _cut, square_of
from vision_cli.synth_faces.pipeline.rendering import draw
from vision_cli.synth_faces.plans.plan import Wanted


def test_a_whole_picture_is_its_central_square():
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 20:60] = 200
    cut = FaceCutter(40, "none")(picture)
    assert not cut.is_found
    np.testing.assert_array_equal(cut.grey, 200)


def test_a_picture_without_a_face_is_cut_where_faces_of_the_rig_are():
    ramp = np.tile(np.linspace(0, 200, 100).astype(np.uint8)[:, None, None], (1, 100, 3))
    cut = FaceCutter(50)(ramp)
    assert not cut.is_found
    assert cut.grey.shape == (50, 50)
    # From 0.11 - 0.044 + 0.03 of the height, over 0.83 of it.
    assert cut.grey[0].mean() == pytest.approx(200 * 0.1, abs=6)
    assert cut.grey[-1].mean() == pytest.approx(200 * 0.92, abs=6)


def test_a_cut_beyond_the_edge_repeats_it():
    picture = np.full((64, 64, 3), 90, np.uint8)
    np.testing.assert_array_equal(_cut(picture[..., 0], -20.0, -5.0, 80.0, 32), 90)


def test_a_face_is_the_same_at_each_of_several_sides():
    picture = np.random.default_rng(0).integers(0, 256, (90, 80, 3), dtype=np.uint8)
    small, large = FaceCutter(32).at_sides(picture, (32, 64))
    np.testing.assert_array_equal(small.grey, FaceCutter(32)(picture).grey)
    np.testing.assert_array_equal(large.grey, FaceCutter(64)(picture).grey)


def test_faces_that_fill_their_picture_are_found():
    """Renders from brows to chin, as sets of aligned faces have them."""
    cutter = FaceCutter(48)
    boxes = [cutter.box(draw(Wanted(0, seed, seed + 20), 64, studio=True).picture) for seed in range(12)]
    assert sum(is_found for _, is_found in boxes) >= 11
    shares = np.array([box for box, is_found in boxes if is_found]) / 64
    np.testing.assert_allclose(np.median(shares, axis=0), (0.02, -0.16, 0.96), atol=0.06)


def test_a_portrait_is_cut_alike_at_any_size(real_portraits):
    import cv2

    picture = read_photograph(sorted((real_portraits / "neutral").glob("*.jpg"))[0])
    small = cv2.resize(picture, (200, 200), interpolation=cv2.INTER_AREA)
    large, cut = (FaceCutter(32)(one) for one in (picture, small))
    assert large.is_found
    assert cut.is_found
    assert np.corrcoef(large.grey.ravel(), cut.grey.ravel())[0, 1] > 0.8


def test_a_photograph_is_framed_as_the_model_sees_faces(real_portraits):
    """From brows to chin: eyes and mouth of a portrait lie where those of a studio render lie."""
    picture = read_photograph(sorted((real_portraits / "neutral").glob("*.jpg"))[0])
    cut = Framer(64, "face", "pictures")(picture)
    (left, top, extent), is_found = FaceCutter(48).box(cut)
    assert is_found
    np.testing.assert_allclose((left / 64, top / 64, extent / 64), (0.02, -0.16, 0.96), atol=0.12)
    # Faces of `generate` are in their frame already, and so are aligned ones.
    for crop, layout in (("face", "generated"), ("none", "pictures")):
        np.testing.assert_array_equal(Framer(64, crop, layout)(picture), square_of(picture, 64))
