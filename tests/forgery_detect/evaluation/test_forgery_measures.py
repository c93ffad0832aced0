"""Measures against scikit-learn, SciPy and a re-implementation of DeepfakeBench's metric."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from vision_cli.forgery_detect.evaluation.measures import (
    Scored,
    by_video,
    caught_at,
    cross_aucs,
    equal_error_rate,
    join_scored,
    mean_off_diagonal,
    measure,
    polarisation,
    resampled_auc,
)


def scored(labels, scores, videos=None, sources=None):
    names = tuple(map(str, range(len(labels))))
    return Scored(
        np.asarray(labels, np.int64), np.asarray(scores, float), tuple(videos or names), tuple(sources or names)
    )


def drawn(seed, count=200, shift=0.2, levels=None):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    scores = np.clip(rng.normal(0.4 + shift * labels, 0.2), 0, 1)
    return scored(labels, scores if levels is None else np.round(scores * levels) / levels)


@pytest.mark.parametrize("levels", [None, 5])
def test_measures_agree_with_scikit_learn(levels):
    found = drawn(0, levels=levels)
    result = measure(found, resamples=50)
    assert result.auc == pytest.approx(roc_auc_score(found.labels, found.scores))
    assert result.average_precision == pytest.approx(average_precision_score(found.labels, found.scores))
    assert result.accuracy == np.mean((found.scores >= 0.5) == found.labels)
    false_alarms, caught, _ = roc_curve(found.labels, found.scores, drop_intermediate=False)
    crossing = brentq(lambda x: 1 - x - np.interp(x, false_alarms, caught), 0, 1) if levels is None else None
    if crossing is not None:
        assert abs(result.eer - crossing) <= 1 / (found.labels == 0).sum()
    assert result.tpr_at_10 == caught[false_alarms <= 0.1].max()
    assert result.auc_low < result.auc < result.auc_high


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=2, max_size=40))
def test_the_equal_error_rate_lies_on_the_curve(pairs):
    labels, scores = np.array([a for a, _ in pairs]), np.array([b / 8 for _, b in pairs])
    rate = equal_error_rate(labels, scores)
    if len(set(labels.tolist())) < 2:
        assert math.isnan(rate)
        return
    false_alarms, caught, _ = roc_curve(labels, scores, drop_intermediate=False)
    # On the line through the corners the rates are equal: the curve passes (rate, 1 - rate).
    distances = []
    for x0, y0, x1, y1 in zip(false_alarms, caught, false_alarms[1:], caught[1:], strict=False):
        along = np.clip(
            ((rate - x0) * (x1 - x0) + (1 - rate - y0) * (y1 - y0)) / max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-12), 0, 1
        )
        distances.append(np.hypot(x0 + along * (x1 - x0) - rate, y0 + along * (y1 - y0) - 1 + rate))
    assert min(distances) < 1e-9


def test_perfect_and_inverted_scores_have_the_extreme_rates():
    assert equal_error_rate(np.array([0, 0, 1]), np.array([0.1, 0.2, 0.9])) == 0
    assert equal_error_rate(np.array([1, 1, 0]), np.array([0.1, 0.2, 0.9])) == 1
    assert caught_at(np.array([0, 0, 1]), np.array([0.1, 0.2, 0.9]), 0.01) == 1


@pytest.mark.parametrize("label", [0, 1])
def test_a_set_of_one_class_has_no_auc(label):
    result = measure(scored([label] * 4, [0.1, 0.6, 0.7, 0.8]))
    for name in ("auc", "auc_low", "average_precision", "eer", "eer_nearest", "tpr_at_1", "balanced_accuracy"):
        assert math.isnan(getattr(result, name)), name
    assert result.accuracy == (0.25 if label == 0 else 0.75)


def benchmark_metric(names, labels, scores):
    """Return video AUC and EER as DeepfakeBench has them: a video is the name of the folder of a frame."""
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        groups.setdefault(name.split("/")[-2], []).append(place)
    video_scores = [np.mean(scores[own]) for own in groups.values()]
    video_labels = [int(np.mean(labels[own])) for own in groups.values()]
    false_alarms, caught, _ = roc_curve(video_labels, video_scores)
    nearest = false_alarms[np.nanargmin(np.abs(1 - caught - false_alarms))]
    return roc_auc_score(video_labels, video_scores), nearest, len(groups)


def frames_of(kinds, unique, seed=0):
    """Draw the scores of 20 clips, real and manipulated in four ways, some of which are easy and some hopeless."""
    rng = np.random.default_rng(seed)
    names, labels, scores = [], [], []
    for kind, (label, shift) in kinds.items():
        for clip in range(20):
            folder = f"{clip:03}" if label == 0 else f"{clip:03}_{clip + 500:03}"
            folder = f"{kind}-{folder}" if unique else folder
            level = rng.normal(shift, 0.2)
            for frame in range(4):
                names.append(f"{kind}/{folder}/{frame}.png")
                labels.append(label)
                scores.append(1 / (1 + np.exp(-4 * (level + rng.normal(0, 0.1)))))
    return names, np.array(labels), np.array(scores)


KINDS = {"real": (0, 0.0), "DF": (1, 0.3), "F2F": (1, 0.0), "FS": (1, -0.1), "NT": (1, 0.05)}


def of_frames(names, labels, scores):
    return by_video(scored(labels, scores, [name.rsplit("/", 1)[0] for name in names]))


def test_video_measures_are_those_of_deepfakebench_where_folders_have_unique_names():
    names, labels, scores = frames_of(KINDS, unique=True)
    expected = benchmark_metric(names, labels, scores)
    ours = measure(of_frames(names, labels, scores), resamples=0)
    assert (ours.auc, ours.eer_nearest) == pytest.approx(expected[:2], abs=1e-9)
    assert ours.reals + ours.fakes == expected[2] == 100


def test_every_video_counts_where_folders_share_their_name():
    names, labels, scores = frames_of(KINDS, unique=False)
    wrong_auc, _, counted = benchmark_metric(names, labels, scores)
    ours = measure(of_frames(names, labels, scores), resamples=0)
    assert (counted, ours.reals, ours.fakes) == (40, 20, 80)
    same = measure(of_frames(*frames_of(KINDS, unique=True)), resamples=0)
    assert ours.auc == pytest.approx(same.auc, abs=1e-12)
    # Averaging four manipulations of a clip hides those that are missed.
    assert wrong_auc > ours.auc + 0.03


def test_frames_of_a_video_are_aggregated():
    frames = scored([1, 1, 1, 1, 0], [0.0, 0.1, 0.2, 0.9, 0.4], ["a"] * 4 + ["b"])
    for how, value in (("mean", 0.3), ("median", 0.15), ("topk", 0.9)):
        videos = by_video(frames, how)
        assert videos.scores == pytest.approx([value, 0.4])
        assert (videos.labels.tolist(), videos.videos) == ([1, 0], ("a", "b"))
    with pytest.raises(ValueError, match="video a has real and fake frames"):
        by_video(scored([0, 1], [0.1, 0.2], ["a", "a"]))


def test_the_interval_is_over_sources():
    one = drawn(1, 60)
    again = scored(np.tile(one.labels, 10), np.tile(one.scores, 10), None, one.sources * 10)
    alike = scored(again.labels, again.scores)
    low, high = resampled_auc(again, 400, 0).interval()
    narrow_low, narrow_high = resampled_auc(alike, 400, 0).interval()
    assert resampled_auc(one, 400, 0).interval() == pytest.approx((low, high))
    assert high - low > 2 * (narrow_high - narrow_low)


def test_resamples_are_weighted_as_scikit_learn_weighs():
    found = drawn(2, 50, levels=6)
    samples = resampled_auc(found, 5, 3).samples
    from vision_cli.metrics.resampling import image_resamples

    expected = [roc_auc_score(found.labels, found.scores, sample_weight=w) for w in image_resamples(50, 5, 3)]
    assert samples == pytest.approx(expected)


def test_reals_of_one_set_are_compared_with_fakes_of_another():
    easy = scored([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4])
    shifted = scored([0, 0, 1, 1], [0.6, 0.7, 0.8, 0.9])
    table = cross_aucs({"a": easy, "b": shifted, "c": scored([1], [0.5])})
    assert np.array_equal(table, [[1, 1, 1], [0, 1, 0], [math.nan] * 3], equal_nan=True)
    assert mean_off_diagonal(table) == 0.5
    assert math.isnan(mean_off_diagonal(np.ones((1, 1))))
    assert polarisation(easy) == pytest.approx(0.2)
    assert math.isnan(polarisation(scored([1], [0.5])))
    assert measure(join_scored([easy, shifted]), resamples=0).auc == 0.75


def test_scores_that_are_no_probabilities_are_refused():
    for scores in ([0.1, 1.2], [0.1, math.nan]):
        with pytest.raises(ValueError, match="outside 0 to 1"):
            scored([0, 1], scores)
    with pytest.raises(ValueError, match="as many of each"):
        Scored(np.array([0]), np.array([0.1, 0.2]), ("a",), ("a",))
    with pytest.raises(ValueError, match="no scores"):
        measure(scored([], []))
