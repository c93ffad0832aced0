"""``vcli rppg-adapt``: one module per verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.rppg_adapt.cli import predict, preprocess, train, adapt, evaluate, synth, plot, info  # isort: skip
from vision_cli.rppg_adapt.cli.app import app

__all__ = ["adapt", "app", "evaluate", "info", "plot", "predict", "preprocess", "synth", "train"]
