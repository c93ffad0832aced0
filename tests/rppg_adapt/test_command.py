"""`vcli rppg-adapt` as it is typed: outputs, exit codes, every verb after another."""

from __future__ import annotations

import csv
import json
import os
import pickle
import re

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.rppg_adapt.data.cache import read_cache
from vision_cli.rppg_adapt.data.layouts import find_recordings

VIDEO_FILES = {"boxes.csv", "hr.csv", "report.png", "summary.json", "wave.csv"}


def vcli(*words):
    return launch(app, ["rppg-adapt", *map(str, words)])


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_video_is_read(face_video, tmp_path, capsys):
    out = tmp_path / "out"
    assert vcli(face_video, "--method", "pos", "--gt", face_video.with_name("ground_truth.txt"), "-o", out) == 0
    assert {path.name for path in (out / "vid").iterdir()} == VIDEO_FILES
    assert embedded_pictures(out) == 1
    level, said = verdict(out)
    assert level == "good"
    assert re.match(
        r"vid: 7[78]\.\d bpm, 95 % interval 7\d\.\d to \d\d\.\d, a reliable pulse of quality 0\.\d\d\. ", said
    )
    assert re.search(r"The true rate is 7[78]\.\d bpm, [01]\.\d bpm away\.$", said)
    assert "White skin should cover the face" in page(out)
    summary = read(out / "vid/summary.json")
    assert summary["hr_bpm"] == pytest.approx(78, abs=1.5)
    assert summary["reliable"] is True
    assert len(summary["input_sha256"]) == 64
    (row,) = rows(out / "predictions.csv")
    assert abs(float(row["error_bpm"])) < 1.5
    assert float(row["wave_correlation"]) > 0.6
    waves = rows(out / "vid/wave.csv")
    assert waves[0]["method"] == "pos"
    shown = capsys.readouterr().out
    assert "vid" in shown
    assert "77." in shown or "78." in shown


def test_json_is_one_document(face_video, tmp_path, capsys):
    assert vcli(face_video, "--method", "green", "--no-pictures", "--json", "-o", tmp_path / "o") == 0
    (one,) = json.loads(capsys.readouterr().out)["videos"]
    assert one["video"] == "vid"
    assert one["method"] == "green"


def page(run):
    return (run / "report.html").read_text(encoding="utf-8")


def embedded_pictures(run):
    return page(run).count("data:image/png")


def verdict(run):
    """Return the level of the report's verdict and what it says."""
    (found,) = re.findall(r'<p class="verdict (\w+)">(.*?)</p>', page(run))
    return found


def test_the_network_and_others_are_compared(face_video, tmp_path, weights):
    out = tmp_path / "out"
    assert vcli(face_video, "--weights", weights, "--no-pictures", "-o", out) == 0
    assert set(read(out / "vid/summary.json")["hr_by_method"]) == {"net", "pos", "chrom", "omit", "green"}
    assert read(out / "run.json")["weights"]["sha256"]


def folder_with_a_bad_video(tmp_path, face_video):
    folder = tmp_path / "videos"
    folder.mkdir()
    os.link(face_video, folder / "good.mp4")
    (folder / "bad.mp4").write_bytes(b"no video")
    return folder


def test_one_bad_video_of_a_folder_fails_alone_and_is_tried_again(face_video, tmp_path):
    folder = folder_with_a_bad_video(tmp_path, face_video)
    out = tmp_path / "out"
    assert vcli(folder, "--method", "pos", "--no-pictures", "-o", out) == 6
    table = {row["video"]: row for row in rows(out / "predictions.csv")}
    assert "cannot decode after frame 0" in table["bad"]["error"]
    assert float(table["good"]["hr_bpm"]) == pytest.approx(78, abs=1.5)
    assert rows(out / "failures.csv")[0]["id"] == "bad"
    assert not (out / "report.html").exists()
    before = (out / "good/wave.csv").stat().st_mtime_ns
    assert vcli(folder, "--method", "pos", "--no-pictures", "-o", out, "--resume") == 6
    assert (out / "good/wave.csv").stat().st_mtime_ns == before


