"""Conditions: their words, the formula, and the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from vision_cli.core.errors import UsageError
from vision_cli.enhance_eval.pipeline.darkness.conditions import darken, parse_condition
from vision_cli.enhance_eval.pipeline.darkness.paper import PaperDarkness, darken_by_formula, draw_paper_darkness
from vision_cli.enhance_eval.pipeline.darkness.physical import expose
from vision_cli.io.pictures.srgb import decode_srgb, encode_srgb


@dataclass(frozen=True)
class Light:
    """A source whose light may be brighter than white."""

    linear: np.ndarray

    def read(self):
        return encode_srgb(self.linear)

    def read_linear(self):
        return self.linear


def flat(level, size=64):
    return np.full((size, size, 3), level, dtype=np.float32)


@pytest.mark.parametrize(
    ("text", "kind", "ev"),
    [
        ("as-is", "as-is", 0),
        ("paper", "paper", 0),
        ("ev-4", "physical", -4),
        ("ev+1.5", "physical", 1.5),
        ("ev0", "physical", 0),
    ],
)
def test_words_of_conditions(text, kind, ev):
    condition = parse_condition(text)
    assert (condition.name, condition.kind, condition.ev) == (text, kind, ev)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("dark", {}, "condition 'dark'; as-is, paper, or ev with a number of stops"),
        ("ev", {}, "condition 'ev'"),
        ("ev-", {}, "condition 'ev-'"),
        ("ev-40", {}, "at most 16 stops"),
        ("ev-2", {"full_well": 0}, "at least 1 and 0 electrons"),
        ("ev-2", {"read_noise": -1}, "at least 1 and 0 electrons"),
        ("ev-2", {"read_noise": float("nan")}, "at least 1 and 0 electrons"),
        ("paper", {"jpeg": 101}, "JPEG quality 101; 0 for none or 1 to 100"),
    ],
)
def test_what_is_no_condition(text, options, message):
    with pytest.raises(UsageError, match=message):
        parse_condition(text, **options)


def test_as_is_is_the_picture():
    source = Light(flat(0.3))
    result = darken(source, parse_condition("as-is", jpeg=5), np.random.default_rng(0))
    np.testing.assert_array_equal(result, source.read())


def test_the_formula():
    picture = flat(0.5)
    dark = darken_by_formula(picture, PaperDarkness(alpha=0.9, beta=0.8, gamma=2))
    np.testing.assert_allclose(dark, np.rint(255 * 0.8 * 0.45**2) / 255, atol=1e-7)


def test_numbers_of_the_formula_are_drawn_from_their_ranges():
    rng = np.random.default_rng(0)
    drawn = [draw_paper_darkness(rng) for _ in range(2000)]
    for name, low, high in (("alpha", 0.9, 1.0), ("beta", 0.5, 1.0), ("gamma", 1.5, 5.0)):
        values = np.array([getattr(one, name) for one in drawn])
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))


def test_light_falls_by_stops_and_noise_is_that_of_electrons():
    rng = np.random.default_rng(0)
    shot = decode_srgb(expose(flat(0.5, 200), -2, rng)).astype(float)
    assert shot.mean() == pytest.approx(0.125, rel=0.01)
    expected = np.sqrt(0.125 * 4000 + 4**2) / 4000
    assert shot.std() == pytest.approx(expected, rel=0.06)


def test_darker_is_noisier():
    rng = np.random.default_rng(0)
    ratios = []
    for ev in (0, -2, -4, -6):
        shot = decode_srgb(expose(flat(0.3, 100), ev, rng)).astype(float)
        ratios.append(shot.mean() / shot.std())
    assert ratios == sorted(ratios, reverse=True)


def test_light_above_white_comes_back_in_a_short_exposure():
    rng = np.random.default_rng(0)
    bright, white = flat(3.0), flat(1.0)
    assert (expose(bright, 0, rng, read_noise=0) == 1).all()
    ratio = decode_srgb(expose(bright, -3, rng)).mean() / decode_srgb(expose(white, -3, rng)).mean()
    assert ratio == pytest.approx(3, rel=0.02)
    assert (expose(flat(1e30), 16, rng) == 1).all()


@pytest.mark.parametrize("text", ["paper", "ev-4"])
def test_conditions_give_8_bits_and_the_same_for_the_same_seed(text):
    source = Light(np.random.default_rng(1).random((20, 30, 3), dtype=np.float32))
    first, second = (darken(source, parse_condition(text), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    np.testing.assert_allclose(first * 255, np.rint(first * 255), atol=1e-4)
    assert first.mean() < source.read().mean()


def test_jpeg_is_the_last_step():
    source = Light(np.random.default_rng(1).random((32, 32, 3), dtype=np.float32))
    plain, packed = (darken(source, parse_condition("ev-1", jpeg=q), np.random.default_rng(7)) for q in (0, 30))
    assert packed.shape == plain.shape
    assert 0 < np.abs(packed - plain).mean() < 0.2
