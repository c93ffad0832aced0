"""``vcli completions``: completion scripts of shells."""

from vision_cli.housekeeping.completions.command import app

__all__ = ["app"]
