"""Colours that stand side by side differ, and what is written can be read on its ground."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from vision_cli.figures import style


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("colours", [style.COLOURS, style.DARK_COLOURS])
def test_colours_of_series_differ(colours):
    for a, b in itertools.combinations(colours, 2):
        assert np.linalg.norm(np.subtract(to_rgb(a), to_rgb(b))) > 0.15


@pytest.mark.parametrize("one", [style.CHART, style.DARK, style.SLATE])
def test_words_have_the_contrast_of_wcag_aa(one):
    low, high = sorted((luminance(one.ground), luminance(one.ink)))
    assert (high + 0.05) / (low + 0.05) > 4.5


def test_a_colour_is_three_numbers():
    assert style.rgb("#0a10ff") == (10, 16, 255)
    assert (style.rgb("white"), style.rgb("black")) == ((255, 255, 255), (0, 0, 0))
