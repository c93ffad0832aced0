"""Batch normalisation over processes is that of one process with the whole batch."""

from __future__ import annotations

import textwrap

import pytest
import torch
from torch import distributed, nn

from tests.processes import as_ranks
from vision_cli.core.compute.training.batch_statistics import SharedBatchNorm, share_batch_statistics

NETWORK = """
import torch
from torch import nn

torch.manual_seed(0)
network = nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Conv1d(3, 1, 3))
values = torch.randn(4, 2, 12) * torch.arange(1, 5)[:, None, None]


def step(network, values):
    found = network(values)
    (found**2).mean().backward()
    return found.detach()
"""

RANK = (
    NETWORK
    + """
import os, sys
from torch import distributed
from vision_cli.core.compute.training.batch_statistics import share_batch_statistics

distributed.init_process_group("gloo")
rank = distributed.get_rank()
share_batch_statistics(network)
found = step(network, values[2 * rank : 2 * rank + 2])
for parameter in network.parameters():
    distributed.all_reduce(parameter.grad)
    parameter.grad /= 2
whole = [torch.empty_like(found) for _ in range(2)]
distributed.all_gather(whole, found)
if rank == 0:
    gradients = [parameter.grad for parameter in network.parameters()]
    torch.save({"found": torch.cat(whole), "gradients": gradients, "state": network.state_dict()}, sys.argv[1])
distributed.destroy_process_group()
"""
)


def test_two_processes_with_half_a_batch_are_one_with_the_whole(tmp_path):
    codes, _, said = as_ranks("-c", textwrap.dedent(RANK), tmp_path / "two.pt")
    assert codes == [0, 0], said
    two = torch.load(tmp_path / "two.pt", weights_only=True)
    scope: dict[str, object] = {}
    exec(NETWORK, scope)
    network = scope["network"]
    torch.testing.assert_close(two["found"], scope["step"](network, scope["values"]), rtol=1e-5, atol=1e-6)
    for one, parameter in zip(two["gradients"], network.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad, rtol=1e-4, atol=1e-6)
    # Parameters and running statistics have torch's names.
    assert list(two["state"]) == list(network.state_dict())
    for name, value in network.state_dict().items():
        torch.testing.assert_close(two["state"][name], value, rtol=1e-5, atol=1e-6)


@pytest.fixture
def alone(tmp_path):
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize(
    ("own", "shape"),
    [
        (nn.BatchNorm1d(3), (4, 3)),
        (nn.BatchNorm3d(3, affine=False), (2, 3, 4, 5, 6)),
        (nn.BatchNorm2d(3, momentum=None), (2, 3, 4, 5)),
        (nn.BatchNorm1d(3, track_running_stats=False), (2, 3, 7)),
    ],
)
def test_every_kind_gives_what_torch_gives(alone, own, shape):
    shared = share_batch_statistics(nn.Sequential(own))[0]
    assert isinstance(shared, SharedBatchNorm)
    torch.manual_seed(1)
    twin = type(own)(3, momentum=own.momentum, affine=own.affine, track_running_stats=own.track_running_stats)
    for _ in range(2):
        values = torch.randn(shape) * 3 + 5
        torch.testing.assert_close(shared(values), twin(values), rtol=1e-5, atol=1e-5)
    for name, value in twin.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[name], value, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(shared.eval()(values), twin.eval()(values), rtol=1e-5, atol=1e-5)
