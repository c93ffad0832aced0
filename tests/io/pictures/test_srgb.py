"""The sRGB curve, beside scikit-image's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2xyz

from vision_cli.io.pictures.srgb import decode_srgb, encode_srgb


def test_light_of_grey_values_is_the_luminance_of_scikit_image():
    grey = np.linspace(0, 1, 256)
    expected = rgb2xyz(np.repeat(grey[:, None], 3, axis=1))[:, 1]
    np.testing.assert_allclose(decode_srgb(grey), expected, atol=1e-6)


@given(st.floats(0, 1, width=32))
def test_encoding_undoes_decoding(value):
    values = np.array([value], dtype=np.float32)
    light = decode_srgb(values)
    assert light.dtype == np.float32
    np.testing.assert_allclose(encode_srgb(light), values, atol=2e-6)


def test_light_beyond_the_display_is_white_or_black():
    np.testing.assert_allclose(encode_srgb(np.array([-1.0, 0.0, 1.0, 7.0])), [0, 0, 1, 1], atol=1e-12)
