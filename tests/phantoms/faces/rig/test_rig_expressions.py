"""Samples of expressions have the action units of their prototypes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.phantoms.faces.rig.action_units import NAMES
from vision_cli.phantoms.faces.rig.expressions import FREE, draw_aus
from vision_cli.phantoms.faces.rig.prototypes import BASIC, COMPOUND, PROTOTYPES

LABELS = (*PROTOTYPES, FREE)


def samples(label, count=200):
    rng = np.random.default_rng(7)
    return [draw_aus(rng, label) for _ in range(count)]


@given(st.integers(0, 2**31), st.sampled_from(LABELS))
def test_samples_are_valid_and_repeatable(seed, label):
    drawn = draw_aus(np.random.default_rng(seed), label)
    assert drawn == draw_aus(np.random.default_rng(seed), label)
    assert set(drawn) <= set(NAMES)
    assert all(0 < value <= 5 for value in drawn.values())
    assert not {"26", "27"} <= set(drawn)


def test_there_are_eight_basic_and_fifteen_compound_expressions():
    assert len(BASIC), len(COMPOUND) == (8, 15)


@pytest.mark.parametrize("label", [label for label in PROTOTYPES if label not in ("neutral", "contempt")])
def test_units_that_are_always_there_are_there(label):
    variants = PROTOTYPES[label].variants
    always = set.intersection(*({n for n, chance, _ in v if chance == 1} for v in variants))
    for drawn in samples(label, 50):
        assert always <= set(drawn)


def test_intensities_follow_the_prototype():
    drawn = [sample["12"] for sample in samples("happiness")]
    assert 2.5 < np.mean(drawn) < 4.2
    assert np.std(drawn) > 0.4


def test_contempt_is_on_one_side():
    for drawn in samples("contempt"):
        assert ("L14" in drawn) != ("R14" in drawn)
    assert len({"L14" in drawn for drawn in samples("contempt")}) == 2


def test_asymmetry_names_the_stronger_side():
    sided = [drawn for drawn in samples("happiness") if "L12" in drawn]
    assert sided
    assert all(drawn["L12"] > drawn["12"] for drawn in sided)


def test_free_samples_use_all_units():
    seen = {name for drawn in samples(FREE, 400) for name in drawn}
    assert seen >= {name for name in NAMES if name != "43"}


def test_an_unknown_label_is_refused():
    with pytest.raises(ValueError, match="boredom: unknown expression"):
        draw_aus(np.random.default_rng(0), "boredom")
