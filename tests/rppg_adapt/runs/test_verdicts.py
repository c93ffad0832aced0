"""Levels follow from errors and from the number of reliable pulses, and sentences give the numbers."""

from __future__ import annotations

import pytest

from vision_cli.core.runs.journal import Entry
from vision_cli.rppg_adapt.evaluation.metrics import VideoScore
from vision_cli.rppg_adapt.runs.verdicts import (
    adaptation_verdict,
    change_level,
    error_level,
    evaluation_verdict,
    prediction_verdict,
    training_verdict,
)


def video(name, bpm=70.0, *, reliable=True, error=None, truth=None):
    if error is not None:
        return Entry(name, 0, {}, error)
    row = {"hr_bpm": bpm, "hr_low_bpm": bpm - 1, "hr_high_bpm": bpm + 1, "reliable": reliable, "method": "net"}
    row |= {"quality": 0.9 if reliable else 0.2, "frames": 300}
    if truth is not None:
        row |= {"true_bpm": truth, "error_bpm": bpm - truth}
    return Entry(name, 0, row)


def scores(*errors, true=70.0):
    return [VideoScore(true + error, true, 0.0, 1.0) for error in errors]


@pytest.mark.parametrize(
    ("error", "count", "level"),
    [(5.0, 5, "good"), (5.1, 5, "caution"), (0.1, 4, "caution"), (10.0, 50, "caution"), (10.1, 50, "bad")],
)
def test_the_level_of_an_error_follows_from_its_size_and_the_number_of_videos(error, count, level):
    assert error_level(error, count) == level
    assert error_level(float("nan"), count) == "bad"


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [(8.0, 2.0, "good"), (2.0, 2.0, "good"), (2.0, 2.5, "caution"), (2.0, 3.1, "bad"), (30.0, 12.0, "bad")],
)
def test_an_error_that_grew_is_not_good(before, after, level):
    assert change_level(before, after, 10) == level


@pytest.mark.parametrize(
    ("entries", "said", "level"),
    [
        ([video("a", 52.7), video("b", 78.1)], "2 of 2 videos have a reliable pulse: 52.7 to 78.1 bpm.", "good"),
        (
            [video("a", 52.7), video("b", 190, reliable=False), video("c", 78.1), video("d", 60)],
            "3 of 4 videos have a reliable pulse: 52.7 to 78.1 bpm.",
            "caution",
        ),
        (
            [video("a"), video("b", error="empty file found.")],
            "1 of 2 videos has a reliable pulse: 70.0 bpm. 1 could not be read.",
            "caution",
        ),
        (
            [video("a", reliable=False), video("b", error="empty file found.")],
            "None of 2 videos have a reliable pulse. 1 could not be read.",
            "bad",
        ),
        ([video("a")], "a: 70.0 bpm, 95 % interval 69.0 to 71.0, a reliable pulse of quality 0.90.", "good"),
        (
            [video("a", reliable=False)],
            "a: 70.0 bpm, 95 % interval 69.0 to 71.0. No reliable pulse: quality 0.20 found, 0.5 or more expected.",
            "bad",
        ),
        ([video("a", error="empty file found.")], "a could not be read.", "bad"),
        ([], "There was no video to read.", "plain"),
    ],
)
def test_the_level_of_predictions_follows_from_the_number_of_reliable_pulses(entries, said, level):
    assert prediction_verdict(entries) == (said, level)


def test_a_rhythm_that_is_not_of_blood_is_the_reason_although_the_quality_is_high():
    entry = video("a", reliable=False)
    entry.row["quality"] = 0.9
    said, level = prediction_verdict([entry])
    assert said.endswith("No reliable pulse: the colours of the skin do not change as by blood.")
    assert level == "bad"


@pytest.mark.parametrize(("truth", "level"), [(72.0, "good"), (76.0, "caution"), (81.0, "bad")])
def test_a_rate_far_from_the_true_one_is_not_good(truth, level):
    said, found = prediction_verdict([video("a", truth=truth)])
    assert said.endswith(f" The true rate is {truth:.1f} bpm, {truth - 70:.1f} bpm away.")
    assert found == level


def test_the_level_of_methods_is_that_of_the_best():
    found = {"pos": scores(20, -20, 20, -20, 20), "net": scores(1, -1, 1, -1, 6)}
    said, level = evaluation_verdict(found, 5, "Greatest where light is low: 6.0 bpm.")
    assert said == (
        "Mean error 2.0 bpm over 5 videos, by net; pos 20.0. Greatest where light is low: 6.0 bpm. "
        "Up to 5 bpm is good, above 10 bpm is bad."
    )
    assert level == "good"


def test_windows_of_a_few_videos_are_few_videos():
    said, level = evaluation_verdict({"net": scores(1, 1, 1, 1, 1, 1)}, 1)
    assert said.startswith("Mean error 1.0 bpm over 6 windows of 1 video, by net. ")
    assert said.endswith(" So few videos (1) leave it uncertain.")
    assert level == "caution"


def test_a_training_is_compared_with_the_weights_that_it_started_from():
    said, level = training_verdict(2.0, 0.875, 48)
    assert said.startswith("Mean error on the 48 held-out clips: 2.0 bpm; 88 % of them within 3 bpm. ")
    assert level == "good"
    said, level = training_verdict(4.0, 0.8, 48, before=2.0)
    assert said.startswith("Mean error on the 48 held-out clips: 2.0 bpm before, 4.0 bpm after; ")
    assert level == "bad"


def test_an_adaptation_is_compared_with_its_source():
    found = {"source": scores(*[8] * 6), "adapted": scores(*[2] * 6)}
    said, level = adaptation_verdict(found, reason_to_keep=None, is_held_out=True)
    assert said.startswith("Mean error on the 6 held-out clips: 8.0 bpm before, 2.0 bpm after the adaptation. ")
    assert level == "good"
    assert adaptation_verdict(found, reason_to_keep=None, is_held_out=False)[0].startswith(
        "Mean error on the 6 adapted-to clips: "
    )
    worse = {"source": found["adapted"], "adapted": found["source"]}
    assert adaptation_verdict(worse, reason_to_keep=None, is_held_out=True)[1] == "bad"


def test_an_adaptation_that_kept_its_source_is_a_caution():
    same = {"source": scores(*[2] * 6), "adapted": scores(*[2] * 6)}
    said, level = adaptation_verdict(same, reason_to_keep="5 clips are few", is_held_out=True)
    assert said.startswith(
        "The source weights were kept: 5 clips are few. Mean error on the 6 held-out clips: 2.0 bpm. "
    )
    assert level == "caution"


def test_an_adaptation_without_labels_has_no_level():
    found = adaptation_verdict({}, reason_to_keep=None, is_held_out=True)
    assert found == ("No test clip has labels, so the error is not known.", "plain")
