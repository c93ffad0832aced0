from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import save_file

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.compute.training import Schedule
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import Difference, slice_pair
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.options.training import LossWeights
from vision_cli.register.pipeline.weights import describe_network, load_network
from vision_cli.register.training import synthetic
from vision_cli.register.training.dataset import PairDataset
from vision_cli.register.training.images import ImageTask, _augmented
from vision_cli.register.training.objective import soft_dice

CPU = torch.device("cpu")


BENT = Difference(deform_mm=3, correlation_mm=40, shift_mm=2, angle_deg=2, stretch=0.02)


SMALL = ("--layout", "csv", "--weights", "none", "--width", "2", "--threads", "1", "--spacing", "4")


def cohort_of(count=4, labels=True, shape=(32, 48)):
    generator = torch.Generator().manual_seed(0)
    images = torch.nn.functional.interpolate(torch.rand(count, 1, 8, 12, generator=generator), shape)[:, 0]
    maps = (images.numpy() * 4).astype(np.int32) if labels else None
    pairs = tuple((a, b) for a in range(count - 1) for b in range(count - 1) if a != b)
    return PairDataset(images.half(), maps, 2.0, pairs, ((count - 1, 0),), {})


def task_of(dataset, **options):
    torch.manual_seed(0)
    return ImageTask(WiNet(2, 2), dataset, Schedule(10, 2), CPU, **{"weights": LossWeights(), **options})


@pytest.mark.parametrize("labels", [True, False])
def test_losses_are_those_that_the_images_allow(labels):
    task = task_of(cohort_of(labels=labels))
    losses = task.training_step(task.network, task.load([0, 1]))
    assert set(losses) == {"loss", "similarity", "smoothness", *(["overlap"] if labels else [])}
    with torch.no_grad():
        measures = task.validation_step(task.network)
    assert ("dice" in measures) is labels
    assert measures["similarity_gain"] == pytest.approx(measures["similarity_before"] - measures["similarity"])


def test_a_pass_sees_every_pair_once_and_another_pass_sees_them_varied():
    dataset = cohort_of()
    task = task_of(dataset, augment=False)
    count = len(dataset.training)
    passes = [[task.load([n + start])[0].fixed.sum().item() for n in range(count)] for start in (0, count)]
    assert sorted(passes[0]) == pytest.approx(sorted(passes[1]))
    assert passes[0] != passes[1]
    varied = task_of(dataset)
    first, again, later = (varied.load([n])[0] for n in (0, 0, count))
    assert torch.equal(first.fixed, again.fixed)
    assert not torch.equal(first.fixed, later.fixed)


