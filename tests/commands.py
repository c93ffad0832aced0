"""Programs started as processes, as a user starts them; their output is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]

TINY = Path(__file__).with_name("tiny.py")


def program(*start: str) -> Program:
    def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *start, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "COLUMNS": "100"},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def vcli() -> Program:
    """`vcli`, called with words and an optional `cwd`."""
    return program("-m", "vision_cli")


@pytest.fixture
def tiny() -> Program:
    """The program of tiny.py, called likewise."""
    return program(str(TINY))


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A file of four words on two lines."""
    path = tmp_path / "words.txt"
    path.write_text("one two\nthree two\n", encoding="utf-8")
    return path
