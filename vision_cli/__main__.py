"""The program `vcli`, also called as ``python -m vision_cli``."""

from __future__ import annotations

import sys

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.runs.interrupts import stop_cleanly


def main() -> int:
    """Run the command line of this process and return its exit code."""
    stop_cleanly()
    return launch(app, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
