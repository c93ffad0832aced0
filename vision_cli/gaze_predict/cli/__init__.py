"""``vcli gaze-predict``: a module a verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.gaze_predict.cli import predict, evaluate, train, adapt, synth  # isort: skip
from vision_cli.gaze_predict.cli.app import app

__all__ = ["adapt", "app", "evaluate", "predict", "synth", "train"]