def merged(out):
    assert launch(app, ["runs", "merge", str(out)]) == 0
    return out


def test_merged_shards_have_the_predictions_and_the_report_of_a_run_in_one_piece(face_video, tmp_path):
    folder = folder_with_a_bad_video(tmp_path, face_video)
    os.link(face_video, folder / "more.mp4")
    words = (folder, "--method", "pos", "-q")
    assert vcli(*words, "-o", tmp_path / "whole") == 6
    assert [vcli(*words, "-o", tmp_path / "parts", "--shard", f"{k}/2") for k in (1, 2)] == [6, 0]
    assert launch(app, ["runs", "merge", str(tmp_path / "parts")]) == 6
    for name in ("items.csv", "failures.csv", "metrics.json", "predictions.csv"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert [row["video"] for row in rows(tmp_path / "parts/predictions.csv")] == ["bad", "good", "more"]
    assert embedded_pictures(tmp_path / "parts") == 2
    # Behind the findings come the files, which lie in the shards, and the times.
    whole, parts = (page(tmp_path / name).partition('<section id="files">')[0] for name in ("whole", "parts"))
    assert parts == whole
    level, said = verdict(tmp_path / "parts")
    assert level == "caution"
    assert re.fullmatch(r"2 of 3 videos have a reliable pulse: 7[78]\.\d bpm\. 1 could not be read\.", said)
    assert "cannot decode after frame 0" in whole


def test_a_merged_run_is_scored_as_one_in_one_piece(face_video, tmp_path):
    words = (face_video, "--method", "pos", "--gt", face_video.with_name("ground_truth.txt"), "--no-pictures", "-q")
    assert vcli(*words, "-o", tmp_path / "whole") == 0
    for k in (1, 2):
        assert vcli(*words, "-o", tmp_path / "parts", "--shard", f"{k}/2") == 0
    merged(tmp_path / "parts")
    for name in ("whole", "parts"):
        assert vcli("evaluate", tmp_path / name, "-q", "-o", tmp_path / f"{name}-scores") == 0
    found = read(tmp_path / "parts-scores/metrics.json")
    assert found["predict_videos"] == 1
    assert found["predict_mae_bpm"] < 1.5
    assert found == read(tmp_path / "whole-scores/metrics.json")


def still_video(path, frame):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, frame.shape[1::-1])
    for _ in range(200):
        writer.write(frame)
    writer.release()
    return path


@pytest.mark.parametrize(
    ("make", "words", "code", "message"),
    [
        (lambda d: d / "none.mp4", (), 3, "no such file"),
        (lambda d: still_video(d / "v.avi", np.full((96, 96, 3), 90, np.uint8)), (), 4, "no face found"),
        (
            lambda d: still_video(d / "v.avi", np.full((96, 96, 3), 90, np.uint8)),
            ("--roi", "1,2,3"),
            2,
            "--roi: 1,2,3 found; 4 numbers",
        ),
        (
            lambda d: still_video(d / "v.avi", np.full((96, 96, 3), 90, np.uint8)),
            ("--roi", "8,8,64,64", "--strict"),
            5,
            "no reliable pulse",
        ),
        (
            lambda d: still_video(d / "v.avi", np.full((96, 96, 3), 90, np.uint8)),
            ("--hr-range", "90,40"),
            2,
            "2 numbers (bpm) from 20 to 300 separated by commas, each greater than the one before",
        ),
    ],
)
def test_what_cannot_be_read_ends_with_its_code(tmp_path, capsys, make, words, code, message):
    assert vcli(make(tmp_path), "--method", "green", *words, "-o", tmp_path / "out") == code
    assert message in capsys.readouterr().err


