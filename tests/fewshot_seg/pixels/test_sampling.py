"""Which pixels are learned from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.fewshot_seg.pixels.sampling import Shown, augmented_copies, sample_pixels, show
from vision_cli.fewshot_seg.values import Support


def shown(share, size=60):
    rng = np.random.default_rng(1)
    mask = np.zeros(size * size, np.bool_)
    mask[: round(share * size * size)] = True
    picture = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Shown(picture, mask.reshape(size, size), np.ones((size, size), np.bool_))


@settings(max_examples=40)
@given(st.floats(0, 1), st.integers(20, 3000))
def test_samples_stand_for_the_whole_picture(share, count):
    one = shown(share)
    drawn = sample_pixels(one, np.random.default_rng(0), count)
    assert len(drawn.places) == len(set(drawn.places.tolist())) <= count
    np.testing.assert_array_equal(drawn.labels, one.mask.ravel()[drawn.places])
    assert drawn.weights.mean() == pytest.approx(1, rel=1e-4)
    if drawn.labels.any() and not drawn.labels.all():
        weighted = float((drawn.weights * drawn.labels).sum() / drawn.weights.sum())
        assert weighted == pytest.approx(one.mask.mean(), abs=1e-3)


def test_a_small_object_gives_a_tenth_of_the_samples():
    drawn = sample_pixels(shown(0.05), np.random.default_rng(0), 600)
    assert drawn.labels.sum() == 60


def test_pixels_of_which_nothing_is_known_are_not_drawn():
    mask = np.zeros((64, 64), np.bool_)
    mask[:32] = True
    ignored = np.zeros((64, 64), np.bool_)
    ignored[24:40] = True
    ignored &= ~mask
    support = Support("x", np.zeros((64, 64, 3), np.uint8), mask, ignored)
    drawn = sample_pixels(show(support, 64), np.random.default_rng(0), 4096)
    assert not ignored.ravel()[drawn.places].any()
    assert len(drawn.places) == 64 * 64 - ignored.sum()


def test_copies_keep_the_class_with_its_pixels():
    mask = np.zeros((60, 60), np.bool_)
    mask[20:40, 10:30] = True
    picture = np.where(mask[..., None], np.uint8(200), np.uint8(20)).repeat(3, axis=2)
    original = Shown(picture, mask, np.ones_like(mask))
    copies = list(augmented_copies(original, np.random.default_rng(2), 6))
    assert len(copies) == 6
    assert any(copy.mirrored for copy in copies)
    for copy in copies:
        assert ((copy.picture[..., 0] > 100) == copy.mask).mean() > 0.97


def test_a_copy_without_the_class_is_left_out_unless_the_support_is_negative():
    rng = np.random.default_rng(0)
    almost = np.zeros((60, 60), np.bool_)
    almost[0, 0] = True
    known, picture = np.ones_like(almost), np.zeros((60, 60, 3), np.uint8)
    assert not list(augmented_copies(Shown(picture, almost, known), rng, 5))
    assert len(list(augmented_copies(Shown(picture, np.zeros_like(almost), known), rng, 5))) == 5
