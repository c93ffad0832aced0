"""``vcli gaze-predict``: a module a verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.gaze_predict.cli import predict, train  # isort: skip
from vision_cli.gaze_predict.cli.app import app

__all__ = ["app", "predict", "train"]
