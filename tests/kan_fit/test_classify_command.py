"""`vcli kan-fit classify` as it is typed: outputs, prediction, interruption, faults."""

from __future__ import annotations

import csv
import json
import re
import signal

import cv2
import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState

from tests.program import start, vcli, wait_for
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.runs.records import read_metrics
from vision_cli.kan_fit.images.training import ClassifierTask

QUICK = ("--channels", "3", "--pool", "bspline,cheby", "--epochs", "6", "--batch-size", "16", "--no-pictures")


def run(*words, cwd):
    return vcli("kan-fit", *words, cwd=cwd)


def rows_of(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three kinds of picture: bright left, bright right, bright in the middle; 40 of each."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for kind, columns in (("left", slice(0, 3)), ("right", slice(5, 8)), ("middle", slice(3, 5))):
        (root / "d" / kind).mkdir(parents=True)
        for number in range(40):
            image = rng.integers(0, 90, (8, 8), dtype=np.uint8)
            image[:, columns] += np.uint8(120)
            cv2.imwrite(str(root / "d" / kind / f"{number:02}.png"), image)
    return root / "d"


@pytest.fixture(scope="module")
def trained(pictures):
    out = pictures.parent / "run"
    done = run("classify", pictures, *QUICK[:-1], "-o", out, cwd=pictures.parent)
    assert done.returncode == 0, done.stderr
    return out, done


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
    assert phases == ["full", "selective", "trial mixed", "trial bspline", "trial cheby", "final", "cnn"][:6]
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


def test_its_predictions_are_those_of_the_run(trained, pictures, tmp_path):
    out, _ = trained
    done = run("predict", out, pictures, "-o", "p", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images_with_class"] == 120
    before = {row["image"]: row for row in rows_of(out / "predictions.csv")}
    after = {row["image"]: row for row in rows_of(tmp_path / "p" / "predictions.csv")}
    assert set(before) < set(after)
    for name, row in before.items():
        assert after[name]["predicted"] == row["predicted"]
        assert float(after[name]["probability"]) == pytest.approx(float(row["probability"]), abs=1e-5)


def test_single_pictures_are_predicted(trained, pictures, tmp_path):
    done = run("predict", trained[0], pictures / "left" / "00.png", "-o", "p", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"run": "p", "images": 1}
    (row,) = rows_of(tmp_path / "p" / "predictions.csv")
    assert (row["label"], row["predicted"]) == ("", "left")


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_an_interrupted_training_resumes_to_the_same_result(pictures, tmp_path, signum):
    words = ("classify", pictures, *QUICK[:4], "--epochs", "30", *QUICK[6:], "--no-compare", "--augment", "shift")
    whole = run(*words, "-o", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    running = start("kan-fit", *words, "-o", "part", cwd=tmp_path)
    wait_for((tmp_path / "part" / "phases" / "selective" / "checkpoint.pt").exists, running=running)
    running.signal(signum)
    ended = running.wait()
    assert ended.returncode == (75 if signum == signal.SIGTERM else -signal.SIGKILL), ended.stderr
    resumed = run(*words, "-o", "part", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    for name in ("metrics.json", "model.safetensors", "history.csv", "selection.csv", "predictions.csv"):
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize(
    "words",
    [("--arch", "dense"), ("--select", "gate"), ("--select", "none"), ("--select-level", "layer"), ("--pool", "rbf")],
    ids=["dense", "gate", "none", "layer", "one"],
)
def test_other_networks_and_selections(pictures, tmp_path, words):
    done = launch(
        app, ["kan-fit", "classify", str(pictures), *QUICK, "--no-compare", *words, "-o", str(tmp_path / "o"), "-q"]
    )
    assert done == 0
    found = read_metrics(tmp_path / "o")
    assert found["test_accuracy"] > 0.8
    assert found["network"] in {"mixed", "bspline", "cheby", "rbf", "bspline + cheby"}


FAULTS = {
    "nothing": (("classify",), 2, "no input given; DATA expected"),
    "two sources": (("classify", "d", "--sample"), 2, "both DATA and --sample found"),
    "float16": (("classify", "d", "--precision", "float16", "--device", "cpu"), 2, "--precision float16 on cpu"),
    "no data": (("classify", "nowhere"), 3, "nowhere: no such file"),
    "format": (("classify", "d", "--layout", "idx"), 3, "no IDX images"),
    "size": (("classify", "d", "--resize", "a"), 2, "--resize: a found"),
    "channels": (("classify", "d", "--channels", "0"), 2, "--channels: 0 found"),
    "deep": (("classify", "d", "--channels", "2,2,2,2"), 2, "4 convolutions on images of 8 x 8 pixels"),
    "shape": (("predict", "run", "other.npz"), 3, "images of 5 x 4 pixels, 1 channels found; 8 x 8, 1"),
    "table": (("explain", "run"), 3, "kan-fit classifier found; kan-fit table expected"),
    "few": (("classify", "few.npz"), 3, "cannot be divided"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_line_and_a_code(trained, capsys, monkeypatch, fault, tmp_path):
    monkeypatch.chdir(trained[0].parent)
    np.savez("other.npz", x=np.zeros((6, 4, 5), np.uint8), y=np.arange(6) % 2)
    np.savez("few.npz", x=np.zeros((6, 8, 8), np.uint8), y=np.arange(6) % 2)
    words, code, message = FAULTS[fault]
    assert launch(app, ["kan-fit", *words, "-o", str(tmp_path / "o"), "-q"]) == code
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("vcli: error: ")
    assert message in errors[0]
    assert len(errors) <= 2


@pytest.fixture
def fresh_accelerate():
    """Forget the precision of this process's other trainings, and of this one: accelerate keeps the first."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.usefixtures("fresh_accelerate")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_network_is_trained_in_the_precision_that_is_recorded(pictures, tmp_path, monkeypatch, precision):
    seen = []
    step = ClassifierTask.training_step

    def watched(task, network, batch):
        # Inside the loop, where autocast is on: what a convolution gives is in the number format of the training.
        hooked = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
        handles = [one.register_forward_hook(lambda _m, _i, out: seen.append(out.dtype)) for one in hooked]
        try:
            return step(task, network, batch)
        finally:
            for handle in handles:
                handle.remove()

    monkeypatch.setattr(ClassifierTask, "training_step", watched)
    words = ("--arch", "cnn", "--channels", "3", "--epochs", "1", "--no-compare", "--no-pictures", "--device", "cpu")
    out = tmp_path / "o"
    assert launch(app, ["kan-fit", "classify", str(pictures), *words, "--precision", precision, "-o", str(out)]) == 0
    assert set(seen) == {getattr(torch, precision)}
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["precision"] == precision


def test_a_damaged_classifier_is_said(trained, pictures, capsys, tmp_path):
    for name in ("model.json", "model.safetensors"):
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 100)
    assert launch(app, ["kan-fit", "predict", str(tmp_path), str(pictures), "-o", str(tmp_path / "o")]) == 3
    assert "model.json: damaged" in capsys.readouterr().err


def test_an_ordinary_network_can_be_trained_alone(pictures, tmp_path):
    words = ("--arch", "cnn", "--channels", "4", "--epochs", "10", "--batch-size", "16", "--no-compare")
    done = run("classify", pictures, *words, "-o", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = read_metrics(tmp_path / "r")
    assert found["network"] == "cnn"
    assert found["test_accuracy"] > 0.9
    assert not (tmp_path / "r" / "plots" / "functions.png").exists()
    predicted = run("predict", "r", pictures, "-o", "p", "--json", cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    assert json.loads(predicted.stdout)["accuracy"] > 0.9
