"""Labels corrected by vote."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.evaluation.rectification import (
    UNLABELLED,
    flip_labels,
    onto_classes,
    rectification_measures,
    rectify,
)


def voter(*rows):
    return np.array(rows, dtype=np.float64)


def noisy_voter(true, classes, rng, right=0.95, sharpness=6.0):
    """Make a recogniser that is right so often, and surer where it is."""
    logits = rng.normal(0, 1, (len(true), classes))
    named = np.where(rng.random(len(true)) < right, true, rng.integers(0, classes, len(true)))
    logits[np.arange(len(true)), named] += sharpness
    chances = np.exp(logits)
    return chances / chances.sum(axis=1, keepdims=True)


def test_what_all_voters_confirm_stays_and_what_they_deny_becomes_the_mean():
    requested = np.array([0, 0, 0, 0])
    anno = voter([0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.5, 0.4, 0.1], [0.6, 0.3, 0.1])
    fer = voter([0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.45, 0.5, 0.05])
    found = rectify(requested, {"anno": anno, "fer": fer})
    assert found.labels.tolist() == [0, 1, 1, 0]
    assert found.sources == ("requested", "rectified", "rectified", "requested")
    assert found.agree.tolist() == [True, False, False, True]
    np.testing.assert_allclose(found.confidence, [0.7, 0.75, 0.6, 0.525])
    np.testing.assert_allclose(found.suspicion, 1 - (anno + fer)[:, 0] / 2)
    assert found.votes["fer"].tolist() == [0, 1, 1, 1]
    assert [found.count(source) for source in ("requested", "rectified", "dropped")] == [2, 2, 0]


def test_unsure_labels_are_dropped():
    found = rectify(np.array([0, 1]), {"anno": voter([0.6, 0.4], [0.1, 0.9])}, min_confidence=0.7)
    assert found.sources == ("dropped", "requested")


def test_a_trusted_request_needs_more_to_be_overruled():
    requested, anno = np.array([0, 0]), voter([0.4, 0.6], [0.01, 0.99])
    assert rectify(requested, {"anno": anno}).labels.tolist() == [1, 1]
    assert rectify(requested, {"anno": anno}, trust=0.85).labels.tolist() == [0, 1]


def test_trust_of_one_class_in_k_is_the_rule_of_the_paper():
    rng = np.random.default_rng(0)
    requested, anno = rng.integers(0, 5, 50), rng.dirichlet(np.ones(5), 50)
    plain, even = rectify(requested, {"a": anno}), rectify(requested, {"a": anno}, trust=1 / 5)
    np.testing.assert_array_equal(plain.labels, even.labels)


def test_faces_without_a_request_keep_none():
    found = rectify(np.array([UNLABELLED, 1]), {"anno": voter([0.9, 0.1], [0.9, 0.1])})
    assert found.labels.tolist() == [UNLABELLED, 0]
    assert found.sources == ("requested", "rectified")
    assert found.agree.tolist() == [False, False]
    assert found.predicted.tolist() == [0, 0]
    assert np.isnan(found.suspicion[0])
    assert found.confidence[0] == 0.9
    assert rectification_measures(np.array([0, 0]), np.array([UNLABELLED, 1]), found).faces == 1


def test_measures_count_repaired_spoiled_and_dropped():
    true = np.array([0, 0, 1, 1, 1])
    requested = np.array([0, 0, 0, 0, 0])
    anno = voter([0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.8, 0.2], [0.45, 0.55])
    found = rectify(requested, {"anno": anno}, min_confidence=0.6)
    measures = rectification_measures(true, requested, found)
    assert (measures.faces, measures.wrong) == (5, 3)
    assert measures.repaired == pytest.approx(1 / 3)
    assert measures.spoiled == 0.5
    assert (measures.dropped_wrong, measures.dropped_right) == (pytest.approx(1 / 3), 0)
    assert measures.flag_auroc == roc_auc_score(requested != true, 1 - anno[:, 0])


def test_good_voters_repair_and_do_not_spoil():
    """Fifteen labels of a hundred wrong, two independent voters that are right in 19 of 20 faces."""
    rng = np.random.default_rng(5)
    true = rng.integers(0, 7, 2000)
    requested = flip_labels(true, 0.15, 7, rng)
    voters = {name: noisy_voter(true, 7, rng) for name in ("anno", "fer")}
    measures = rectification_measures(true, requested, rectify(requested, voters, trust=0.85))
    plain = rectification_measures(true, requested, rectify(requested, voters))
    assert measures.flag_auroc > 0.95
    assert measures.repaired > 0.85
    assert measures.spoiled < plain.spoiled < 0.06


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(2, 8))
def test_flips_change_the_share_that_is_asked_for(seed, share, classes):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, 40)
    flipped = flip_labels(labels, share, classes, rng)
    assert (flipped != labels).sum() == round(share * 40)
    assert 0 <= flipped.min() <= flipped.max() < classes


def test_measures_without_wrong_labels_are_unknown():
    found = rectify(np.array([0]), {"anno": voter([0.9, 0.1])})
    measures = rectification_measures(np.array([0]), np.array([0]), found)
    assert np.isnan(measures.repaired)
    assert np.isnan(measures.flag_auroc)
    assert measures.spoiled == 0


def test_classes_of_another_order_and_number():
    found = onto_classes(voter([0.2, 0.3, 0.5], [0.0, 0.0, 1.0]), ("a", "b", "c"), ("b", "a"))
    np.testing.assert_allclose(found, [[0.6, 0.4], [0.5, 0.5]])
    with pytest.raises(InputError, match="a voter that knows a; b expected too"):
        onto_classes(voter([1.0]), ("a",), ("a", "b"))


@pytest.mark.parametrize(
    ("requested", "voters", "words"),
    [
        ([0], {}, "a vote of nobody"),
        ([0], {"a": voter([0.5, 0.5], [0.5, 0.5])}, r"a \(2, 2\); \(1, classes\)"),
        ([0], {"a": voter([0.5, 0.6])}, "a: numbers that are no probabilities"),
        ([0], {"a": voter([np.nan, 1])}, "a: numbers that are no probabilities"),
        ([2], {"a": voter([0.5, 0.5])}, "outside 0 to 1"),
    ],
)
def test_what_is_no_vote_is_refused(requested, voters, words):
    with pytest.raises(InputError, match=words):
        rectify(np.array(requested), voters)


def test_trust_is_a_share():
    with pytest.raises(InputError, match=r"trust of 1\.5"):
        rectify(np.array([0]), {"a": voter([0.5, 0.5])}, trust=1.5)
