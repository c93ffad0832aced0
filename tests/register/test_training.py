from __future__ import annotations

import pytest
import torch

from vision_cli.core.runs import Run
from vision_cli.core.training import Schedule, Trainer
from vision_cli.register import fields
from vision_cli.register.networks import WiNet
from vision_cli.register.training import SyntheticTask, Weights, _soft_dice

CPU = torch.device("cpu")


def task_of(shape=(32, 32), steps=10, variant="diffeo", **options):
    torch.manual_seed(0)
    schedule = Schedule(steps, 2, 1e-3, validate_every=steps, save_every=steps, monitor="dice", **options)
    return SyntheticTask(WiNet(len(shape), 2, variant=variant), shape, 4.0, schedule, CPU, validation_pairs=2)


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
    total = losses["overlap"] + losses["endpoint"] + losses["smoothness"]
    torch.testing.assert_close(losses["loss"], total)
    losses["loss"].backward()
    assert all(parameter.grad is not None for parameter in task.network.parameters())


def test_the_known_displacement_is_a_minimum_of_the_losses():
    task = task_of()
    (pair,) = task.load([3]).pairs
    known, none = _soft_dice(pair, pair.displacement), _soft_dice(pair, torch.zeros_like(pair.displacement))
    assert float(known) > float(none) + 0.05
    assert float(known) > 0.65


def test_the_endpoint_counts_less_as_training_goes_on():
    task = task_of(steps=100)
    task.weights = Weights(smoothness=0.0, endpoint=(1.0, 0.1), endpoint_until=0.5)
    shares = []
    for number in (0, 50, 100, 150):
        losses = task.training_step(task.network, task.load([number]))
        shares.append(float(((losses["loss"] - losses["overlap"]) / losses["endpoint"]).detach()))
    assert shares == pytest.approx([1.0, 0.55, 0.1, 0.1], abs=1e-4)


def test_steps_see_other_pairs_than_validations():
    task = task_of()
    (seen,), (again,), (other,) = (task.load([n]).pairs for n in (0, 0, 1))
    assert torch.equal(seen.fixed, again.fixed)
    assert not torch.equal(seen.fixed, other.fixed)
    drawn = []
    validated = type(task)._pair

    def remember(stream, number):
        drawn.append(validated(task, stream, number))
        return drawn[-1]

    task._pair = remember
    task.validation_step(task.network)
    assert len(drawn) == 2
    assert not any(torch.equal(seen.fixed, pair.fixed) for pair in drawn)
    assert not torch.equal(seen.fixed, task_of(seed=1).load([0]).pairs[0].fixed)


def test_a_network_learns_one_pair():
    task = task_of()
    torch.manual_seed(0)
    task.network = WiNet(2, 4)
    optimiser = torch.optim.Adam(task.network.parameters(), lr=3e-3)
    batch, rows = task.load([3]), []
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
    same = pair.fixed_labels.clone()
    still = type(pair)(pair.fixed, pair.fixed, same, same, torch.zeros_like(pair.displacement))
    assert float(_soft_dice(still, still.displacement, labels=None)) == pytest.approx(1.0, abs=1e-5)
    shifted = torch.zeros_like(still.displacement)
    shifted[0] = 3.0
    assert float(_soft_dice(still, shifted, labels=None)) < 0.95
    assert float(fields.jacobian_determinant(shifted).min()) == 1.0