def test_variation_moves_both_images_and_their_labels_alike():
    dataset = cohort_of()
    example = dataset.example((0, 0), CPU)
    still = torch.zeros(2, *example.fixed.shape)
    for seed in range(4):
        seen = _augmented(example, torch.Generator().manual_seed(seed))
        assert torch.equal(seen.fixed, seen.moving)
        assert float(soft_dice(seen.fixed_soft_labels, seen.moving_soft_labels, still)) == pytest.approx(1.0, abs=1e-5)
        assert 0 <= float(seen.fixed.min()) <= float(seen.fixed.max()) <= 1
        assert not torch.equal(seen.fixed, example.fixed)


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """A table of eight labelled slices of four heads."""
    directory = tmp_path_factory.mktemp("slices")
    rows = ["id,image,label"]
    for number in range(4):
        pair = slice_pair(number, (44, 52), (4.0, 4.0), difference=BENT)
        for name, values, labels, vox2ras in (
            (f"f{number}", pair.fixed, pair.fixed_labels, pair.fixed_vox2ras),
            (f"m{number}", pair.moving, pair.moving_labels, pair.moving_vox2ras),
        ):
            write_volume(directory / f"{name}.nii.gz", values, vox2ras)
            write_volume(directory / f"{name}l.nii.gz", labels, vox2ras)
            rows.append(f"{name},{name}.nii.gz,{name}l.nii.gz")
    (directory / "labelled.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    plain = [",".join(row.split(",")[:2]) for row in rows]
    (directory / "plain.csv").write_text("\n".join(plain) + "\n", encoding="utf-8")
    return directory


def train(*words):
    return launch(app, ["register", "train", *map(str, words)])


def history(directory):
    with (directory / "history.csv").open(encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_a_network_trained_on_slices_registers_them_better(slices, tmp_path, capfd):
    out = tmp_path / "run"
    words = (slices / "labelled.csv", "--layout", "csv", "--steps", 40, "--spacing", 4, "--threads", 1, "-o", out)
    assert train(*words) == 0
    rows = history(out)
    measures = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert measures["dice"] > measures["dice_before"]
    assert len(rows) == 40
    assert rows[-1]["val_dice"] <= measures["dice"] + 1e-9
    network = load_network(out / "weights.safetensors")
    assert network.longest_side == 64
    pair = ("--weights", out / "weights.safetensors", "--method", "network", "-o", tmp_path / "pair", "--no-pictures")
    assert launch(app, ["register", *map(str, (slices / "f3.nii.gz", slices / "m3.nii.gz", *pair))]) == 0
    record = json.loads((tmp_path / "pair" / "run.json").read_text(encoding="utf-8"))
    assert record["network"]["weights"].endswith("weights.safetensors")
    assert record["network"]["used"]


@pytest.mark.slow
def test_unlabelled_images_train_without_a_validation(slices, tmp_path):
    out = tmp_path / "run"
    assert train(slices / "plain.csv", *SMALL, "--epochs", 1, "--batch-size", 8, "-o", out) == 0
    rows = history(out)
    # Eight images are 56 pairs, one pass over them seven steps of eight.
    assert len(rows) == 7
    assert not any(name.startswith("val_") for name in rows[-1])
    measures = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert set(measures) == {"loss_first", "loss_last"}
    assert (out / "weights.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("steps", [14])
def test_a_training_killed_and_resumed_goes_on_with_the_same_numbers(slices, tmp_path, steps):
    words = (slices / "labelled.csv", *SMALL, "--val-fraction", 0.25, "--steps", steps)
    assert train(*words, "-o", tmp_path / "whole") == 0
    # A signal leaves a checkpoint, from which a kill would go on as well.
    command = [sys.executable, "-m", "vision_cli", "register", "train", *map(str, words), "-o", str(tmp_path / "cut")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
    deadline = time.monotonic() + 120
    while not (tmp_path / "cut" / "alignments.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert train(*words, "-o", tmp_path / "cut", "--resume") == 0
    losses = [[row["loss"] for row in history(tmp_path / name)] for name in ("whole", "cut")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert len(losses[0]) == steps


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_two_processes_train_as_one(slices, tmp_path):
    words = (slices / "labelled.csv", *SMALL, "--val-fraction", 0.25, "--steps", 6, "--batch-size", 4)
    assert train(*words, "-o", tmp_path / "one") == 0
    port = free_port()
    processes = []
    for rank in range(2):
        environment = {
            **os.environ,
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "ACCELERATE_USE_CPU": "true",
        }
        command = [
            sys.executable,
            "-m",
            "vision_cli",
            "register",
            "train",
            *map(str, words),
            "-o",
            str(tmp_path / "two"),
        ]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, encoding="utf-8"))
    errors = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    losses = [[row["loss"] for row in history(tmp_path / name)] for name in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def formats_seen(monkeypatch):
    """Number formats that convolutions give from now on; accelerate forgets the precision of earlier trainings."""
    AcceleratorState._reset_state()
    seen = set()
    forward = torch.nn.Conv2d.forward

    def watched(self, image):
        given = forward(self, image)
        seen.add(given.dtype)
        return given

    monkeypatch.setattr(torch.nn.Conv2d, "forward", watched)
    return seen


@pytest.fixture(autouse=True)
def no_precision_is_left():
    """Let the next training of this process have a precision of its own."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("data", ["images", "synthetic"])
def test_a_network_is_trained_in_the_precision_that_is_recorded(slices, tmp_path, monkeypatch, precision, data):
    words = (slices / "plain.csv", *SMALL) if data == "images" else ("--synthetic", "--dim", 2, "--width", 2)
    if data == "synthetic":
        monkeypatch.setattr(synthetic, "generate_subjects", lambda count, seed: [])
    seen = formats_seen(monkeypatch)
    words = (*words, "--steps", 2, "--device", "cpu", "--precision", precision, "-o", tmp_path / "run")
    assert train(*words) == 0
    assert seen == {PRECISIONS[precision]}
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert (record["precision"], record["options"]["precision"]) == (precision, precision)
    assert np.isfinite([row["loss"] for row in history(tmp_path / "run")]).all()


@pytest.mark.gpu
def test_half_precision_is_half_precision_where_there_is_cuda(slices, tmp_path, monkeypatch):
    seen = formats_seen(monkeypatch)
    words = (slices / "plain.csv", *SMALL, "--steps", 4, "--device", "cuda", "--precision", "float16")
    assert train(*words, "-o", tmp_path / "run") == 0
    assert seen == {torch.float16}
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["precision"] == "float16"
    assert np.isfinite([row["loss"] for row in history(tmp_path / "run")]).all()


def test_half_precision_on_the_cpu_is_refused_before_anything_is_begun(slices, tmp_path, capfd):
    words = (slices / "plain.csv", *SMALL, "--device", "cpu", "--precision", "float16", "-o", tmp_path / "run")
    assert train(*words) == 2
    assert "--precision float16 on cpu found; float32 or bfloat16 expected there" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "either DATA or --synthetic expected"),
        (("plain.csv", "--synthetic"), 2, "either DATA or --synthetic expected"),
        (("plain.csv", "--layout", "csv", "--ablate"), 2, "--ablate without --synthetic"),
        (("plain.csv", "--layout", "ixi"), 3, "the folder of a data set, with --layout"),
        (("nowhere", "--layout", "folder"), 3, "nowhere: no such file"),
        (("plain.csv", "--layout", "csv", "--weights", "w.safetensors", "--no-align"), 3, "of another network found"),
    ],
    ids=["nothing", "both", "ablate", "layout", "absent", "weights"],
)
def test_what_cannot_be_trained_is_refused(slices, tmp_path, capfd, monkeypatch, words, code, message):
    monkeypatch.chdir(slices)
    network = WiNet(2, 2, "db2")
    save_file(network.state_dict(), slices / "w.safetensors", describe_network(network))
    assert train(*words, "-o", tmp_path / "run") == code
    assert message in capfd.readouterr().err
