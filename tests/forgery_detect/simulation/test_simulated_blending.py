"""Forgeries of a part of a face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.forgery_detect.simulation.blending import face_mask, replace_part, self_blend


def _middle(box, row=0.55):
    return int(box[1] + row * box[3]), int(box[0] + box[2] / 2)


def test_the_mask_of_a_face_covers_its_middle_and_no_corner(photograph):
    mask = face_mask(photograph)
    assert set(np.unique(mask)) == {0, 1}
    assert mask[_middle(photograph.box)] == 1
    assert mask[0, 0] == mask[-1, -1] == 0
    left, top, width, height = photograph.box.astype(int)
    assert 0.5 < mask[top : top + height, left : left + width].mean() < 0.95


def test_landmarks_draw_the_face_and_those_of_hair_are_left_out(photograph):
    left, top, width, height = photograph.box
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    outline = np.array([left + width / 2, top + 0.56 * height]) + 0.3 * width * np.stack(
        [np.cos(turn), np.sin(turn)], 1
    )
    hair = np.array([[left - width, top - height / 3], [left + 2 * width, top - height / 3]])
    mask = face_mask(replace(photograph, landmarks=np.concatenate([outline, hair])))
    assert mask.sum() == pytest.approx(np.pi * (0.3 * width) ** 2, rel=0.05)


def test_few_landmarks_fall_back_to_the_box(photograph):
    few = replace(photograph, landmarks=np.array([[0.0, 0.0], [1.0, 1.0]]))
    np.testing.assert_array_equal(face_mask(few), face_mask(photograph))


@pytest.mark.parametrize("seed", range(4))
def test_self_blending_forges_the_face_and_says_where(photograph, seed):
    picture, mask = self_blend(photograph, np.random.default_rng(seed))
    assert picture.shape == photograph.picture.shape
    assert mask.dtype == np.float32
    assert mask.min() >= 0
    assert mask.max() in np.float32([0.25, 0.5, 0.75, 1.0])
    assert mask[_middle(photograph.box)] > 0.9 * mask.max()
    assert mask[:10].max() < 1e-3
    assert not np.array_equal(picture, photograph.picture)


def test_in_about_half_of_them_the_photograph_stays_around_the_face(photograph):
    kept = []
    for seed in range(6):
        picture, mask = self_blend(photograph, np.random.default_rng(seed))
        outside = mask == 0
        kept.append(np.array_equal(picture[outside], photograph.picture[outside]))
    assert 0 < sum(kept) < 6


def test_self_blended_images_differ_by_seed_and_repeat(photograph):
    first, again, other = (self_blend(photograph, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(("part", "is_middle_forged"), [("mouth", False), ("background", False)])
def test_a_part_comes_from_the_forgery_and_the_rest_stays(photograph, part, is_middle_forged):
    painted = np.full((512, 512, 3), 7, np.uint8)
    picture, mask = replace_part(photograph, painted, part, np.random.default_rng(0))
    inside, outside = mask > 0.999, mask < 1e-4
    assert (picture[inside] == 7).all()
    np.testing.assert_array_equal(picture[outside], photograph.picture[outside])
    assert (mask[_middle(photograph.box, 0.4)] > 0.5) == is_middle_forged
    mouth = mask[_middle(photograph.box, 0.79)]
    corner = mask[2, 2]
    assert (mouth > 0.9) == (part == "mouth")
    assert (corner > 0.9) == (part == "background")
