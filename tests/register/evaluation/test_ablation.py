"""The ablation trains each variant in the same way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.cli import app
from vision_cli.core.command.console import Output
from vision_cli.core.command.invoke import launch
from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import UsageError
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import brain_labels
from vision_cli.register.evaluation.ablation import VARIANTS, train_variants
from vision_cli.register.pipeline.weights import load_network
from vision_cli.register.training.synthetic import SyntheticTraining

CPU = torch.device("cpu")


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
