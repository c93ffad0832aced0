"""``vcli fewshot-seg``: a module a verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.fewshot_seg.cli import predict, adapt, train, evaluate, prepare, info  # isort: skip
from vision_cli.fewshot_seg.cli.app import app

__all__ = ["adapt", "app", "evaluate", "info", "predict", "prepare", "train"]
