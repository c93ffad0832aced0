"""Tables of a measured run, and fused scores of a run on disk."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import sphere
from tests.pcd_anomaly.runs.test_documents import DOCUMENT
from vision_cli.core.runs import files
from vision_cli.core.runs.journal import Entry
from vision_cli.io.points.ply import write_ply
from vision_cli.pcd_anomaly.data.layouts import Sample
from vision_cli.pcd_anomaly.data.scans import load_scan
from vision_cli.pcd_anomaly.evaluation.ablation import ABLATION_STEPS
from vision_cli.pcd_anomaly.evaluation.measures import COLUMNS
from vision_cli.pcd_anomaly.evaluation.pose_truth import PoseTruth
from vision_cli.pcd_anomaly.options import OURS, EvaluationOptions
from vision_cli.pcd_anomaly.registration.targets import make_target
from vision_cli.pcd_anomaly.runs import measuring
from vision_cli.pcd_anomaly.runs.documents import SCORES, FinishedScan
from vision_cli.pcd_anomaly.runs.measuring import MEASURED, measures_tables

LEAD = ("o_auroc_lead", "o_auroc_lead_low", "o_auroc_lead_high")
COLUMNS_OF_ALL = ("method", *COLUMNS, *LEAD)


def write(directory, values):
    """Write measures of a class and of the mean, where a measure is not given it is missing."""
    rows = [
        [{"method": method, "class": name, **measures}.get(column) for column in COLUMNS_OF_ALL]
        for method, measures in values.items()
        for name in ("=cast", "mean")
    ]
    (directory / MEASURED).write_text(files.csv_text(COLUMNS_OF_ALL, rows), encoding="utf-8")


def test_measures_and_leads_are_read_as_numbers(tmp_path):
    write(tmp_path, {OURS: {"o_auroc": 0.9, "n_good": 4}, "c2plane": {"o_auroc": 0.8, "o_auroc_lead": 0.1}})
    measures, leads = measures_tables(tmp_path)
    first = dict(zip(measures.columns, measures.rows[0], strict=True))
    assert (first["class"], first["o_auroc"], first["n_good"], first["p_auroc"]) == ("=cast", 0.9, 4, None)
    assert leads.rows == [["c2plane", 0.1, None, None]]


def test_the_ladder_has_its_bars_and_one_that_was_not_measured(tmp_path):
    steps = {name: {"o_auroc": 0.5 + 0.1 * number} for number, name in enumerate((*ABLATION_STEPS, OURS))}
    write(tmp_path, {OURS: steps[OURS], **steps})
    *_, bars = measures_tables(tmp_path)
    assert bars.rows[0][2] == pytest.approx(0.5)
    assert [row[3] for row in bars.rows] == ["yes", "not measured", "yes"]


def finished(directory, position, *, is_right):
    """Write the scores of a scan of a sphere and return it with its sample; defective points score higher."""
    name = str(position)
    points = sphere(400, seed=position).points
    labels = (points[:, 2] > 0.8) & (position == 1)
    write_ply(directory / f"{name}.ply", points)
    (directory / f"{name}.txt").write_text("\n".join(str(int(one)) for one in labels))
    (directory / SCORES / "ball").mkdir(parents=True, exist_ok=True)
    np.save(directory / SCORES / "ball" / f"{name}.npy", labels.astype(np.float32))
    pose = np.eye(4)
    pose[0, 3] = 0 if is_right else 0.5
    document = replace(DOCUMENT, sample=f"ball/{name}", status="ok", scan_to_reference=pose)
    entry = Entry(f"ball/{name}", position, {"score": float(position)})
    sample = Sample("ball", name, directory / f"{name}.ply", "test", None, None, directory / f"{name}.txt", "folder")
    return FinishedScan(entry, directory, document), sample


def test_every_scan_is_loaded_once_for_its_labels_and_its_pose(tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(measuring, "load_scan", lambda sample, source: loaded.append(sample.name) or load_scan(sample))
    made = [finished(tmp_path, number, is_right=number == 0) for number in (0, 1)]
    truth = PoseTruth("ball", {"0": np.eye(4), "1": np.eye(4)}, make_target(lopsided()), 2.0, np.eye(4))
    written = {}
    run = SimpleNamespace(write_csv=lambda name, *_: written.setdefault(name, True), log=lambda _: None)
    options = EvaluationOptions(resamples=0)
    scans, samples = zip(*made, strict=True)
    measures, poses = measuring.measure_run(run, scans, samples, options, 0, 1.0, lambda _: truth)
    assert loaded == ["0", "1"]
    assert measures["ours/ball/o_auroc"] == measures["ours/ball/p_auroc"] == 1
    assert [check.error for check in poses] == pytest.approx([0, 0.25])
    assert set(written) == {MEASURED}


def lopsided():
    """A surface without symmetries."""
    ball = sphere()
    return replace(ball, points=ball.points * np.where(ball.points > 0, [1.0, 0.7, 0.4], [0.5, 0.9, 0.6]))
