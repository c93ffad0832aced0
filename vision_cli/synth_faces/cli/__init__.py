"""``vcli synth-faces``: a module a verb."""

from __future__ import annotations

# The order is that of the help.
from vision_cli.synth_faces.cli import generate, annotate, evaluate, export, export_ip_adapter  # isort: skip
from vision_cli.synth_faces.cli import train_fer, train_base, train_adapter, train_anno, info  # isort: skip
from vision_cli.synth_faces.cli.app import app

__all__ = [
    "annotate",
    "app",
    "evaluate",
    "export",
    "export_ip_adapter",
    "generate",
    "info",
    "train_adapter",
    "train_anno",
    "train_base",
    "train_fer",
]
