"""``vcli enhance-eval``: a module a verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.enhance_eval.cli import run, enhance, degrade, score, report, train, listing  # isort: skip
from vision_cli.enhance_eval.cli.app import app

__all__ = ["app", "degrade", "enhance", "listing", "report", "run", "score", "train"]
