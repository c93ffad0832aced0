"""The tables of `predict` have a row per video, with the error of those that failed."""

from __future__ import annotations

import pytest

from tests.rppg_adapt.conftest import read_rows
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.runs.predict_tables import COLUMNS, finish, predictions_document, predictions_table

VALUES = (72.5, 70.0, 75.0, 0.9, True, "pos", 3.0, 30.0, 300, 1.0)


@pytest.fixture
def entries():
    good = Entry("a", 0, dict(zip(COLUMNS, VALUES, strict=True)) | {"true_bpm": 72.0})
    return [good, Entry("b", 1, {}, "empty file found.")]


def test_the_printed_table_has_the_videos_without_an_error(entries):
    assert predictions_table(entries).rows == [("a", "72.5", "70.0 to 75.0", "0.90", "yes", "pos")]


def test_the_document_has_all_videos(entries):
    first, second = predictions_document(entries)["videos"]
    assert (first["video"], first["hr_bpm"], first["error"]) == ("a", 72.5, None)
    assert second == {"video": "b", "error": "empty file found."}


def test_predictions_have_extra_columns_and_errors(entries, tmp_path):
    with Run.open(tmp_path / "run", command="rppg-adapt predict", options={"pictures": False}) as run:
        finish(run, entries)
        run.finish()
    first, second = read_rows(tmp_path / "run/predictions.csv")
    assert list(first) == ["video", *COLUMNS, "true_bpm", "error"]
    assert float(first["true_bpm"]) == 72
    assert (second["hr_bpm"], second["error"]) == ("", "empty file found.")
