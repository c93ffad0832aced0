"""``vcli pcd-anomaly``: one module a verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.pcd_anomaly.cli import run, synth, train, predict, evaluate, register, info, merge  # isort: skip
from vision_cli.pcd_anomaly.cli.app import app

__all__ = ["app", "evaluate", "info", "merge", "predict", "register", "run", "synth", "train"]
