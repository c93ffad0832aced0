"""The end of a training: the kept weights in half precision, their measures, and a card that describes them."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import BEST, CARD, LAST, WEIGHTS, Schedule, train_run
from vision_cli.core.runs.files import sha256
from vision_cli.core.runs.records import read_metrics
from vision_cli.core.runs.runs import Run

COMPUTE = Compute(torch.device("cpu"), 1, seed=7)
STEPS = 40


class Line:
    """Fits y = 2 x - 1; its measure is best in the middle."""

    def __init__(self, *, validates=True):
        torch.manual_seed(3)
        self.network = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1))
        self.seen, self.validates = 0, validates

    def load(self, numbers):
        x = torch.stack([torch.randn(1, generator=torch.Generator().manual_seed(n)) for n in numbers])
        return x, 2 * x - 1

    def training_step(self, network, batch):
        return {"loss": ((network(batch[0]) - batch[1]) ** 2).mean()}

    def validation_step(self, network):
        self.seen += 1
        return {"score": -abs(self.seen - 2.0), "number": float(self.seen)} if self.validates else {}


def trained(out, *, task=None, monitor="score", keep="best"):
    schedule = Schedule(STEPS, 4, 1e-2, validate_every=10, save_every=10, monitor=monitor)
    with Run.open(out, command="tiny train", options={}) as run:
        measures = train_run(
            run,
            task or Line(),
            schedule,
            samples=20,
            compute=COMPUTE,
            output=Output(quiet=True),
            data="points of a line",
            command="vcli tiny train --seed 7",
            metadata={"what": "a line"},
            keep=keep,
        )
        run.finish()
    return measures


@pytest.mark.parametrize(("keep", "file", "number"), [("best", BEST, 2.0), ("last", LAST, 4.0)])
def test_the_kept_weights_are_packed_with_their_measures(tmp_path, keep, file, number):
    measures = trained(tmp_path, keep=keep)
    assert measures["number"] == number
    assert read_metrics(tmp_path) == measures
    full, packed = load_file(tmp_path / file), load_file(tmp_path / WEIGHTS)
    for name, value in full.items():
        wanted = value.half() if value.is_floating_point() else value
        assert packed[name].dtype == wanted.dtype
        assert torch.equal(packed[name], wanted)
    with safe_open(tmp_path / WEIGHTS, framework="pt") as stored:
        assert stored.metadata() == {"what": "a line"}


def test_the_card_says_how_the_weights_were_made(tmp_path):
    trained(tmp_path)
    card = json.loads((tmp_path / CARD).read_text(encoding="utf-8"))
    assert card == {
        "task": "tiny",
        # Of the batch normalisation, running mean and variance count and the number of batches does not.
        "parameters": 2 + 4,
        "data": "points of a line",
        "training_command": "vcli tiny train --seed 7",
        "seed": 7,
        "metrics": {"score": 0.0, "number": 2.0},
        "licence": "Apache-2.0",
        "sha256": sha256(tmp_path / WEIGHTS),
    }


def test_without_a_validation_the_losses_are_the_measures(tmp_path):
    measures = trained(tmp_path, task=Line(validates=False), monitor=None)
    assert set(measures) == {"loss_first", "loss_last"}
    assert measures["loss_last"] < measures["loss_first"]


def test_a_process_that_keeps_nothing_writes_nothing(tmp_path):
    schedule = Schedule(2, 4)
    found = train_run(
        None, Line(), schedule, samples=20, compute=COMPUTE, output=Output(quiet=True), data="", command=""
    )
    assert found == {}
