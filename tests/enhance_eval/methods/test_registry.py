"""Classical methods: a picture of the same shape within [0, 1], whatever the input, and the same each time."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.enhance_eval.methods.registry import ALL_METHODS, CLASSICAL, DEFAULT_METHODS

PLAIN = [name for name, entry in CLASSICAL.items() if not entry.sees_reference]
BRIGHTENING = sorted(set(PLAIN) - {"none", "bpdhe"})


def enhance(name, picture):
    return CLASSICAL[name].function(picture)


def night(seed=0, size=(40, 52)):
    """Return a dark scene with a bright spot, an edge and a gradient."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    light = 0.02 + 0.1 * columns / size[1] + 0.08 * (rows > size[0] // 2)
    light[3:9, 4:10] = 0.8
    picture = light[..., None] * np.array([1.0, 0.8, 0.6]) + rng.normal(0, 0.005, (*size, 3))
    return np.clip(picture, 0, 1).astype(np.float32)


def assert_picture(result, like):
    assert result.shape == like.shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("name", PLAIN)
def test_borderline_pictures_give_pictures(name):
    rng = np.random.default_rng(0)
    borderline = [
        np.zeros((9, 7, 3)),
        np.ones((9, 7, 3)),
        np.full((5, 12, 3), 0.3),
        np.full((1, 1, 3), 0.2),
        rng.random((1, 40, 3)),
        rng.random((33, 1, 3)),
        rng.random((2, 3, 3)),
        np.full((6, 6, 3), 1e-9),
        np.pad(np.full((8, 8, 3), 0.01), ((0, 8), (0, 0), (0, 0))),
    ]
    for picture in borderline:
        given_picture = picture.astype(np.float32)
        before = given_picture.copy()
        assert_picture(enhance(name, given_picture), given_picture)
        np.testing.assert_array_equal(given_picture, before)


@settings(max_examples=15)
@given(
    name=st.sampled_from(PLAIN),
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    scale=st.floats(0.001, 1),
    seed=st.integers(0, 1000),
)
def test_pictures_of_any_size_give_pictures(name, height, width, scale, seed):
    picture = (scale * np.random.default_rng(seed).random((height, width, 3))).astype(np.float32)
    assert_picture(enhance(name, picture), picture)


@pytest.mark.parametrize("name", PLAIN)
def test_a_method_gives_the_same_bytes_twice(name):
    picture = night()
    assert enhance(name, picture).tobytes() == enhance(name, picture.copy()).tobytes()


@pytest.mark.parametrize("name", BRIGHTENING)
def test_a_dark_picture_becomes_brighter(name):
    picture = night()
    assert enhance(name, picture).mean() > picture.mean()


def test_bpdhe_keeps_the_mean_brightness():
    picture = night()
    after = enhance("bpdhe", picture)
    assert after.max(axis=2).mean() == pytest.approx(picture.max(axis=2).mean(), rel=0.02)
    assert after.std() != pytest.approx(picture.std(), rel=0.01)


def test_parameters_have_bounds_that_hold_their_defaults():
    for name, entry in CLASSICAL.items():
        assert entry.defaults.keys() == entry.bounds.keys(), name
        for key, default in entry.defaults.items():
            low, high = entry.bounds[key]
            assert low <= default <= high, (name, key)
        assert inspect.getdoc(entry.function), name


def test_the_default_twelve_are_in_the_table_of_all():
    assert len(DEFAULT_METHODS) == 12
    assert set(DEFAULT_METHODS) <= set(ALL_METHODS)
    assert len(PLAIN) >= 16


def test_gain_takes_the_percentile_of_the_light_to_white():
    from vision_cli.io.pictures.srgb import decode_srgb

    picture = night()
    after = enhance("gain", picture)
    assert np.percentile(after, 99.5) == pytest.approx(1, abs=1e-3)
    ratio = decode_srgb(after)[20:, 20:] / decode_srgb(picture)[20:, 20:]
    assert ratio.std() / ratio.mean() < 1e-3


def test_oracle_exposure_meets_the_luma_of_the_reference():
    picture = night()
    reference = np.clip(3 * picture, 0, 1)
    after = CLASSICAL["oracle-exposure"].function(picture, reference)
    weights = np.array([0.299, 0.587, 0.114])
    assert (after @ weights).mean() == pytest.approx((reference @ weights).mean(), abs=1e-4)
    np.testing.assert_array_equal(CLASSICAL["reference"].function(picture, reference), reference)


@pytest.mark.parametrize("name", ["oracle-exposure", "reference"])
def test_controls_say_that_there_is_no_reference(name):
    from vision_cli.core.errors import UsageError

    with pytest.raises(UsageError, match=f"{name}: the picture has no reference"):
        CLASSICAL[name].function(night(), None)


def test_he_is_flat_where_the_histogram_was():
    """OpenCV's own equalisation is the oracle for the channel; the colours keep their ratios."""
    picture = night()
    after = enhance("he", picture)
    bright = picture.max(axis=2) > 0.05
    ratios = after[bright] / after[bright].max(axis=1, keepdims=True)
    np.testing.assert_allclose(ratios, picture[bright] / picture[bright].max(axis=1, keepdims=True), atol=1e-4)


def test_lime_divides_a_flat_picture_by_its_own_level():
    flat = np.full((16, 16, 3), 0.25, dtype=np.float32)
    np.testing.assert_allclose(enhance("lime", flat), 0.25 / 0.25**0.8, rtol=1e-4)


def test_npe_keeps_the_order_of_lightness_better_than_he():
    from vision_cli.enhance_eval.quality.lightness_order import loe

    picture = night(size=(120, 150))
    assert loe(enhance("npe", picture), picture) < loe(enhance("clahe", picture), picture)


def test_mertens_of_equal_exposures_is_the_picture():
    from vision_cli.enhance_eval.methods.classical.fusion import exposure_fusion

    picture = night(size=(64, 64))
    np.testing.assert_allclose(exposure_fusion([picture, picture]), picture, atol=0.02)
