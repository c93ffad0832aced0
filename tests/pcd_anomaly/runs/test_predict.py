"""Runs of ``predict``: outputs, bad files, resumption, shards."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tests.pages import findings, level, pictures
from tests.pcd_anomaly.conftest import PLACED, pose_error, rows_of, run
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.io.points.clouds import read_points
from vision_cli.io.points.pcd import write_pcd
from vision_cli.io.points.ply import write_ply
from vision_cli.pcd_anomaly.surfaces.geometry import invert


@pytest.fixture(scope="module")
def whole(files):
    """A prediction of all scans that nothing disturbed."""
    out = files.run.parent / "whole"
    assert run("predict", files.run, files.scans, "-o", out, *PLACED) == 0
    return out


def test_a_prediction_writes_scores_in_the_order_of_the_input_tables_and_pictures(files, whole):
    rows = rows_of(whole / "results.csv")
    assert [row["sample"] for row in rows] == ["bad", "good 0", "good 1"]
    assert [row["reg_status"] for row in rows] == ["none"] * 3
    scores = np.load(whole / "scores" / "bracket" / "good 1.npy")
    assert scores.dtype == np.float32
    assert len(scores) == len(files.good) - 1
    decided = [row["sample"] for row in rows if row["decision"] == "anomalous"]
    assert "bad" in decided
    assert {path.stem for path in (whole / "pictures").rglob("*.png")} == set(decided)
    assert {row["sample"] for row in rows_of(whole / "regions.csv")} >= {"bracket/bad"}
    assert float(rows[0]["T00"]) == pytest.approx(1, abs=0.01)
    page = (whole / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == page.count("yellow to dark red is above the threshold") == len(decided)
    by_score = sorted((row for row in rows if row["sample"] in decided), key=lambda row: -float(row["score"]))
    shown = [caption.partition(":")[0] for caption in pictures(page)]
    assert shown == [f"bracket/{row['sample']}" for row in by_score]
    assert level(page) == "bad"
    assert f"{len(decided)} of 3 scans {'is' if len(decided) == 1 else 'are'} anomalous: bracket/bad (score " in page
    assert 'href="pictures/bracket/bad.png">bracket/bad</a>' in page
    assert "Poses" in page


def test_the_document_of_a_scan_holds_what_its_row_holds(whole):
    row = next(row for row in rows_of(whole / "results.csv") if row["sample"] == "bad")
    document = json.loads((whole / "scores" / "bracket" / "bad.json").read_text())
    assert document["score"] == float(row["score"])
    assert document["decision"] == row["decision"]
    pose = np.asarray(document["registration"]["scan_to_reference"])
    assert np.array_equal(pose[:3].ravel(), [float(row[f"T{r}{c}"]) for r in range(3) for c in range(4)])
    scores = np.load(whole / "scores" / "bracket" / "bad.npy")
    regions = [region["n_points"] for region in document["regions"]]
    # Flanks of a region score less than the threshold.
    assert 0 < sum(regions) <= (scores >= document["place_threshold"] / 6).sum()


def test_poses_lead_to_the_coordinates_of_the_first_prototype(files, world, tmp_path):
    write_ply(tmp_path / "scan.ply", world.good.points)
    pose = invert(world.prototype.pose_true) @ world.good.pose_true
    (tmp_path / "pose.json").write_text(json.dumps({"scan_to_reference": pose.tolist()}))
    words = ("predict", files.run, tmp_path / "scan.ply", "--registration", "given", "--init", tmp_path / "pose.json")
    assert run(*words, "--threads", "1", "--save", "scores", "-o", tmp_path / "out") == 0
    (row,) = rows_of(tmp_path / "out" / "results.csv")
    found = np.eye(4)
    found[:3] = [[float(row[f"T{r}{c}"]) for c in range(4)] for r in range(3)]
    assert np.linalg.norm(world.model.to_prototype[:3, 3]) > 0.1 * world.model.reference.diameter
    assert pose_error(found, world.prototype, world.good) < 0.0125 * world.model.reference.diameter


def test_anomalies_are_an_exit_code_where_they_are_asked_about(files, tmp_path, capfd):
    words = ("predict", files.run, files.scans / "bad.ply", "-o", tmp_path / "out", *PLACED, "--fail-on-anomaly")
    assert run(*words, "--json", "--save", "scores,ply") == 10
    said = capfd.readouterr()
    assert json.loads(said.out)["n_anomalous"] == 1
    assert "1 of 1 scans are anomalous" in said.err
    assert not (tmp_path / "out" / "report.html").exists()
    cloud = read_points(tmp_path / "out" / "scores" / "bracket" / "bad.ply")
    scores = np.load(tmp_path / "out" / "scores" / "bracket" / "bad.npy")
    assert np.allclose(cloud.scalars["anomaly_score"], scores, equal_nan=True)


@pytest.mark.slow
def test_a_tolerance_adds_pass_or_fail_a_map_and_an_exit_code(files, tmp_path, capfd):
    words = ("predict", files.run, files.scans / "bad.ply", "-o", tmp_path / "out", *PLACED, "--fail-on-anomaly")
    assert run(*words, "--tolerance", "0.2", "--json", "--save", "scores,ply,png") == 10
    said = capfd.readouterr()
    assert json.loads(said.out)["n_out_of_tolerance"] == 1
    assert "1 of 1 scans are out of tolerance" in said.err
    (row,) = rows_of(tmp_path / "out" / "results.csv")
    assert (row["inspection"], row["tolerance"]) == ("fail", "0.2")
    assert float(row["largest_deviation"]) > 0.25
    scores = tmp_path / "out" / "scores" / "bracket"
    deviation = np.load(scores / "bad.deviation.npy")
    cloud = read_points(scores / "bad.ply")
    assert np.allclose(cloud.scalars["signed_deviation"], deviation, equal_nan=True)
    assert json.loads((scores / "bad.json").read_text())["inspection"]["verdict"] == "fail"
    assert (tmp_path / "out" / "pictures" / "bracket" / "bad.deviation.png").is_file()
    assert "out of the tolerance of 0.2" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def _bad_scans(files, home):
    """Write files that cannot be scored; return what is said of each."""
    good = files.good
    home.mkdir()

    def ply(name, points):
        write_ply(home / f"{name}.ply", np.asarray(points, dtype=np.float64))

    write_pcd(home / "cut.pcd", good)
    (home / "cut.pcd").write_bytes((home / "cut.pcd").read_bytes()[:-40_000])
    (home / "rows.pcd").write_text(
        "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 5\nHEIGHT 1\nPOINTS 5\nDATA ascii\n"
        "0 0 0\n1 0 0\n"
    )
    (home / "page.ply").write_text("<!doctype html><html><body>Not found</body></html>")
    (home / "zero.pcd").touch()
    ply("nan", np.where(np.arange(len(good))[:, None] % 3 > 0, np.nan, good))
    ply("few", good[:400])
    ply("plane", good * [1, 1, 0])
    ply("line", good * [1, 0, 0])
    ply("same", np.repeat(good[:100], 30, axis=0))
    ply("metres", good / 1000)
    return {
        "cut": "points",
        "rows": "5 points",
        "page": "page.ply",
        "zero": "zero.pcd",
        "nan": "not finite; half or more finite expected",
        "few": "400 finite points; 500 or more expected",
        "plane": "in a plane",
        "line": "distinct|plane|line",
        "same": "100 distinct points",
        "metres": "--unit 1000",
    }


@pytest.mark.slow
def test_files_that_cannot_be_scored_are_named_with_their_reason_and_the_others_go_on(files, tmp_path, capfd):
    reasons = _bad_scans(files, tmp_path / "bad scans")
    reasons["good 0-11"] = f"0 of {len(files.good)} points lie near the part"
    far = tmp_path / "far é"
    far.mkdir()
    write_ply(far / "good 0.ply", files.good + np.array([4e5, 5e6, 100]))
    words = ("predict", files.run, tmp_path / "bad scans", far, files.scans / "good 0.ply", "-o", tmp_path / "out")
    pose = tmp_path / "pose.json"
    pose.write_text(json.dumps(np.eye(4).tolist()))
    assert run(*words, *PLACED, "--init", pose, "--save", "scores") == 6
    said = capfd.readouterr().err
    assert "Traceback" not in said
    failed = {row["id"].removeprefix("bracket/"): row["error"] for row in rows_of(tmp_path / "out" / "failures.csv")}
    assert set(failed) == set(reasons)
    for name, reason in reasons.items():
        assert any(part in failed[name] for part in reason.split("|")), failed[name]
        assert said.count(f"vcli: warning: bracket/{name}: ") == 1
    rows = {row["sample"]: row for row in rows_of(tmp_path / "out" / "results.csv")}
    assert rows["nan"]["error"] == failed["nan"]
    # Two scans of one name are told apart.
    assert rows["good 0-12"]["decision"] in {"normal", "anomalous"}


@pytest.mark.slow
def test_another_part_is_refused_and_undetermined(files, tmp_path):
    ball = np.random.default_rng(0).normal(size=(6000, 3))
    ball *= 0.5 * np.ptp(files.good, axis=0).max() / np.linalg.norm(ball, axis=1, keepdims=True)
    write_ply(tmp_path / "ball.ply", ball)
    assert run("predict", files.run, tmp_path / "ball.ply", "-o", tmp_path / "out", "--threads", "1") == 0
    (row,) = rows_of(tmp_path / "out" / "results.csv")
    assert (row["reg_status"], row["decision"], row["p_value"]) == ("failed", "undetermined", "")
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["items"] == 1


@pytest.mark.slow
def test_shards_merge_to_what_one_process_writes(files, whole, tmp_path, capfd):
    out = tmp_path / "out"
    for part in ("1/2", "2/2"):
        assert run("predict", files.run, files.scans, "-o", out, *PLACED, "--shard", part) == 0
    capfd.readouterr()
    assert launch(app, ["runs", "merge", str(out), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["items"] == 3
    for name in ("results.csv", "regions.csv", "items.csv", "metrics.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert findings(out / "report.html") == findings(whole / "report.html")
    page = (out / "report.html").read_text(encoding="utf-8")
    (link,) = re.findall(r'href="([^"]+)">bracket/bad</a>', page)
    assert link.startswith("shard-")
    assert (out / link).is_file()
