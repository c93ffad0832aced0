"""``vcli submit``: commands as jobs of a scheduler."""

from vision_cli.housekeeping.submit.command import app

__all__ = ["app"]