def test_without_a_video_the_sample_is_named(capsys):
    assert vcli("predict") == 2
    assert "no input given; VIDEO expected" in capsys.readouterr().err


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("made")
    words = ("-n", 3, "--seconds", 6, "--preset", "easy", "--size", "128x96", "-q")
    assert vcli("synth", *words, "-o", directory / "videos") == 0
    manifest = directory / "videos/manifest.csv"
    assert vcli("preprocess", manifest, "--size", 16, "--stmap", "-q", "-o", directory / "cache") == 0
    return directory


def test_videos_are_made_with_their_manifest(made):
    listed = rows(made / "videos/manifest.csv")
    assert [row["subject"] for row in listed] == ["subject1", "subject2", "subject3"]
    for row in listed:
        assert (made / "videos" / row["path"]).is_file()
        assert (made / "videos" / row["subject"] / "boxes.csv").is_file()
        assert row["skin_color"] in {"light", "medium"}


def test_a_data_set_becomes_a_cache(made):
    clips = read_cache(made / "cache")
    assert len(clips) == 3
    assert clips[0].frames().shape == (180, 16, 16, 3)
    assert clips[0].wave().shape == (180,)
    assert clips[0].meta["skin_color"]
    with np.load(clips[0].path) as archive:
        assert archive["stmap"].shape == (64, 180, 6)


def test_shards_of_a_cache_are_one_cache(made, tmp_path):
    for part in ("1/2", "2/2"):
        words = ("--size", 16, "-q", "-o", tmp_path / "c", "--shard", part)
        assert vcli("preprocess", made / "videos/manifest.csv", *words) == 0
    found = {clip.id: clip for clip in read_cache(tmp_path / "c")}
    for clip in read_cache(made / "cache"):
        np.testing.assert_array_equal(found[clip.id].frames(), clip.frames())
    clips = read_cache(merged(tmp_path / "c"))
    assert [(clip.id, clip.meta) for clip in clips] == [(c.id, c.meta) for c in read_cache(made / "cache")]
    assert [clip.path.parent.parent.name for clip in clips] == ["shard-1-of-2", "shard-2-of-2", "shard-1-of-2"]


def test_merged_shards_of_videos_are_a_data_set(made, tmp_path):
    words = ("-n", 3, "--seconds", 6, "--preset", "easy", "--size", "128x96", "-q", "-o", tmp_path / "v")
    for part in ("1/2", "2/2"):
        assert vcli("synth", *words, "--shard", part) == 0
    listed = rows(merged(tmp_path / "v") / "manifest.csv")
    assert [row["path"] for row in listed] == [
        "shard-1-of-2/subject1/vid.mp4",
        "shard-2-of-2/subject2/vid.mp4",
        "shard-1-of-2/subject3/vid.mp4",
    ]
    assert (tmp_path / "v/items.csv").read_bytes() == (made / "videos/items.csv").read_bytes()
    found = find_recordings(tmp_path / "v/manifest.csv", "manifest")
    assert [one.id for one in found] == ["subject1", "subject2", "subject3"]
    assert [one.path.read_bytes() for one in found] == [
        (made / "videos" / row["path"]).read_bytes() for row in rows(made / "videos/manifest.csv")
    ]


def test_methods_are_scored_on_a_cache(made, tmp_path, capsys):
    words = ("--methods", "pos,chrom", "--group-by", "preset", "-o", tmp_path / "e")
    assert vcli("evaluate", made / "cache", *words) == 0
    found = read(tmp_path / "e/metrics.json")
    assert found["pos_videos"] == 3
    assert found["pos_mae_bpm"] < 3
    assert {"per_video.csv", "groups.csv", "bland_altman_pos.png", "scatter_chrom.png"} <= {
        path.name for path in (tmp_path / "e").iterdir()
    }
    assert embedded_pictures(tmp_path / "e") == 4
    level, said = verdict(tmp_path / "e")
    best = min(("pos", "chrom"), key=lambda method: found[f"{method}_mae_bpm"])
    assert said.startswith(f"Mean error {found[f'{best}_mae_bpm']:.1f} bpm over 3 videos, by {best}; ")
    assert said.endswith("So few videos (3) leave it uncertain.")
    assert level == "caution"
    assert "metrics.json" in page(tmp_path / "e")
    assert "MAE bpm" in capsys.readouterr().out


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
    (row,) = rows(tmp_path / "e/per_video.csv")
    assert float(row["true_bpm"]) == pytest.approx(78, abs=1.8)
    assert float(row["macc"]) > 0.8


