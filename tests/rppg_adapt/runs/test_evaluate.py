"""`evaluate` scores caches, runs of predict and outputs of rPPG-Toolbox."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from tests.rppg_adapt.conftest import (
    embedded_pictures,
    merge_run,
    read_json,
    read_rows,
    report_page,
    report_verdict,
    vcli,
)


def test_methods_are_scored_on_a_cache(generated, tmp_path, capsys):
    words = ("--methods", "pos,chrom", "--group-by", "preset", "-o", tmp_path / "e")
    assert vcli("evaluate", generated / "cache", *words) == 0
    found = read_json(tmp_path / "e/metrics.json")
    assert found["pos_videos"] == 3
    assert found["pos_mae_bpm"] < 3
    assert {"per_video.csv", "groups.csv", "bland_altman_pos.png", "scatter_chrom.png"} <= {
        path.name for path in (tmp_path / "e").iterdir()
    }
    assert embedded_pictures(tmp_path / "e") == 4
    level, said = report_verdict(tmp_path / "e")
    best = min(("pos", "chrom"), key=lambda method: found[f"{method}_mae_bpm"])
    assert said.startswith(f"Mean error {found[f'{best}_mae_bpm']:.1f} bpm over 3 videos, by {best}; ")
    assert said.endswith("So few videos (3) leave it uncertain.")
    assert level == "caution"
    assert "metrics.json" in report_page(tmp_path / "e")
    assert "MAE bpm" in capsys.readouterr().out


def test_a_merged_run_has_the_scores_of_an_undivided_run(face_video, tmp_path):
    words = (face_video, "--method", "pos", "--gt", face_video.with_name("ground_truth.txt"), "--no-pictures", "-q")
    assert vcli(*words, "-o", tmp_path / "whole") == 0
    for k in (1, 2):
        assert vcli(*words, "-o", tmp_path / "parts", "--shard", f"{k}/2") == 0
    merge_run(tmp_path / "parts")
    for name in ("whole", "parts"):
        assert vcli("evaluate", tmp_path / name, "-q", "-o", tmp_path / f"{name}-scores") == 0
    found = read_json(tmp_path / "parts-scores/metrics.json")
    assert found["predict_videos"] == 1
    assert found["predict_mae_bpm"] < 1.5
    assert found == read_json(tmp_path / "whole-scores/metrics.json")


@pytest.mark.parametrize(
    "changed", [{"fs": None}, {"predictions": [1]}, {"labels": {}}, {"predictions": {"s1": {0: "text"}}}]
)
def test_outputs_that_hold_something_else_are_refused(tmp_path, changed):
    chunks = {"s1": {0: torch.zeros(100, 1)}}
    with (tmp_path / "o.pickle").open("wb") as stream:
        pickle.dump({"predictions": chunks, "labels": chunks, "fs": 30, **changed}, stream)
    assert vcli("evaluate", tmp_path / "o.pickle", "-q", "-o", tmp_path / "e") == 3


def test_outputs_of_the_toolbox_are_scored(tmp_path):
    rng = np.random.default_rng(0)
    wave = np.diff(np.sin(2 * np.pi * 1.3 * np.arange(541) / 30))
    chunks = {k: torch.from_numpy(wave[180 * k : 180 * k + 180, None]).float() for k in range(3)}
    noisy = {k: one + 0.1 * torch.from_numpy(rng.standard_normal(one.shape)).float() for k, one in chunks.items()}
    document = {"predictions": {"s1": noisy}, "labels": {"s1": chunks}, "label_type": "DiffNormalized", "fs": 30}
    with (tmp_path / "o.pickle").open("wb") as stream:
        pickle.dump(document, stream)
    assert vcli("evaluate", tmp_path / "o.pickle", "-q", "-o", tmp_path / "e") == 0
    (row,) = read_rows(tmp_path / "e/per_video.csv")
    assert float(row["true_bpm"]) == pytest.approx(78, abs=1.8)
    assert float(row["macc"]) > 0.8
