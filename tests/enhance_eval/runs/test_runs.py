"""The verbs of enhance-eval on small pictures: what they write, say and refuse, beside what the contract holds."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from tests.pages import findings
from tests.program import vcli
from vision_cli.io.pictures.photographs import read_photograph

SMALL = ("--bootstrap", 20, "--threads", 1)


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """A run on six generated scenes with both tasks."""
    out = tmp_path_factory.mktemp("scenes") / "out"
    words = ("--limit", 6, "--conditions", "ev-2,ev-6", "--methods", "none,gain,gamma,reference")
    ended = vcli("enhance-eval", "run", *words, *SMALL, "-o", out)
    assert ended.returncode == 0, ended.stderr
    return out, ended


def test_a_run_without_data_scores_generated_scenes_for_eyes_and_machines(scenes):
    out, ended = scenes
    assert "tau(psnr,ap50)" in ended.stdout
    assert "(underpowered)" in ended.stdout
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["pictures"] == 6
    assert metrics["clear/none/ap50"] > metrics["ev-6/none/ap50"]
    assert metrics["ev-2/reference/psnr"] == 100
    methods = rows_of(out / "tables" / "methods.csv")
    assert [row["method"] for row in methods] == ["none", "gain", "gamma", "reference"] * 2
    assert float(methods[1]["psnr"]) > float(methods[0]["psnr"])


def test_the_report_says_that_its_data_are_generated_and_shows_charts_and_sheets(scenes):
    out, _ = scenes
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "generated scenes" in page
    assert "Dichotomy" in page
    for name in ("scatter-ev-2.png", "difference-psnr.png", "difference-ap50.png"):
        pixels = read_photograph(out / "figures" / name)
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert len(list((out / "sheets").rglob("*.png"))) == 12


def test_detections_are_written_as_coco_and_read_back_as_ready_ones(scenes, tmp_path):
    out, _ = scenes
    words = ("--limit", 6, "--conditions", "ev-2,ev-6", "--methods", "none,gain,gamma,reference", "--tasks", "det")
    ended = vcli(
        "enhance-eval", "run", *words, "--detector", f"preds:{out / 'predictions'}", *SMALL, "-o", tmp_path / "o"
    )
    assert ended.returncode == 0, ended.stderr
    again, first = (json.loads((one / "metrics.json").read_text()) for one in (tmp_path / "o", out))
    assert again["ev-6/gamma/ap50"] == pytest.approx(first["ev-6/gamma/ap50"], abs=1e-3)


def test_other_settings_change_statistics_and_not_scores(scenes, tmp_path):
    out, _ = scenes
    ended = vcli("enhance-eval", "report", out, "--bootstrap", 40, "-o", tmp_path / "again")
    assert ended.returncode == 0, ended.stderr
    new, old = (rows_of(one / "tables" / "summary.csv") for one in (tmp_path / "again", out))
    assert [row["mean"] for row in new] == [row["mean"] for row in old]
    assert [row["ci_low"] for row in new] != [row["ci_low"] for row in old]
    refused = vcli("enhance-eval", "report", out, out, "-o", tmp_path / "twice")
    assert refused.returncode == 3
    assert "is in another of the runs" in refused.stderr


def test_a_method_that_fails_costs_its_cells_and_the_run_goes_on(put_pictures, tmp_path):
    put_pictures(tmp_path / "in", "a.png", "b.png", size=(40, 30))
    (tmp_path / "broken.py").write_text("def halve(picture):\n    return picture[::2]\n")
    words = ("--methods", "none,gamma,py:broken:halve", "--measures", "mean_luma", *SMALL)
    ended = vcli("enhance-eval", "run", tmp_path / "in", *words, "-o", tmp_path / "out", cwd=tmp_path)
    assert ended.returncode == 6, ended.stderr
    failed = rows_of(tmp_path / "out" / "tables" / "failed_cells.csv")
    assert [row["sample"] for row in failed] == ["a", "b"]
    assert "shape (15, 40, 3)" in failed[0]["error"]
    summary = {(row["method"], row["metric"]): row for row in rows_of(tmp_path / "out" / "tables" / "summary.csv")}
    assert summary["gamma", "mean_luma"]["n"] == "2"


def test_pictures_are_enhanced_darkened_and_measured(put_pictures, tmp_path):
    put_pictures(tmp_path / "in", "x/a.png", "b.png", size=(40, 30))
    dark = vcli("enhance-eval", "degrade", tmp_path / "in", "--condition", "ev-3", "-o", tmp_path / "dark")
    assert dark.returncode == 0, dark.stderr
    assert (
        read_photograph(tmp_path / "dark/ev-3/x/a.png").mean() < 0.6 * read_photograph(tmp_path / "in/x/a.png").mean()
    )
    lit = vcli(
        "enhance-eval", "enhance", tmp_path / "dark/ev-3", "--methods", "gamma:gamma=2.2", "-o", tmp_path / "lit"
    )
    assert lit.returncode == 0, lit.stderr
    folder = next(path for path in (tmp_path / "lit").iterdir() if path.is_dir())
    scored = vcli(
        "enhance-eval", "score", "--pred", folder, "--reference", tmp_path / "in", "--json", "-o", tmp_path / "s"
    )
    assert scored.returncode == 0, scored.stderr
    measured = json.loads(scored.stdout)
    assert measured["pictures"] == 2
    assert 5 < measured["psnr"] < 40
    assert "psnr_gtmean" in measured
    assert "2 pictures measured" in findings(tmp_path / "s" / "report.html")


def test_average_precision_of_files_is_that_of_coco(scenes, tmp_path):
    out, _ = scenes
    labels, found = tmp_path / "labels.json", tmp_path / "found.json"
    document = json.loads((out / "predictions" / "ev-2__none.json").read_text())
    for one in document["annotations"]:
        one.pop("score")
    labels.write_text(json.dumps(document))
    results = [{**one, "score": 0.5} for one in document["annotations"]]
    found.write_text(json.dumps(results))
    ended = vcli("enhance-eval", "score", "--labels", labels, "--detections", found, "--json", "-o", tmp_path / "ap")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["ap50"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "--methods", "limee"), 2, "limee"),
        (("run", "--measures", "psnrr"), 2, "psnrr"),
        (("run", "--conditions", "dusk"), 2, "dusk"),
        (("run", "{empty}"), 3, "no known layout"),
        (("run", "--methods", "zero-dce"), 2, "no weights; zero-dce:weights=FILE expected"),
        (("score",), 2, "expected"),
        (("score", "--labels", "{empty}"), 2, "both expected"),
        (("report", "{empty}"), 3, "no finished run of enhance-eval"),
        (("enhance", "{empty}", "--methods", "default,what"), 2, "what"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words, code, said, tmp_path):
    (tmp_path / "empty").mkdir()
    typed = [word.format(empty=tmp_path / "empty") for word in words]
    ended = vcli("enhance-eval", *typed, "-o", tmp_path / "out")
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out" / "run.json").exists()


def test_lists_name_what_run_can_use():
    for what, name in (
        ("methods", "lime"),
        ("measures", "psnr_gtmean"),
        ("datasets", "exdark"),
        ("decoders", "fastestdet"),
    ):
        assert name in vcli("enhance-eval", "list", what).stdout
