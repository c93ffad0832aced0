"""Losses and validation measures of predictions."""

from __future__ import annotations

import pytest
import torch

from vision_cli.core.compute.training import Schedule
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.options.training import LossWeights
from vision_cli.register.training.example import Example
from vision_cli.register.training.objective import Objective, soft_dice
from vision_cli.register.training.synthesis import Recipe
from vision_cli.register.training.synthetic import Phase, SyntheticTask
from vision_cli.register.transforms import fields

CPU = torch.device("cpu")


RECIPE = Recipe(across=0.0, shapes=1.0)


def task_of(shape=(32, 32), steps=10, variant="diffeo", phases=None, seed=0, **options):
    torch.manual_seed(0)
    schedule = Schedule(steps, 2, 1e-3, validate_every=steps, save_every=steps, monitor="dice", seed=seed)
    phases = phases or [Phase(1.0, shape, 4.0, RECIPE, LossWeights())]
    return SyntheticTask(WiNet(len(shape), 2, variant=variant), phases, schedule, CPU, validation_pairs=2, **options)


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
    still = torch.zeros_like(pair.displacement_voxels)
    known, none = (
        soft_dice(pair.fixed_soft_labels, pair.moving_soft_labels, u) for u in (pair.displacement_voxels, still)
    )
    assert float(known) > float(none) + 0.05


def test_a_network_that_moves_nothing_has_the_whole_endpoint_error():
    task = task_of()
    for parameter in task.network.parameters():
        torch.nn.init.zeros_(parameter)
    losses = task.training_step(task.network, task.load([0, 1]))
    assert float(losses["endpoint"].detach()) == pytest.approx(1.0, abs=1e-4)
    assert float(losses["smoothness"].detach()) == 0.0


def test_without_motion_dice_is_that_of_the_labels():
    (pair,) = task_of().load([7]).pairs
    still = torch.zeros(2, *pair.fixed.shape)
    assert float(soft_dice(pair.fixed_soft_labels, pair.fixed_soft_labels, still)) == pytest.approx(1.0, abs=1e-5)
    shifted = still.clone()
    shifted[0] = 3.0
    assert float(soft_dice(pair.fixed_soft_labels, pair.fixed_soft_labels, shifted)) < 0.95
    assert float(fields.jacobian_determinant(shifted).min()) == 1.0


def test_measures_without_a_known_displacement_have_no_endpoint_error():
    image = torch.rand(32, 48, generator=torch.Generator().manual_seed(0))
    labels = torch.stack([image > 0.3, image > 0.6]).float()
    torch.manual_seed(0)
    with torch.no_grad():
        measures = Objective("diffeo").measures(WiNet(2, 2), [Example(image, image, labels, labels)], 2.0)
    assert measures["dice_before"] == pytest.approx(1.0, abs=1e-5)
    assert "endpoint_mm" not in measures
