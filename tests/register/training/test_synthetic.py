from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.compute.training import Schedule, Trainer
from vision_cli.core.compute.weights import shipped_weights, verify
from vision_cli.core.runs.runs import Run
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import brain_labels
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.options.training import LossWeights
from vision_cli.register.pipeline.weights import load_network
from vision_cli.register.training.synthesis import PairSource, Recipe
from vision_cli.register.training.synthetic import PHASES, Phase, SyntheticTask

CPU = torch.device("cpu")


RECIPE = Recipe(across=0.0, shapes=1.0)


def task_of(shape=(32, 32), steps=10, variant="diffeo", phases=None, seed=0, **options):
    torch.manual_seed(0)
    schedule = Schedule(steps, 2, 1e-3, validate_every=steps, save_every=steps, monitor="dice", seed=seed)
    phases = phases or [Phase(1.0, shape, 4.0, RECIPE, LossWeights())]
    return SyntheticTask(WiNet(len(shape), 2, variant=variant), phases, schedule, CPU, validation_pairs=2, **options)


def train(task, directory):
    with Run.open(directory, command="tiny train", options={}) as run:
        progress = Trainer(run, task, task.schedule, samples=None, load=task.load).fit()
        run.finish()
    return progress


def test_phases_follow_each_other():
    second = Phase(1.0, (16, 32), 8.0, RECIPE, LossWeights(similarity=0.0))
    task = task_of(steps=10, phases=[Phase(0.4, (32, 32), 4.0, RECIPE, LossWeights()), second])
    shapes = [tuple(task.load([2 * step, 2 * step + 1]).pairs[0].fixed.shape) for step in range(10)]
    assert shapes == [(32, 32)] * 4 + [(16, 32)] * 6
    losses = task.training_step(task.network, task.load([18, 19]))
    torch.testing.assert_close(
        losses["loss"], 0.7 * losses["overlap"] + 0.7 * losses["endpoint"] + 0.15 * losses["smoothness"]
    )


@pytest.mark.parametrize("dim", [2, 3])
def test_the_phases_of_the_shipped_weights_end_with_the_training_and_fit_the_network(dim):
    phases = PHASES[dim]
    assert [phase.until for phase in phases] == sorted(phase.until for phase in phases)
    assert phases[-1].until == 1.0
    assert all(len(phase.shape) == dim and not any(n % 16 for n in phase.shape) for phase in phases)


def test_steps_see_other_pairs_than_validations(monkeypatch):
    task = task_of()
    (seen,), (again,), (other,) = (task.load([n]).pairs for n in (0, 0, 1))
    assert torch.equal(seen.fixed, again.fixed)
    assert not torch.equal(seen.fixed, other.fixed)
    assert not torch.equal(seen.fixed, task_of(seed=1).load([0]).pairs[0].fixed)
    seeds = []
    draw = PairSource.draw
    monkeypatch.setattr(PairSource, "draw", lambda self, seed, *rest: (seeds.append(seed), draw(self, seed, *rest))[1])
    for number in range(20):
        task.load([number])
    trained = set(seeds)
    seeds.clear()
    with torch.no_grad():
        task.validation_step(task.network)
    assert len(seeds) == 2
    assert not trained & set(seeds)


def test_a_network_learns_one_pair():
    task = task_of()
    torch.manual_seed(0)
    task.network = WiNet(2, 4)
    optimiser = torch.optim.Adam(task.network.parameters(), lr=3e-3)
    batch, rows = task.load([3]), []
    batch = replace(batch, phase=replace(batch.phase, weights=LossWeights(similarity=0.0, smoothness=0.02)))
    for _ in range(90):
        losses = task.training_step(task.network, batch)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
        rows.append({name: float(value.detach()) for name, value in losses.items()})
    assert rows[-1]["endpoint"] < 0.15 * rows[0]["endpoint"]
    assert rows[-1]["overlap"] < 0.7 * rows[0]["overlap"]


def test_a_run_validates_and_keeps_weights(tmp_path):
    progress = train(task_of(steps=4), tmp_path / "run")
    assert progress.step == 4
    assert {"val_dice", "val_dice_before", "val_endpoint_mm", "val_folds_voxels"} <= progress.rows[-1].keys()
    assert (tmp_path / "run" / "best.safetensors").exists()


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    directory = tmp_path_factory.mktemp("maps") / "maps"
    directory.mkdir()
    for number in range(3):
        labels = brain_labels((42, 52, 42), (4.0, 4.0, 4.0), np.random.default_rng(number))
        write_volume(directory / f"{number}.nii.gz", labels, np.diag([4.0, 4.0, 4.0, 1.0]))
    return directory


def train_command(*words):
    return launch(app, ["register", "train", "--synthetic", "--width", "2", "--threads", "2", *map(str, words)])


@pytest.mark.slow
def test_the_verb_writes_weights_a_card_and_the_line_that_makes_them_again(maps, tmp_path, capfd):
    out = tmp_path / "run"
    words = ["--dim", "2", "--label-maps", maps, "--steps", "4", "--wavelet", "db2", "--no-refine"]
    assert train_command(*words, "-o", out) == 0
    network = load_network(out / "weights.safetensors")
    assert (network.dim, network.wavelet, network.variant) == (2, "db2", "diffeo")
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    for name in ("weights.json", "weights.safetensors"):
        shutil.copy(out / name, shipped)
    (card,) = shipped_weights(shipped)
    assert verify(card)
    assert card.training_command == (
        "vcli register train --synthetic --label-maps maps --dim 2 --steps 4 --wavelet db2 --width 2 --no-refine"
    )
    assert card.metrics["dice_before"] > 0
    assert card.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert set(card.metrics) == set(json.loads((out / "metrics.json").read_text(encoding="utf-8")))
    assert all(tensor.dtype == torch.float16 for tensor in load_file(out / "weights.safetensors").values())
    assert "endpoint_mm" in capfd.readouterr().out
    assert train_command(*words, "-o", tmp_path / "again") == 0
    assert (tmp_path / "again" / "weights.safetensors").read_bytes() == (out / "weights.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ((), "0 label maps found; two or more expected"),
        ((np.ones((9, 9, 9), np.int16),), "1 label maps found; two or more expected"),
        ((np.full((9, 9, 9), 300, np.int16), np.ones((9, 9, 9), np.int16)), "labels 300 to 300 found; 0 to 255"),
        ((np.ones((9, 9), np.uint8), np.ones((9, 9, 9), np.uint8)), "2D labels found; 3D ones expected"),
    ],
)
def test_label_maps_that_are_of_no_use_are_refused(tmp_path, capfd, content, message):
    directory = tmp_path / "maps"
    directory.mkdir()
    for number, labels in enumerate(content):
        write_volume(directory / f"{number}.nii.gz", labels, np.eye(labels.ndim + 1))
    assert train_command("--label-maps", directory, "-o", tmp_path / "run") == 3
    assert message in capfd.readouterr().err
