"""``vcli forgery-detect``: a module a verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.forgery_detect.cli import predict, index, audit, extract, synth, train, evaluate  # isort: skip
from vision_cli.forgery_detect.cli.app import app

__all__ = ["app", "audit", "evaluate", "extract", "index", "predict", "synth", "train"]
