"""Pictures in the square of a network, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.fewshot_seg.pipeline.frames import Frame
from vision_cli.fewshot_seg.values import Support


@given(height=st.integers(1, 90), width=st.integers(1, 90), pads=st.booleans())
@settings(max_examples=30)
def test_pictures_of_any_size_fit_and_come_back(height, width, pads):
    frame = Frame(32, pads)
    picture = np.full((height, width, 3), 255, np.uint8)
    image, known = frame.picture(picture), frame.known(picture.shape)
    assert image.shape == (3, 32, 32)
    assert bool(((image != 0).all(0) == (known == 1)).all())
    assert frame.restore(known, picture.shape) == pytest.approx(np.ones((height, width)))


def test_proportions_are_kept_by_padding_alone():
    shape = (20, 40)
    assert Frame(32, pads=True).content(shape) == (16, 32)
    assert Frame(32, pads=False).content(shape) == (32, 32)


def test_masks_come_with_what_is_known():
    mask, ignored = np.zeros((32, 64), bool), np.zeros((32, 64), bool)
    mask[:, :32], ignored[:16] = True, True
    share, known = Frame(32, pads=True).mask(Support("s", np.zeros((32, 64, 3), np.uint8), mask, ignored))
    assert share[:16, :16].eq(1).all()
    assert share[:, 16:].eq(0).all()
    assert known[:8].eq(0).all()
    assert known[8:16].eq(1).all()
    assert known[16:].eq(0).all()


def test_a_map_of_lower_resolution_is_cut_where_the_padding_begins():
    values = torch.zeros(8, 8)
    values[:4] = 1
    assert Frame(32, pads=True).restore(values, (50, 100)).min() == 1
