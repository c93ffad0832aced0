from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vision_cli.cli import app
from vision_cli.core.command.console import Output
from vision_cli.core.command.invoke import launch
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import Schedule, Trainer
from vision_cli.core.compute.weights import shipped_weights, verify
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import brain_labels
from vision_cli.register.evaluation.ablation import VARIANTS, train_variants
from vision_cli.register.networks import WiNet, load_network
from vision_cli.register.options.training import LossWeights
from vision_cli.register.training.objective import soft_dice
from vision_cli.register.training.synthesis import PairSource, Recipe
from vision_cli.register.training.synthetic import PHASES, Phase, SyntheticTask, SyntheticTraining
from vision_cli.register.transforms import fields

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


@pytest.mark.parametrize("shape", [(32, 48), (32, 16, 32)])
@pytest.mark.parametrize("variant", ["diffeo", "displacement"])
def test_losses_add_up_and_reach_every_parameter(shape, variant):
    task = task_of(shape, variant=variant)
    losses = task.training_step(task.network, task.load([0, 1]))
    total = sum(getattr(LossWeights(), name) * value for name, value in losses.items() if name != "loss")
    assert set(losses) == {"loss", "similarity", "overlap", "endpoint", "smoothness"}
    torch.testing.assert_close(losses["loss"], total)
    losses["loss"].backward()
    assert all(parameter.grad is not None for parameter in task.network.parameters())


def test_the_known_displacement_is_a_minimum_of_the_losses():
    (pair,) = task_of().load([3]).pairs
    still = torch.zeros_like(pair.displacement)
    known, none = (soft_dice(pair.fixed_shares, pair.moving_shares, u) for u in (pair.displacement, still))
    assert float(known) > float(none) + 0.05


def test_a_network_that_moves_nothing_has_the_whole_endpoint_error():
    task = task_of()
    for parameter in task.network.parameters():
        torch.nn.init.zeros_(parameter)
    losses = task.training_step(task.network, task.load([0, 1]))
    assert float(losses["endpoint"].detach()) == pytest.approx(1.0, abs=1e-4)
    assert float(losses["smoothness"].detach()) == 0.0


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


def test_without_motion_dice_is_that_of_the_labels():
    (pair,) = task_of().load([7]).pairs
    still = torch.zeros(2, *pair.fixed.shape)
    assert float(soft_dice(pair.fixed_shares, pair.fixed_shares, still)) == pytest.approx(1.0, abs=1e-5)
    shifted = still.clone()
    shifted[0] = 3.0
    assert float(soft_dice(pair.fixed_shares, pair.fixed_shares, shifted)) < 0.95
    assert float(fields.jacobian_determinant(shifted).min()) == 1.0


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


@pytest.mark.slow
def test_variants_are_trained_alike_and_compared(maps, tmp_path, capfd):
    words = ["--ablate", "--dim", "2", "--label-maps", maps, "--steps", "2", "--width", "1"]
    assert train_command(*words, "-o", tmp_path / "run") == 0
    shown = capfd.readouterr().out
    rows = read_csv_table(tmp_path / "run" / "items.csv", ("id", "dice_before", "dice"))
    assert [row["id"] for row in rows] == list(VARIANTS)
    assert all(name in shown for name in VARIANTS)
    # All see the same pairs, and each is a network of its own.
    assert len({row["dice_before"] for row in rows}) == 1
    assert len({row["dice"] for row in rows}) > 5
    networks = {
        row["id"]: load_network(tmp_path / "run" / "variants" / str(n) / "weights.safetensors")
        for n, row in enumerate(rows)
    }
    assert networks["displacement"].variant == "displacement"
    assert networks["scale 1/8 alone"].scales == 1
    assert not networks["without refinement blocks"].refine


def test_variants_are_not_trained_by_several_processes():
    # Every process but the first is without the run.
    with pytest.raises(UsageError, match="--ablate on several processes found; one expected"):
        train_variants(None, SyntheticTraining(), Compute(CPU, 1, 0), Output(quiet=True), command="")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ((), "0 label maps found; two or more expected"),
        ((np.ones((9, 9, 9), np.int16),), "1 label maps found; two or more expected"),
        ((np.full((9, 9, 9), 300, np.int16), np.ones((9, 9, 9), np.int16)), "labels 300 to 300 found; 0 to 255"),
        ((np.ones((9, 9), np.uint8), np.ones((9, 9, 9), np.uint8)), "2D labels found; 3D expected"),
    ],
)
def test_label_maps_that_are_of_no_use_are_refused(tmp_path, capfd, content, message):
    directory = tmp_path / "maps"
    directory.mkdir()
    for number, labels in enumerate(content):
        write_volume(directory / f"{number}.nii.gz", labels, np.eye(labels.ndim + 1))
    assert train_command("--label-maps", directory, "-o", tmp_path / "run") == 3
    assert message in capfd.readouterr().err
