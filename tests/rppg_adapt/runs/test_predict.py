"""`predict` as a command: files of each video, exit codes, shards, reports."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from tests.rppg_adapt.conftest import (
    embedded_pictures,
    read_json,
    read_rows,
    report_page,
    report_verdict,
    vcli,
)
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.options import TrainingFreeMethod
from vision_cli.rppg_adapt.runs.predict import find_videos, left_out_notes, unique_names

VIDEO_FILES = {"boxes.csv", "hr.csv", "report.png", "summary.json", "wave.csv"}


def test_a_video_has_its_files_its_row_and_its_report(face_video, tmp_path, capsys):
    out = tmp_path / "out"
    assert vcli(face_video, "--method", "pos", "--gt", face_video.with_name("ground_truth.txt"), "-o", out) == 0
    assert {path.name for path in (out / "vid").iterdir()} == VIDEO_FILES
    assert embedded_pictures(out) == 1
    level, said = report_verdict(out)
    assert level == "good"
    assert re.match(
        r"vid: 7[78]\.\d bpm, 95 % interval 7\d\.\d to \d\d\.\d, a reliable pulse of quality 0\.\d\d\. ", said
    )
    assert re.search(r"The true rate is 7[78]\.\d bpm, [01]\.\d bpm away\.$", said)
    assert "White skin should cover the face" in report_page(out)
    summary = read_json(out / "vid/summary.json")
    assert summary["hr_bpm"] == pytest.approx(78, abs=1.5)
    assert summary["reliable"] is True
    assert len(summary["input_sha256"]) == 64
    (row,) = read_rows(out / "predictions.csv")
    assert abs(float(row["error_bpm"])) < 1.5
    assert float(row["wave_correlation"]) > 0.6
    waves = read_rows(out / "vid/wave.csv")
    assert waves[0]["method"] == "pos"
    shown = capsys.readouterr().out
    assert "vid" in shown
    assert "77." in shown or "78." in shown


def test_json_is_one_document(face_video, tmp_path, capsys):
    assert vcli(face_video, "--method", "green", "--no-pictures", "--json", "-o", tmp_path / "o") == 0
    (one,) = json.loads(capsys.readouterr().out)["videos"]
    assert one["video"] == "vid"
    assert one["method"] == "green"


def test_the_network_and_training_free_methods_are_compared(face_video, tmp_path, weights):
    out = tmp_path / "out"
    assert vcli(face_video, "--weights", weights, "--no-pictures", "-o", out) == 0
    assert set(read_json(out / "vid/summary.json")["hr_by_method"]) == {"net", *get_args(TrainingFreeMethod)}
    assert read_json(out / "run.json")["weights"]["sha256"]


def folder_with_a_bad_video(tmp_path, face_video):
    folder = tmp_path / "videos"
    folder.mkdir()
    os.link(face_video, folder / "good.mp4")
    (folder / "bad.mp4").write_bytes(b"no video")
    return folder


def test_a_bad_video_of_a_folder_fails_alone_and_is_tried_again(face_video, tmp_path):
    folder = folder_with_a_bad_video(tmp_path, face_video)
    out = tmp_path / "out"
    assert vcli(folder, "--method", "pos", "--no-pictures", "-o", out) == 6
    table = {row["video"]: row for row in read_rows(out / "predictions.csv")}
    assert "cannot decode after frame 0" in table["bad"]["error"]
    assert float(table["good"]["hr_bpm"]) == pytest.approx(78, abs=1.5)
    assert read_rows(out / "failures.csv")[0]["id"] == "bad"
    assert not (out / "report.html").exists()
    before = (out / "good/wave.csv").stat().st_mtime_ns
    assert vcli(folder, "--method", "pos", "--no-pictures", "-o", out, "--resume") == 6
    assert (out / "good/wave.csv").stat().st_mtime_ns == before


@pytest.mark.slow
def test_merged_shards_have_the_predictions_and_the_report_of_an_undivided_run(face_video, tmp_path):
    folder = folder_with_a_bad_video(tmp_path, face_video)
    os.link(face_video, folder / "more.mp4")
    words = (folder, "--method", "pos", "-q")
    assert vcli(*words, "-o", tmp_path / "whole") == 6
    assert [vcli(*words, "-o", tmp_path / "parts", "--shard", f"{k}/2") for k in (1, 2)] == [6, 0]
    assert launch(app, ["runs", "merge", str(tmp_path / "parts")]) == 6
    for name in ("items.csv", "failures.csv", "metrics.json", "predictions.csv"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert [row["video"] for row in read_rows(tmp_path / "parts/predictions.csv")] == ["bad", "good", "more"]
    assert embedded_pictures(tmp_path / "parts") == 2
    # Behind the findings come the files, which lie in the shards, and the times.
    whole, parts = (report_page(tmp_path / name).partition('<section id="files">')[0] for name in ("whole", "parts"))
    assert parts == whole
    level, said = report_verdict(tmp_path / "parts")
    assert level == "caution"
    assert re.fullmatch(r"2 of 3 videos have a reliable pulse: 7[78]\.\d bpm\. 1 could not be read\.", said)
    assert "cannot decode after frame 0" in whole


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
def test_errors_have_their_exit_codes(tmp_path, capsys, make, words, code, message):
    assert vcli(make(tmp_path), "--method", "green", *words, "-o", tmp_path / "out") == code
    assert message in capsys.readouterr().err


def test_without_a_video_the_sample_is_named(capsys):
    assert vcli("predict") == 2
    assert "no input given; VIDEO expected" in capsys.readouterr().err


def test_names_of_videos_with_the_same_stem_are_numbered():
    assert unique_names([Path("a/vid.mp4"), Path("b/vid.avi"), Path("c.mp4")]) == ["vid", "vid-2", "c"]


def test_a_folder_is_its_videos_or_a_video_of_its_pictures(tmp_path):
    for name in ("videos/b.mp4", "videos/a.avi", "videos/notes.txt", "pictures/1.png", "other/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_videos([tmp_path / "videos", tmp_path / "pictures"])
    assert [path.name for path in found] == ["a.avi", "b.mp4", "pictures"]
    with pytest.raises(InputError, match="neither videos nor pictures found"):
        find_videos([tmp_path / "other"])


def test_files_of_folders_that_are_left_out_are_counted(tmp_path):
    names = (
        "videos/a.ts",
        "videos/b.3gp",
        "videos/c.flv",
        "videos/d.mp4",
        "videos/n.txt",
        "videos/x.csv",
        "videos/README",
    )
    for name in (*names, "videos/z.txt", "pictures/1.png", "pictures/rates.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    folders = [tmp_path / "videos", tmp_path / "pictures"]
    assert [path.name for path in find_videos(folders)] == ["a.ts", "b.3gp", "c.flv", "d.mp4", "pictures"]
    assert left_out_notes(folders) == [
        f"{folders[0]}: 4 files of other kinds left out (.csv 1, .txt 2, no suffix 1)",
        f"{folders[1]}: 1 file of other kinds left out (.json 1)",
    ]
    assert left_out_notes([tmp_path / "videos/a.ts"]) == []
