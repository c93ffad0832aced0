"""What the tests of commands share: a program that runs in this process, as most of them are not about the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import TINY, Program, words
from vision_cli.core.command.invoke import launch

__all__ = ["tiny", "words"]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program of tiny.py, called with words and an optional `cwd`."""
    # Its root imports its own module by the name that it has as a program.
    monkeypatch.syspath_prepend(TINY.parent)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        from tiny import root

        line = [str(TINY), *map(str, arguments)]
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", line)
            patch.chdir(cwd or Path.cwd())
            code = launch(root, line[1:])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(line, code, said.out, said.err)

    return run
