"""Scans that changed are scored again when a run is resumed."""

from __future__ import annotations

import pytest

from tests.pcd_anomaly.conftest import PLACED, rows_of, run
from vision_cli.io.points.ply import write_ply


@pytest.mark.slow
def test_a_scan_that_changed_is_scored_again_when_the_run_goes_on(files, tmp_path):
    scans = tmp_path / "scans"
    scans.mkdir()
    write_ply(scans / "a.ply", files.good)
    (scans / "b.ply").write_text("not yet")
    words = ("predict", files.run, scans, "-o", tmp_path / "out", *PLACED, "--save", "scores")
    assert run(*words) == 6
    before = rows_of(tmp_path / "out" / "results.csv")
    write_ply(scans / "a.ply", files.bad)
    write_ply(scans / "b.ply", files.good)
    assert run(*words, "--resume") == 0
    after = rows_of(tmp_path / "out" / "results.csv")
    assert float(after[0]["score"]) > float(before[0]["score"])
    assert float(after[1]["score"]) == pytest.approx(float(before[0]["score"]))
