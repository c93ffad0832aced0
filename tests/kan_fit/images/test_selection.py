"""Architectures and selections of a classifier."""

from __future__ import annotations

import pytest

from tests.kan_fit.fits import CLASSIFIER
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.runs.records import read_metrics
from vision_cli.kan_fit.images.selection import auto_hidden


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("--arch", "dense"), ("--select", "gate"), ("--select", "none"), ("--select-level", "layer"), ("--pool", "rbf")],
    ids=["dense", "gate", "none", "layer", "one"],
)
def test_other_networks_and_selections(pictures, tmp_path, words):
    done = launch(
        app,
        ["kan-fit", "classify", str(pictures), *CLASSIFIER, "--no-compare", *words, "-o", str(tmp_path / "o"), "-q"],
    )
    assert done == 0
    found = read_metrics(tmp_path / "o")
    assert found["test_accuracy"] > 0.8
    assert found["network"] in {"mixed", "bspline", "cheby", "rbf", "bspline + cheby"}


@pytest.mark.parametrize(
    ("arch", "side", "hidden"),
    [("dense", 8, (32,)), ("dense", 28, (64,)), ("conv", 16, (10, 18)), ("cnn", 32, (16, 32, 64))],
)
def test_channels_follow_from_the_size_of_the_images(arch, side, hidden):
    assert auto_hidden(arch, side) == hidden
