"""Measures of episodes against a reference, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vision_cli.fewshot_seg.evaluation.episodes import Episode
from vision_cli.fewshot_seg.evaluation.measures import (
    MEASURES,
    SCORE_COLUMNS,
    difference,
    mean_over_sets,
    measure_sets,
    score_episode,
    weighted_auroc,
)
from vision_cli.fewshot_seg.values import Support


def episode(number, class_name, is_present=True, set_name="pets"):
    query_class = class_name if is_present else "other"
    return Episode(f"{set_name}-{number}", set_name, class_name, "q", ("s",), 0, set_name, query_class)


def random_scores(count, seed=0, set_name="pets", flip=0.2):
    """Score random masks of three classes; every fourth query is absent. Return scores and masks."""
    rng = np.random.default_rng(seed)
    scores, masks = [], []
    for number in range(count):
        is_present = number % 4 != 3
        truth = (rng.random((9, 11)) < rng.choice([0.0, 0.4, 0.9])) & is_present
        predicted = truth ^ (rng.random((9, 11)) < flip)
        ignored = rng.random((9, 11)) < 0.1 if number % 2 else None
        query = Support("q", np.zeros((9, 11, 3), dtype=np.uint8), truth, ignored)
        one = episode(number, "abc"[number % 3], is_present, set_name)
        scores.append(score_episode(one, query, predicted, float(np.round(rng.random() + is_present, 1))))
        masks.append((one.class_name, predicted, truth, np.zeros((9, 11), bool) if ignored is None else ignored))
    return scores, masks


def test_measures_equal_a_plain_reference():
    scores, masks = random_scores(60)
    present = [mask for score, mask in zip(scores, masks, strict=True) if score.episode.is_present]
    per_class, single, back = {}, [], [0, 0]
    for name, predicted, truth, ignored in present:
        p, t = predicted[~ignored], truth[~ignored]
        inter, union = (p & t).sum(), (p | t).sum()
        per_class.setdefault(name, []).append((inter, union))
        single.append(inter / union if union else 1.0)
        back[0] += (~p & ~t).sum()
        back[1] += (~p | ~t).sum()
    sums = {name: np.sum(found, axis=0) for name, found in per_class.items()}
    front = np.sum(list(sums.values()), axis=0)
    (found,) = measure_sets(scores, resamples=50)
    values = {name: one.value for name, one in found.overall.values.items()}
    assert set(values) == set(MEASURES)
    assert values["miou"] == pytest.approx(np.mean([inter / union for inter, union in sums.values()]))
    assert values["fb_iou"] == pytest.approx((front[0] / front[1] + back[0] / back[1]) / 2)
    assert values["mean_iou"] == pytest.approx(np.mean(single))
    labels = [score.episode.is_present for score in scores]
    assert values["presence_auroc"] == pytest.approx(roc_auc_score(labels, [score.presence for score in scores]))
    for name, (inter, union) in sums.items():
        assert found.classes[name].values["miou"].value == pytest.approx(inter / union)
    assert (found.overall.episodes, found.overall.absent) == (45, 15)


def test_intervals_hold_the_value_and_shrink_with_more_episodes():
    widths = []
    for count in (40, 640):
        (found,) = measure_sets(random_scores(count)[0], resamples=300)
        for name, one in found.overall.values.items():
            low, high = one.interval()
            assert low <= one.value <= high, name
        low, high = found.overall.values["mean_iou"].interval()
        widths.append(high - low)
    assert widths[1] < widths[0] / 2.5


def test_perfect_predictions_are_perfect_with_no_spread():
    (found,) = measure_sets(random_scores(24, flip=0.0)[0], resamples=20)
    for name in ("miou", "fb_iou", "mean_iou", "dice"):
        assert found.overall.values[name].interval() == (1.0, 1.0)


def test_resamples_keep_the_episodes_of_each_class_and_pair_methods():
    better, worse = random_scores(40, flip=0.1)[0], random_scores(40, flip=0.3)[0]
    (first,), (second,) = (measure_sets(scores, resamples=200, seed=5) for scores in (better, worse))
    gain = difference(first.overall.values["mean_iou"], second.overall.values["mean_iou"])
    low, high = gain.interval()
    assert 0 < low < gain.value < high
    (again,) = measure_sets(better, resamples=200, seed=5)
    np.testing.assert_array_equal(again.overall.values["mean_iou"].samples, first.overall.values["mean_iou"].samples)


def test_sets_count_once_in_their_mean():
    scores = random_scores(40)[0] + random_scores(8, seed=1, set_name="air", flip=0.0)[0]
    sets = measure_sets(scores, resamples=50)
    assert [one.name for one in sets] == ["pets", "air"]
    mean = mean_over_sets(sets, "mean_iou")
    assert mean.value == pytest.approx((sets[0].overall.values["mean_iou"].value + 1) / 2)
    with pytest.raises(ValueError, match="no sets"):
        mean_over_sets([], "mean_iou")


def test_a_set_of_absent_queries_alone_has_no_overlap():
    scores = [score for score in random_scores(40)[0] if not score.episode.is_present]
    (found,) = measure_sets(scores, resamples=10)
    assert all(np.isnan(one.value) for one in found.overall.values.values())
    assert found.overall.episodes == 0


def test_rows_name_what_they_hold():
    scores = random_scores(12)[0]
    assert all(len(score.row()) == len(SCORE_COLUMNS) for score in scores)
    row = dict(zip(SCORE_COLUMNS, scores[0].row(), strict=True))
    assert row["iou"] == pytest.approx(row["intersection"] / row["union"])
    (found,) = measure_sets(scores, resamples=10)
    rows = found.rows()
    assert len(rows) == 4 * len(MEASURES)
    assert rows[0][:3] == ("pets", "all", "miou")


def test_weighted_auroc_equals_that_of_repeated_items():
    rng = np.random.default_rng(0)
    labels, scores = rng.random(30) < 0.4, np.round(rng.random(30), 1)
    weights = rng.integers(0, 4, (20, 30))
    expected = [roc_auc_score(np.repeat(labels, row), np.repeat(scores, row)) for row in weights]
    np.testing.assert_allclose(weighted_auroc(labels, scores, weights), expected)
    assert np.isnan(weighted_auroc(labels, scores, weights * labels)).all()
