"""Features of the colour coherence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from vision_cli.forgery_detect.coherence.features import (
    BANDS,
    NAMES,
    QUIET_SIGNS,
    features,
    sign_agreement,
)


def _noise(rng, side, shared):
    """A smooth face-like ramp with noise, a share of which is the same in all channels."""
    ramp = 90 + 60 * np.sin(np.linspace(0, 3, side))[:, None, None] * np.ones((side, side, 3))
    own, same = rng.normal(size=(side, side, 3)), rng.normal(size=(side, side, 1))
    grain = np.sqrt(1 - shared) * own + np.sqrt(shared) * same
    return np.clip(np.rint(ramp + 4 * grain), 0, 255).astype(np.uint8)


def _value(found, name):
    return float(found[NAMES.index(name)])


def test_names_are_unique_and_as_many_as_the_features():
    found = features(_noise(np.random.default_rng(0), 96, 0.5))
    assert found.shape == (len(NAMES),)
    assert found.dtype == np.float32
    assert len(set(NAMES)) == len(NAMES) == 144
    assert len(QUIET_SIGNS) == 24


def test_statistics_of_a_mask_agree_with_scipy():
    picture = _noise(np.random.default_rng(2), 200, 0.4)
    picture[60:140, 60:140] = np.random.default_rng(3).integers(5, 250, (80, 80, 3))
    planes = picture.astype(np.float64)

    def blur(sigma, plane=None):
        source = planes if plane is None else plane
        sigmas = (sigma, sigma, 0) if plane is None else sigma
        return ndimage.gaussian_filter(source, sigmas, mode="mirror")

    activity = blur(3, np.abs(blur(0.7) - blur(4))[..., 1])
    kept = (picture.max(axis=2) < 250) & (picture.min(axis=2) > 4)
    quiet = kept & (activity <= np.quantile(activity[kept], 0.7))
    found = features(picture)
    for fine, coarse in BANDS:
        detail = (blur(fine) - blur(coarse))[quiet]
        red, green, blue = detail.T
        rest = blue - detail[:, :2] @ np.linalg.lstsq(detail[:, :2], blue)[0]
        expected = {
            "corr_gb": np.arctanh(green @ blue / np.sqrt(green @ green * (blue @ blue))),
            "corr_rg": np.arctanh(red @ green / np.sqrt(red @ red * (green @ green))),
            "corr_rb": np.arctanh(red @ blue / np.sqrt(red @ red * (blue @ blue))),
            "var_b": 0.5 * np.log((blue @ blue) / (green @ green)),
            "var_r": 0.5 * np.log((red @ red) / (green @ green)),
            "own_b": 0.5 * np.log((rest @ rest) / (blue @ blue)),
            "sign_gb": np.mean(np.sign(green) * np.sign(blue)),
            "sign_rg": np.mean(np.sign(red) * np.sign(green)),
        }
        # Quantiles are of a part of the pixels, and OpenCV and SciPy cut Gaussians off at other widths.
        for kind, value in expected.items():
            assert _value(found, f"{kind}_{fine:g}-{coarse:g}_quiet70") == pytest.approx(value, abs=0.03), kind


def test_sign_agreement_rises_with_shared_noise():
    rng = np.random.default_rng(4)
    rows = np.stack([features(_noise(rng, 128, shared)) for shared in (0.1, 0.5, 0.9)])
    scores = sign_agreement(rows)
    assert scores.shape == (3,)
    assert np.all(np.diff(scores) > 0.1)


def test_contrast_and_brightness_change_the_features_little():
    picture = _noise(np.random.default_rng(5), 256, 0.5)
    softer = np.rint(picture * 0.8 + 12).astype(np.uint8)
    change = np.abs(features(picture) - features(softer))
    # 4 grey levels of noise and rounding to whole ones.
    assert np.median(change) < 0.02
    assert change.max() < 0.2


def test_only_the_centre_of_a_large_crop_is_read():
    picture = _noise(np.random.default_rng(6), 520, 0.5)
    other = picture.copy()
    other[:20], other[-20:], other[:, :20], other[:, -20:] = 0, 0, 0, 0
    np.testing.assert_array_equal(features(picture), features(other))


@settings(max_examples=25)
@given(arrays.arrays(np.uint8, (64, 64, 3), elements=st.sampled_from([0, 1, 127, 128, 250, 255])))
def test_any_picture_gives_finite_features(picture):
    assert np.isfinite(features(picture)).all()


@pytest.mark.parametrize("value", [0, 3, 128, 255])
def test_flat_pictures_carry_no_evidence(value):
    assert np.abs(features(np.full((64, 80, 3), value, np.uint8))).max() < 1e-3


def test_grey_pictures_agree_fully():
    grey = _noise(np.random.default_rng(7), 96, 1.0)[..., :1].repeat(3, axis=2)
    found = features(grey)
    assert np.isfinite(found).all()
    assert sign_agreement(found[None])[0] > 0.95


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        (np.zeros((63, 100, 3), np.uint8), "100 x 63 pixels; at least 64"),
        (np.zeros((100, 100), np.uint8), r"shape \(100, 100\); \(H, W, 3\) of 8 bits"),
        (np.zeros((100, 100, 3), np.float32), "float32 array"),
    ],
)
def test_other_arrays_are_refused(picture, text):
    with pytest.raises(ValueError, match=text):
        features(picture)
