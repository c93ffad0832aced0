"""Runs of ``run`` and ``evaluate`` on a small sample."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from tests.pcd_anomaly.conftest import TINY, rows_of, run
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.io.points.clouds import read_points
from vision_cli.pcd_anomaly.networks import build_point_mae
from vision_cli.pcd_anomaly.options import Recipe
from vision_cli.pcd_anomaly.runs import sample as bundled
from vision_cli.pcd_anomaly.surfaces.geometry import diameter

# Of scans that are denser than the prototypes little stands out.
RECIPE = Recipe(parts=1, points=6000, suite="rigid", prototypes=2, prototype_points=16_000, good=1, defective=1)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """The run of the bundled sample, smaller than the one that is shipped."""
    out = tmp_path_factory.mktemp("sample") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundled, "SAMPLE", RECIPE)
        assert run("--sample", *TINY, "-o", out, "--threads", "1", "--bootstrap", "20", "--alpha", "0.5") == 0
    return out


@pytest.mark.slow
def test_the_sample_makes_parts_finds_their_defects_and_shows_them(sampled):
    metrics = json.loads((sampled / "metrics.json").read_text())
    assert metrics["n_scans"] == 2
    assert metrics["ours/mean/p_auroc"] > 0.7
    assert {path.name for path in sampled.iterdir()} >= {"parts", "models", "results.csv", "metrics.csv", "report.html"}
    page = (sampled / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == metrics["n_anomalous"] + metrics["n_undetermined"] > 0
    assert f"AUROC {metrics['ours/mean/p_auroc']:.2f} at telling defective points from good ones." in page
    assert "measures" in page
    assert "poses beside the truth" in page
    assert metrics["poses_right"] == metrics["poses_known"] == 2
    assert {row["class"] for row in rows_of(sampled / "poses.csv")} == {"flange", "all"}
    reference = read_points(sampled / "models" / "flange" / "reference.ply").points
    first = read_points(min((sampled / "parts" / "flange" / "train").iterdir())).points
    assert np.quantile(cKDTree(first).query(reference)[0], 0.95) < 0.02 * diameter(first)


@pytest.mark.slow
def test_baselines_and_the_ladder_are_measured_on_the_same_scans(sampled, tmp_path, capfd):
    words = ("evaluate", sampled, sampled / "parts", "--methods", "c2c,c2plane", "--ablate", "-o", tmp_path / "out")
    assert run(*words, "--bootstrap", "50", "--threads", "1", "--save", "scores") == 0
    shown = capfd.readouterr().out
    assert "what each step must bring" in shown
    rows = rows_of(tmp_path / "out" / "metrics.csv")
    methods = list(dict.fromkeys(row["method"] for row in rows))
    assert methods == ["ours", "c2c", "c2plane", "base", "+IUN", "+IAN", "+push", "+AGCS"]
    by_method = {row["method"]: row for row in rows if row["class"] == "mean"}
    # Rungs are scored by their groups alone.
    assert len({by_method[name]["p_auroc"] for name in ("ours", "base", "+IUN", "+IAN", "+push")}) == 5
    assert all(row["p_auroc_low"] and row["p_auroc_high"] for row in rows)


@pytest.mark.slow
def test_shards_of_an_evaluation_are_measured_when_they_are_merged(sampled, tmp_path, capfd):
    words = ("evaluate", sampled, sampled / "parts", "--methods", "c2c", "--bootstrap", "20", "--threads", "1")
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert run(*words, "-o", whole) == 0
    for part in ("1/2", "2/2"):
        assert run(*words, "-o", out, "--shard", part) == 0
    assert not (out / "shard-1-of-2" / "metrics.csv").exists()
    assert launch(app, ["runs", "merge", str(out)]) == 0
    for name in ("results.csv", "regions.csv", "items.csv", "metrics.csv", "metrics.json", "poses.csv"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow
def test_plain_folders_and_the_protocol_of_reg3d_are_measured(sampled, tmp_path):
    home = sampled / "parts" / "flange"
    words = ("evaluate", sampled, "--test", home / "test", "--gt", home / "gt", "--protocol", "reg3d")
    assert run(*words, "--methods", "reg3d", "--bootstrap", "0", "-o", tmp_path / "out", "--save", "scores") == 0
    (one, *_) = [row for row in rows_of(tmp_path / "out" / "metrics.csv") if row["method"] == "reg3d"]
    assert (one["n_good"], one["n_defect"]) == ("1", "1")
    kept = np.load(next((tmp_path / "out" / "methods" / "reg3d").rglob("*.npy")))
    assert len(kept) == 2


@pytest.mark.slow
def test_point_mae_describes_groups_and_its_weights_are_checked_when_scans_are_scored(sampled, tmp_path, capfd):

    path = tmp_path / "pretrain.pth"
    state = {f"module.MAE_encoder.{name}": value for name, value in build_point_mae().state_dict().items()}
    torch.save({"base_model": state}, path)
    home = sampled / "parts" / "flange"
    words = ("train", "--train", home / "train", "--class", "flange", "--features", "pointmae", "--weights", path)
    assert run(*words, *TINY, "-o", tmp_path / "run", "--threads", "1") == 0
    scan = next((home / "test").glob("*.pcd"))
    assert run("predict", tmp_path / "run", scan, "-o", tmp_path / "out", "--threads", "1") == 0
    path.write_bytes(path.read_bytes() + b"\0")
    capfd.readouterr()
    assert run("predict", tmp_path / "run", scan, "-o", tmp_path / "other") == 4
    assert "SHA-256" in capfd.readouterr().err
