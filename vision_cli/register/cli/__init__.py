"""``vcli register``: a module a verb, in the order of the help."""

from vision_cli.register.cli import pair, batch, apply, benchmark, train, evaluate  # noqa: I001
from vision_cli.register.cli.app import app

__all__ = ["app", "apply", "batch", "benchmark", "evaluate", "pair", "train"]
