"""The document of a scan is read as it was written."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np

from vision_cli.core.runs import files
from vision_cli.core.runs.journal import Entry
from vision_cli.pcd_anomaly.runs.documents import ScanDocument, read_document, read_scans, write_document
from vision_cli.pcd_anomaly.scoring.regions import Region

REGION = Region(1, 40, 2.5, (1.0, 2.0, 3.0), 4.0, 1.0, math.nan, math.nan, "unknown", 9.5)
POSE = np.array([[0.0, -1, 0, 0.1], [1, 0, 0, 1 / 3], [0, 0, 1, -7e-9], [0, 0, 0, 1]])
DOCUMENT = ScanDocument(
    *("cast/a", 9.1, math.nan, 2.0, "undetermined", 8.9, 3, 0, math.nan, "failed", 0.4, 0.1, 0.2, math.nan, 0.01),
    POSE,
    (REGION,),
)


class Directory:
    """Writes files as a run does."""

    def __init__(self, path):
        self.path = path

    def write_json(self, name, document):
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        files.write_json(self.path / name, document)


def test_a_document_is_read_back_with_its_pose_and_unknown_numbers(tmp_path):
    write_document(Directory(tmp_path), DOCUMENT)
    found = read_document(tmp_path, "cast/a")
    assert np.array_equal(found.scan_to_reference, POSE)
    assert math.isnan(found.p_value)
    assert math.isnan(found.rmse)
    assert (found.decision, found.status, found.n_outliers) == ("undetermined", "failed", 0)
    (region,) = found.regions
    assert region.row("cast/a") == REGION.row("cast/a")


def test_numbers_that_are_unknown_are_null_in_the_file(tmp_path):
    write_document(Directory(tmp_path), DOCUMENT)
    content = json.loads((tmp_path / "scores" / "cast" / "a.json").read_text())
    assert content["outliers"] == {"n_points": 0, "median_distance": None}
    assert content["regions"][0]["max_signed_dev"] is None
    assert "bends" not in content


def test_failed_scans_have_no_document(tmp_path):
    write_document(Directory(tmp_path), DOCUMENT)
    entries = [Entry("cast/a", 0, {"score": 9.1}), Entry("cast/b", 1, {}, "no points found.")]
    first, second = read_scans(SimpleNamespace(home_of=lambda entry: tmp_path), entries)
    assert first.document.score == 9.1
    assert second.document is None
