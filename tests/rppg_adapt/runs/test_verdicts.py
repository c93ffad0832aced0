"""The level of a verdict follows from errors and from how many pulses are reliable, and its words give the numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from vision_cli.core.command.console import Table
from vision_cli.core.report import MOST_PICTURES
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.evaluation.metrics import VideoScore
from vision_cli.rppg_adapt.runs.report import report_readings
from vision_cli.rppg_adapt.runs.verdicts import (
    level_of_change,
    level_of_error,
    verdict_on_adaptation,
    verdict_on_methods,
    verdict_on_readings,
    verdict_on_training,
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
def test_the_level_of_an_error_goes_by_its_size_and_by_how_many_videos_it_is_of(error, count, level):
    assert level_of_error(error, count) == level
    assert level_of_error(float("nan"), count) == "bad"


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [(8.0, 2.0, "good"), (2.0, 2.0, "good"), (2.0, 2.5, "caution"), (2.0, 3.1, "bad"), (30.0, 12.0, "bad")],
)
def test_an_error_that_grew_is_not_good(before, after, level):
    assert level_of_change(before, after, 10) == level


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
def test_readings_are_judged_by_how_many_pulses_are_reliable(entries, said, level):
    assert verdict_on_readings(entries) == (said, level)


@pytest.mark.parametrize(("truth", "level"), [(72.0, "good"), (76.0, "caution"), (81.0, "bad")])
def test_a_reading_far_from_the_true_rate_is_not_good(truth, level):
    said, found = verdict_on_readings([video("a", truth=truth)])
    assert said.endswith(f" The true rate is {truth:.1f} bpm, {truth - 70:.1f} bpm away.")
    assert found == level


def test_methods_are_judged_by_the_best_of_them():
    found = {"pos": scores(20, -20, 20, -20, 20), "net": scores(1, -1, 1, -1, 6)}
    said, level = verdict_on_methods(found, 5, "Greatest where light is low: 6.0 bpm.")
    assert said == (
        "Mean error 2.0 bpm over 5 videos, by net; pos 20.0. Greatest where light is low: 6.0 bpm. "
        "Up to 5 bpm is good, above 10 bpm is bad."
    )
    assert level == "good"


def test_windows_of_a_few_videos_are_few_videos():
    said, level = verdict_on_methods({"net": scores(1, 1, 1, 1, 1, 1)}, 1)
    assert said.startswith("Mean error 1.0 bpm over 6 windows of 1 video, by net. ")
    assert said.endswith(" So few videos (1) leave it uncertain.")
    assert level == "caution"


def test_a_training_is_compared_with_what_it_went_on_from():
    said, level = verdict_on_training(2.0, 0.875, 48)
    assert said.startswith("Mean error on the 48 held-out clips: 2.0 bpm; 88 % of them within 3 bpm. ")
    assert level == "good"
    said, level = verdict_on_training(4.0, 0.8, 48, before=2.0)
    assert said.startswith("Mean error on the 48 held-out clips: 2.0 bpm before, 4.0 bpm after; ")
    assert level == "bad"


def test_an_adaptation_is_compared_with_its_source():
    found = {"source": scores(*[8] * 6), "adapted": scores(*[2] * 6)}
    said, level = verdict_on_adaptation(found, kept_source=False, is_held_out=True)
    assert said.startswith("Mean error on the 6 held-out clips: 8.0 bpm before, 2.0 bpm after the adaptation. ")
    assert level == "good"
    assert verdict_on_adaptation(found, kept_source=False, is_held_out=False)[0].startswith(
        "Mean error on the 6 adapted-to clips: "
    )
    worse = {"source": found["adapted"], "adapted": found["source"]}
    assert verdict_on_adaptation(worse, kept_source=False, is_held_out=True)[1] == "bad"


def test_an_adaptation_that_kept_its_source_is_a_caution():
    same = {"source": scores(*[2] * 6), "adapted": scores(*[2] * 6)}
    said, level = verdict_on_adaptation(same, kept_source=True, is_held_out=True)
    assert said.startswith(
        "The source weights were kept: nothing adapted scored better without labels. "
        "Mean error on the 6 held-out clips: 2.0 bpm. "
    )
    assert level == "caution"


def test_an_adaptation_without_labels_has_no_level():
    found = verdict_on_adaptation({}, kept_source=False, is_held_out=True)
    assert found == ("No test clip has labels, so the error is not known.", "plain")


def test_the_doubtful_faces_are_shown_first_and_the_rest_is_counted(tmp_path):
    entries = [video(f"v{k}", reliable=k != 41) for k in range(MOST_PICTURES + 3)]
    with Run.open(tmp_path / "run", command="rppg-adapt predict", options={}) as run:
        pictures = {}
        for entry in entries:
            folder = run.directory / entry.id
            faces = [folder / "face-2", folder] if entry.id == "v41" else [folder]
            for place in faces:
                place.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (2, 2)).save(place / "report.png")
            pictures[entry.id] = [place / "report.png" for place in faces]
        report_readings(run, entries, Table(("video",), []), pictures)
        run.finish()
    page = Path(tmp_path / "run/report.html").read_text(encoding="utf-8")
    shown = re.findall(r'alt="([^"]+)"', page)
    assert shown[:4] == ["v41", "v41, face 2", "v0", "v1"]
    assert len(shown) == MOST_PICTURES
    assert "4 more pictures lie in the directory of the run." in page
