"""``vcli synth-faces``: a module a verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.synth_faces.cli import generate, export, train_base, train_fer, evaluate, info  # isort: skip
from vision_cli.synth_faces.cli.app import app

__all__ = ["app", "evaluate", "export", "generate", "info", "train_base", "train_fer"]
