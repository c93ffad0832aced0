"""``vcli doctor``: what works on this machine."""

from vision_cli.housekeeping.doctor.command import app

__all__ = ["app"]
