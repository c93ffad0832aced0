"""Figures of a classifier show names to the letter."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.kan_fit.images import figures as image_figures
from vision_cli.kan_fit.images.data import Images

HOSTILE = ("$\\frac{$", "a $b$ \\input{x}", "<script>&", "_hidden", "\udcff\n\x07")


SHOWN = ("$\\frac{$", "a $b$ \\input{x}", "<script>&", "_hidden", "\\udcff\\n\\x07")


NAMES = list(zip(HOSTILE, SHOWN, strict=True))


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_classes_are_shown_to_the_letter(texts, name, shown):
    counts = np.array([[3, 1], [0, 2]])
    found = texts(image_figures.confusion, counts, (name, "b"))
    assert found.count(shown) == 2
    pixels = np.zeros((2, 4, 4, 1), np.uint8)
    images = Images(pixels, np.array([0, 1]), ("1", "2"))
    found = texts(image_figures.mistakes, images, np.array([[0.2, 0.8], [0.9, 0.1]]), (name, "b"))
    assert {f"{shown} 90%", f"({shown})"} <= set(found)
