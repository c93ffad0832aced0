"""What the tests of core share: programs that run beside the test, and can be killed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Start:
    """Return a function that starts a Python program with arguments; what still runs at the end is killed."""
    processes = []

    def begin(program: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()