def test_a_network_is_trained_adapted_described_and_drawn(made, tmp_path, capsys):
    run, adapted = tmp_path / "run", tmp_path / "adapted"
    words = ("--frames", 64, "--steps", 2, "--batch-size", 2, "-q")
    assert vcli("train", made / "cache", "--size", 16, "--val-fraction", 0.3, *words, "-o", run) == 0
    assert (run / "weights.safetensors").is_file()
    start, more = run / "weights.safetensors", tmp_path / "more"
    assert vcli("train", made / "cache", "--weights", start, "--val-fraction", 0.3, *words, "-o", more) == 0
    card = read(more / "weights.json")
    first, after = (read(one / "metrics.json")["mae_bpm"] for one in (run, more))
    assert re.match(rf"Mean error on the held-out clip: \d+\.\d bpm before, {after:.1f} bpm after; ", verdict(more)[1])
    assert verdict(run)[1].startswith(f"Mean error on the held-out clip: {first:.1f} bpm; ")
    assert [embedded_pictures(one) for one in (run, more)] == [1, 1]
    assert card["data"].endswith(f"from weights {read(run / 'weights.json')['sha256']}")
    assert "--weights weights.safetensors" in card["training_command"]
    words = (
        "--weights",
        run / "weights.safetensors",
        "--frames",
        64,
        "--epochs",
        2,
        "--batch-size",
        2,
        "--adapt-fraction",
        0.6,
    )
    assert vcli("adapt", made / "cache", *words, "-q", "-o", adapted) == 0
    assert embedded_pictures(adapted) == 2
    found = read(adapted / "metrics.json")
    assert found["clips_adapted_to"] == 2
    assert found["clips_tested"] == 1
    assert "adapted_mae_bpm" in found
    level, said = verdict(adapted)
    assert f"Mean error on the held-out clip: {found['source_mae_bpm']:.1f} bpm" in said
    assert said.startswith("The source weights were kept") == bool(found["kept_source"])
    assert level == "caution" if found["kept_source"] else level in {"caution", "bad"}
    assert set(load_file(adapted / "weights.safetensors")) == set(load_file(run / "weights.safetensors"))
    capsys.readouterr()
    assert vcli("info", adapted / "weights.safetensors", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["backbone"], facts["size"]) == ("lite", "16")
    assert vcli("plot", run, "-q") == 0
    assert (run / "plots/history.png").stat().st_size > 5000
    assert vcli("plot", made / "cache", "-q", "-o", tmp_path / "maps") == 0
    assert len(list((tmp_path / "maps").glob("*-stmap.png"))) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train",), "train: either CACHE or --synthetic expected"),
        (
            ("train", "--synthetic", "--weights", "default", "--size", "24"),
            "train: --weights with --backbone",
        ),
        (
            ("synth", "--size", "33x40"),
            "of 64 to 4096, in multiples of 2,",
        ),
        (("synth", "--size", "65x66"), "--size: 65x66 found; width x height"),
        (("evaluate", "nowhere"), "nowhere"),
        (("evaluate", "nowhere", "--methods", "pos,pso"), "--methods: pso found; names of net, green"),
        (("evaluate", ".", "--window", "2"), "--window: 2 found; full, or a number of 5 or more"),
    ],
)
def test_wrong_words_are_explained(tmp_path, capsys, words, message):
    assert vcli(*words, "-o", tmp_path / "x") in {2, 3}
    assert message in capsys.readouterr().err
