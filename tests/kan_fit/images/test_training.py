"""Batches, losses and precision of the training of a classifier."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from torch.nn import functional

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.compute.training import Schedule
from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.images.training import ClassifierTask, as_images, predict_logits
from vision_cli.kan_fit.networks.classifiers import Classifier, plan_classifier


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


POOL = ("bspline", "cheby")
SCHEDULE = Schedule(4, 2, 1e-2, decay=False, warm_up=1, weight_decay=0.0, validate_every=1, save_every=1)
IMAGES = Images(
    np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), dtype=np.uint8), np.arange(8) % 2, tuple("abcdefgh")
)


def task(**options):
    network = Classifier(plan_classifier("conv", (1, 8, 8), 2, (2,), POOL), torch.Generator().manual_seed(0))
    return ClassifierTask(network, IMAGES, IMAGES, SCHEDULE, torch.device("cpu"), **options), network


def test_a_pass_loads_every_image_once():
    batches, _ = task()
    loaded = [batches.load([number, number + 1]).images for number in (0, 2, 4, 6)]
    found = sorted(image.numpy().tobytes() for batch in loaded for image in batch)
    assert found == sorted(image.numpy().tobytes() for image in as_images(IMAGES.pixels, torch.device("cpu")))


def test_shifted_images_are_moved_by_a_pixel_at_most_and_the_same_each_time():
    plain, _ = task()
    shifted, _ = task(augment="shift")
    before, after = plain.load([0]).images[0, 0], shifted.load([0]).images[0, 0]
    assert torch.equal(after, shifted.load([0]).images[0, 0])
    padded = functional.pad(before[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    moves = [padded[row : row + 8, column : column + 8] for row in range(3) for column in range(3)]
    assert any(torch.equal(after, moved) for moved in moves)


def test_full_training_adds_the_entropy_of_the_gates_and_selective_training_hardens_them():
    full, network = task()
    batch = full.load([4, 5])
    losses = full.training_step(network, batch)
    # Every layer has two modes a node, whose gates are equal at the start.
    assert float(losses["gate_entropy"]) == pytest.approx(2 * math.log(2), rel=1e-5)
    selective, network = task(hard_gates=True)
    assert set(selective.training_step(network, batch)) == {"loss"}
    assert all(layer.is_hard and layer.tau == pytest.approx(0.1**batch.share) for layer in network.expansions())


def test_validation_measures_are_those_of_the_logits():
    measured, network = task()
    found = measured.validation_step(network)
    logits = predict_logits(network, IMAGES, torch.device("cpu"))
    assert found["accuracy"] == pytest.approx(float((logits.argmax(1).numpy() == IMAGES.labels).mean()))
    assert found["nll"] == pytest.approx(float(functional.cross_entropy(logits, torch.from_numpy(IMAGES.labels))))
