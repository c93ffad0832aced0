"""`vcli kan-fit classify` as it is typed: outputs, interruption."""

from __future__ import annotations

import json
import re
import signal

import pytest

from tests.kan_fit.fits import CLASSIFIER, kan_fit, rows_of
from tests.program import start, wait_for
from vision_cli.core.runs.records import read_metrics, read_run


def test_pictures_are_classified_and_compared(trained):
    out, done = trained
    assert {path.name for path in out.iterdir()} - {"log.txt"} == {
        "candidates.csv",
        "comparison.csv",
        "confusion.csv",
        "history.csv",
        "metrics.json",
        "model.json",
        "model.safetensors",
        "phases",
        "plots",
        "predictions.csv",
        "report.html",
        "run.json",
        "selection.csv",
    }
    found = read_metrics(out)
    assert found["test_accuracy"] == 1
    assert (found["train_images"], found["val_images"], found["test_images"]) == (81, 15, 24)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["S-ConvKAN", "CNN", "MLP", "gradient"]
    phases = list(dict.fromkeys(row["phase"] for row in rows_of(out / "history.csv")))
    assert phases[:4] == ["probe none", "probe shift", "full", "selective"]
    assert phases[4:] == ["trial mixed", "trial bspline", "trial cheby", "final"]
    assert found["augment"] == read_run(out).document["augmentation"]["kept"]
    kept = [row for row in rows_of(out / "candidates.csv") if row["kept"] == "1"]
    assert [row["name"] for row in kept] == [found["network"]]
    assert float(kept[0]["val_nll"]) == min(float(row["val_nll"]) for row in rows_of(out / "candidates.csv"))
    modes = json.loads((out / "model.json").read_text(encoding="utf-8"))["plan"]["modes"]
    listed = {(int(r["layer"]), int(r["node"])): r["mode"] for r in rows_of(out / "selection.csv") if r["kept"] == "1"}
    assert {(a, b): node[0] for a, layer in enumerate(modes) for b, node in enumerate(layer)} == listed
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 4
    assert '<p class="verdict good">The network classifies 24 of 24 test images rightly (accuracy 1); ' in page
    assert len(re.findall(r"<figcaption>[^<]+<span>[^<]+\.</span></figcaption>", page)) == 4
    assert 'src="http' not in page


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_an_interrupted_training_resumes_to_the_same_result(pictures, tmp_path, signum):
    words = (
        "classify",
        pictures,
        *CLASSIFIER[:4],
        "--epochs",
        "30",
        *CLASSIFIER[6:],
        "--no-compare",
        "--augment",
        "shift",
    )
    whole = kan_fit(*words, "-o", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    running = start("kan-fit", *words, "-o", "part", cwd=tmp_path)
    wait_for((tmp_path / "part" / "phases" / "selective" / "checkpoint.pt").exists, running=running)
    running.signal(signum)
    ended = running.wait()
    assert ended.returncode == (75 if signum == signal.SIGTERM else -signal.SIGKILL), ended.stderr
    resumed = kan_fit(*words, "-o", "part", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    for name in ("metrics.json", "model.safetensors", "history.csv", "selection.csv", "predictions.csv"):
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
def test_an_ordinary_network_can_be_trained_alone(pictures, tmp_path):
    words = ("--arch", "cnn", "--channels", "4", "--epochs", "10", "--batch-size", "16", "--no-compare")
    done = kan_fit("classify", pictures, *words, "-o", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = read_metrics(tmp_path / "r")
    assert found["network"] == "cnn"
    assert found["test_accuracy"] > 0.9
    assert not (tmp_path / "r" / "plots" / "functions.png").exists()
    predicted = kan_fit("predict", "r", pictures, "-o", "p", "--json", cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    assert json.loads(predicted.stdout)["accuracy"] > 0.9
