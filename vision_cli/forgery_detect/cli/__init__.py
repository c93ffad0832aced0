"""``vcli forgery-detect``: a module a verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.forgery_detect.cli import predict, index, audit, extract, synth, train  # isort: skip
from vision_cli.forgery_detect.cli.app import app

__all__ = ["app", "audit", "extract", "index", "predict", "synth", "train"]
