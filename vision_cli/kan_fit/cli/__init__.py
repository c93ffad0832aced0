"""The command line of ``vcli kan-fit``: a module a verb."""

from __future__ import annotations

# Their order is that of the help.
from vision_cli.kan_fit.cli import fit, classify, predict, explain, benchmark  # isort: skip
from vision_cli.kan_fit.cli.app import app

__all__ = ["app", "benchmark", "classify", "explain", "fit", "predict"]
