"""The report of predict shows faces without a reliable pulse first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from vision_cli.core.command.console import Table
from vision_cli.core.report import MOST_PICTURES
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.runs.report import report_predictions


def video(name, bpm=70.0, *, reliable=True, error=None, truth=None):
    if error is not None:
        return Entry(name, 0, {}, error)
    row = {"hr_bpm": bpm, "hr_low_bpm": bpm - 1, "hr_high_bpm": bpm + 1, "reliable": reliable, "method": "net"}
    row |= {"quality": 0.9 if reliable else 0.2, "frames": 300}
    if truth is not None:
        row |= {"true_bpm": truth, "error_bpm": bpm - truth}
    return Entry(name, 0, row)


def test_faces_without_a_reliable_pulse_come_first_and_the_rest_is_counted(tmp_path):
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
        report_predictions(run, entries, Table(("video",), []), pictures)
        run.finish()
    page = Path(tmp_path / "run/report.html").read_text(encoding="utf-8")
    shown = re.findall(r'alt="([^"]+)"', page)
    assert shown[:4] == ["v41, not reliable", "v41, face 2", "v0", "v1"]
    assert len(shown) == MOST_PICTURES
    assert "4 more pictures lie in the directory of the run." in page


@pytest.mark.parametrize(
    ("entries", "shown"),
    [
        ([video("a", 66.04)], "66.0 bpm"),
        ([video("a", 66.04, reliable=False)], "66.0 bpm, not reliable"),
        ([video("a", 66.04), video("b", 80.0), video("c", 190, reliable=False)], "66.0 to 80.0 bpm"),
        ([video("a", 190, reliable=False), video("c", error="empty")], "none reliable"),
    ],
)
def test_the_summary_begins_with_the_rates(tmp_path, entries, shown):
    with Run.open(tmp_path / "run", command="rppg-adapt predict", options={}) as run:
        report_predictions(run, entries, Table(("video",), []), {})
        run.finish()
    page = Path(tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert re.search(rf"heart rates?</\w+>\s*<\w+[^>]*>{re.escape(shown)}<", page)
