"""What scores come to, against scikit-learn and by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

from vision_cli.forgery_detect.evaluation.results import (
    ALL,
    DetectorScores,
    ScoredMedium,
    domain_matrix,
    frames_of,
    is_unseen,
    mean_measures,
    results_of,
    set_matrix,
    test_sets,
    trial_matrices,
    verdict_shares,
)
from vision_cli.forgery_detect.pipeline.verdicts import DecisionRule
from vision_cli.forgery_detect.values import Medium

test_sets.__test__ = False


def medium(name, label, *, generator="", domain="a", video=""):
    return Medium(Path(name), name, label, domain=domain, generator=generator, video=video)


def drawn(seed, count=40, *, frames=1):
    """Draw media of two generators in two data sets; fakes score higher."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        label = number % 2
        generator = ("gan", "diffusion")[number // 2 % 2] if label else ""
        chances = np.clip(rng.normal(0.45 + 0.15 * label, 0.2, frames), 0, 1)
        one = medium(f"{number:03}", label, generator=generator, domain="ab"[number // 20 % 2])
        found.append(ScoredMedium(one, tuple(chances.tolist())))
    return found


def scores_of(media, band=0.1, detector="x", trained_on=""):
    return DetectorScores(detector, trained_on, band, tuple(media), test_sets([one.medium for one in media]))


def test_test_sets_are_all_each_generator_with_all_reals_and_each_data_set():
    media = drawn(0)
    sets = test_sets([one.medium for one in media])
    assert list(sets) == [ALL, "generator diffusion", "generator gan", "set a", "set b"]
    assert len(sets[ALL]) == 40
    for name in ("gan", "diffusion"):
        own = [media[place].medium for place in sets[f"generator {name}"]]
        assert sum(one.label == 0 for one in own) == 20
        assert {one.generator for one in own if one.label} == {name}
    assert set(sets["set a"]) == set(range(20))
    # One generator in one data set is all media again.
    assert list(test_sets([medium("r", 0), medium("f", 1, generator="gan")])) == [ALL]


def test_results_of_each_test_set_are_those_of_scikit_learn():
    scores = scores_of(drawn(1))
    results = results_of(scores, levels=["frame"], aggregation="mean", resamples=0, seed=0)
    assert [one.test_set for one in results] == list(scores.tests)
    for result in results:
        own = [scores.media[place] for place in scores.tests[result.test_set]]
        labels, values = [one.medium.label for one in own], [one.chances[0] for one in own]
        assert result.measures.auc == pytest.approx(roc_auc_score(labels, values))
        assert result.measures.average_precision == pytest.approx(average_precision_score(labels, values))
        assert result.measures.accuracy == accuracy_score(labels, np.array(values) >= 0.5)


def test_every_video_counts_once_and_by_its_own_key():
    media = drawn(2, frames=5)
    scores = scores_of(media)
    frame, video = results_of(scores, levels=["frame", "video"], aggregation="median", resamples=0, seed=0)[:2]
    assert (frame.measures.reals, video.measures.reals) == (100, 20)
    labels = [one.medium.label for one in media]
    assert video.measures.auc == pytest.approx(roc_auc_score(labels, [np.median(one.chances) for one in media]))
    assert frame.measures.auc == pytest.approx(
        roc_auc_score(np.repeat(labels, 5), [c for m in media for c in m.chances])
    )
    # Pictures that are frames of a video are one.
    frames = [ScoredMedium(medium(f"{n}", n // 4, video="ab"[n // 4]), (0.1 * n,)) for n in range(8)]
    joined = results_of(scores_of(frames), levels=["video"], aggregation="mean", resamples=0, seed=0)[0]
    assert (joined.measures.reals, joined.measures.fakes, joined.measures.auc) == (1, 1, 1)
    assert len(set(frames_of(frames).videos)) == 2


def test_labels_without_meaning_give_an_area_near_a_half_within_its_interval():
    rng = np.random.default_rng(3)
    media = [
        ScoredMedium(medium(f"{n}", int(label)), (float(chance),))
        for n, (label, chance) in enumerate(zip(rng.integers(0, 2, 600), rng.random(600), strict=True))
    ]
    (found,) = results_of(scores_of(media), levels=["video"], aggregation="mean", resamples=200, seed=0)
    assert found.measures.auc == pytest.approx(0.5, abs=0.06)
    assert found.measures.auc_low < 0.5 < found.measures.auc_high


def test_one_class_has_no_area_and_an_empty_set_no_result():
    reals = DetectorScores("x", "", 0.0, (ScoredMedium(medium("r", 0), (0.2,)),), {ALL: (0,), "none": ()})
    (found,) = results_of(reals, levels=["frame"], aggregation="mean", resamples=10, seed=0)
    assert (found.test_set, found.measures.reals, found.measures.accuracy) == (ALL, 1, 1)
    assert math.isnan(found.measures.auc)
    assert math.isnan(found.measures.eer)
    assert math.isnan(found.shares.fake_called_fake)


def test_shares_of_verdicts_are_counted_by_class():
    media = [
        ScoredMedium(medium(f"{n}", n // 4), (c,)) for n, c in enumerate([0.1, 0.45, 0.55, 0.9, 0.2, 0.5, 0.7, 0.8])
    ]
    shares = verdict_shares(frames_of(media), DecisionRule(0.5, 0.1))
    assert (shares.real_called_fake, shares.real_uncertain) == (0.25, 0.5)
    assert (shares.fake_called_fake, shares.fake_uncertain) == (0.5, 0.25)


def test_a_shift_between_data_sets_shows_beside_the_diagonal():
    shift = {"a": 0.0, "b": 0.5}
    media = [
        ScoredMedium(medium(f"{domain}{n}", n % 2, domain=domain), (0.1 + 0.2 * (n % 2) + shift[domain],))
        for domain in "ab"
        for n in range(10)
    ]
    matrix = domain_matrix(scores_of(media), "frame", "mean")
    assert (matrix.rows, matrix.columns) == (("a", "b"), ("a", "b"))
    assert np.array_equal(matrix.values, [[1, 1], [0, 1]])
    assert domain_matrix(scores_of(media[:10]), "frame", "mean") is None


def test_matrices_hold_the_areas_by_training_and_test():
    results = []
    for method in ("erm", "linear"):
        for trained in ("gan", "diffusion"):
            scores = scores_of(drawn(len(results)), detector=method, trained_on=trained)
            results += results_of(scores, levels=["frame", "video"], aggregation="mean", resamples=20, seed=0)
    first, second = trial_matrices(results, "video")
    assert (first.detector, second.detector, first.rows) == ("erm", "linear", ("gan", "diffusion"))
    cell = next(one for one in results if (one.detector, one.trained_on, one.test_set) == ("linear", "diffusion", ALL))
    place = second.rows.index("diffusion"), second.columns.index(ALL)
    assert (second.values[place], second.low[place]) == (cell.measures.auc, cell.measures.auc_low)
    both = set_matrix([one for one in results if one.trained_on == "gan"], "frame")
    assert (both.rows, both.columns) == (("erm", "linear"), first.columns)
    assert set_matrix([one for one in results if one.test_set == ALL], "frame") is None
    means = mean_measures(results)
    assert means["auc"] == pytest.approx(np.mean([one.measures.auc for one in results]))


def test_what_the_training_had_nothing_of():
    assert is_unseen("cross-generator", "gan", "diffusion")
    assert not is_unseen("cross-dataset", "a", "a")
    assert is_unseen("lodo", "without a", "a")
    assert not is_unseen("lodo", "without a", "b")
    assert is_unseen("within", "", ALL)
    assert not is_unseen("within", "", "generator gan")
