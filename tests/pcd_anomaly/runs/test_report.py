"""Tables of a run: a row a scan with its pose, a row a region."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tests.pcd_anomaly.runs.test_documents import DOCUMENT
from vision_cli.core.runs.journal import Entry
from vision_cli.pcd_anomaly.runs.documents import FinishedScan
from vision_cli.pcd_anomaly.runs.report import REGIONS, RESULT_COLUMNS, RESULTS, counts_of, write_tables

ROW = {"class": "cast", "sample": "a", "score": 9.1, "decision": "undetermined", "reg_status": "failed"}
ENTRIES = [Entry("cast/a", 0, ROW), Entry("cast/b", 1, {}, "no points found.")]


@pytest.fixture
def tables(tmp_path):
    written = {}
    run = SimpleNamespace(write_csv=lambda name, columns, rows: written.update({name: (columns, list(rows))}))
    scans = [FinishedScan(ENTRIES[0], tmp_path, DOCUMENT), FinishedScan(ENTRIES[1], tmp_path, None)]
    write_tables(run, scans, regions=True)
    return written


def test_a_scored_scan_has_its_pose_and_a_failed_one_its_error(tables):
    columns, (scored, failed) = tables[RESULTS]
    assert columns == RESULT_COLUMNS
    first, second = (dict(zip(columns, row, strict=True)) for row in (scored, failed))
    pose = [first[f"T{r}{c}"] for r in range(3) for c in range(4)]
    assert np.array_equal(pose, DOCUMENT.scan_to_reference[:3].ravel())
    assert (second["class"], second["sample"], second["T00"], second["error"]) == (
        "cast",
        "b",
        None,
        "no points found.",
    )


def test_every_region_has_a_row_and_unknown_deviations_are_empty(tables):
    columns, (row,) = tables[REGIONS]
    region = dict(zip(columns, row, strict=True))
    assert (region["sample"], region["region"], region["max_signed_dev"]) == ("cast/a", 1, None)


def test_decisions_and_statuses_are_counted():
    counts = counts_of(ENTRIES)
    assert counts["n_scans"] == counts["n_undetermined"] == counts["n_reg_failed"] == counts["n_failures"] == 1
    assert counts["n_anomalous"] == counts["n_reg_weak"] == 0
