"""Pairs of a real face and a forgery of it."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from tests.forgery_detect.simulation.conftest import make_portrait
from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.simulation.pairs import BANK_1, BANK_2, KINDS, pair_at, simulate_pairs


@pytest.fixture(scope="module")
def pairs(someone):
    """One pair of each kind."""
    return list(simulate_pairs([someone], seed=3, per_portrait=len(KINDS), kinds=KINDS))


def test_every_kind_takes_its_turn(pairs):
    assert [pair.generator.split("-")[0] for pair in pairs] == list(KINDS)
    assert [pair.number for pair in pairs] == list(range(len(KINDS)))
    assert {pair.source for pair in pairs} == {"someone"}
    assert set(BANK_1) | set(BANK_2) < set(KINDS)


def test_both_crops_are_the_same_square(pairs):
    for pair in pairs:
        assert pair.real.picture.shape == pair.fake.picture.shape
        np.testing.assert_array_equal(pair.real.box, pair.fake.box)
        side = pair.real.picture.shape[0]
        assert pair.real.picture.shape == (side, side, 3)
        assert 320 <= side <= 480
        assert pair.real.box[2] - pair.real.box[0] == side
        assert pair.real.mask.shape == pair.fake.mask.shape == (side, side)


def test_masks_say_what_is_forged(pairs):
    whole = {*BANK_1, *BANK_2}
    for pair in pairs:
        assert not pair.real.mask.any()
        if pair.generator.split("-")[0] in whole:
            assert (pair.fake.mask == 1).all()
            assert pair.forgery == "synthesis"
        else:
            assert 0 < pair.fake.mask.mean() < 1
            assert pair.forgery in {"swap", "manipulation"}


def test_forgeries_show_the_same_face(pairs):
    for pair in pairs:
        difference = np.abs(pair.real.picture.astype(int) - pair.fake.picture)
        assert difference.mean() < 25
        assert difference.max() >= 4
    # A forged mouth leaves the rest of the face as the photograph has it, but for the JPEG.
    mouth = next(pair for pair in pairs if pair.generator.startswith("mouth"))
    difference = np.abs(mouth.real.picture.astype(int) - mouth.fake.picture).max(axis=2)
    assert difference[mouth.fake.mask > 0.9].mean() > 3 * difference[mouth.fake.mask < 0.01].mean()


def test_a_pair_depends_on_seed_place_and_number_alone(someone, pairs):
    other = make_portrait("other", 1)
    again = pair_at(someone, 0, 4, seed=3, kinds=KINDS)
    np.testing.assert_array_equal(again.fake.picture, pairs[4].fake.picture)
    np.testing.assert_array_equal(again.real.picture, pairs[4].real.picture)
    np.testing.assert_array_equal(again.fake.mask, pairs[4].fake.mask)
    # More portraits behind it and fewer pairs of each change nothing.
    first = next(simulate_pairs([someone, other], seed=3, per_portrait=1, kinds=KINDS))
    np.testing.assert_array_equal(first.fake.picture, pairs[0].fake.picture)
    elsewhere = next(simulate_pairs([someone], seed=4, per_portrait=1, kinds=KINDS))
    assert not np.array_equal(elsewhere.real.picture, first.real.picture)


def test_pairs_are_drawn_one_by_one(someone):
    endless = simulate_pairs([someone], seed=0, per_portrait=10**9, kinds=["denoise"])
    assert [pair.number for pair in islice(endless, 1)] == [0]


@pytest.mark.parametrize(("kinds", "text"), [(["deepfake"], "deepfake: no kind of forgery"), ([], "none: no kind")])
def test_unknown_kinds_are_refused(someone, kinds, text):
    with pytest.raises(UsageError, match=text):
        simulate_pairs([someone], seed=0, per_portrait=1, kinds=kinds)


def test_portraits_of_one_name_are_refused(someone):
    with pytest.raises(InputError, match="someone: two portraits of this name"):
        simulate_pairs([someone, make_portrait(seed=1)], seed=0, per_portrait=1)
