"""Verdicts, and scores of videos."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.forgery_detect.pipeline.verdicts import DecisionRule, aggregate, probability


def test_a_band_of_doubt_lies_around_the_threshold():
    rule = DecisionRule(0.5, 0.1)
    assert [rule(p) for p in (0.2, 0.41, 0.5, 0.59, 0.7)] == ["real", *["uncertain"] * 3, "fake"]
    assert DecisionRule(0.3, 0)(0.31) == "fake"


@pytest.mark.parametrize("logit", [-1e9, -3.0, 0.0, 2.5, 1e9])
def test_probabilities_are_finite(logit):
    assert probability(logit) == pytest.approx(1 / (1 + np.exp(-np.clip(logit, -60, 60))))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_scores_of_a_video_lie_within_those_of_its_frames(chances):
    found = {how: aggregate(chances, how) for how in ("mean", "median", "topk")}
    for one in found.values():
        assert min(chances) - 1e-9 <= one.low <= one.high <= max(chances) + 1e-9
        assert min(chances) - 1e-9 <= one.p_fake <= max(chances) + 1e-9
    assert found["topk"].p_fake >= found["mean"].p_fake - 1e-9
    assert found["mean"].p_fake == pytest.approx(np.mean(chances))


def test_topk_is_the_mean_of_the_highest_fifth():
    assert aggregate([0.1] * 8 + [0.7, 0.9], "topk").p_fake == pytest.approx(0.8)
