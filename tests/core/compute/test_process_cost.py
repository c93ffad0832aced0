"""The cost of a command is its own: time, memory and exit status."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vision_cli.core.compute import process_cost


@pytest.mark.parametrize(("program", "status", "code"), [("print()", 0, 0), ("import sys; sys.exit(3)", 3, 3)])
def test_the_exit_status_is_that_of_the_command(tmp_path, program, status, code):
    result = tmp_path / "cost.json"
    assert process_cost.run_and_measure(result, [sys.executable, "-S", "-c", program]) == code
    cost = json.loads(result.read_text(encoding="utf-8"))
    assert cost["status"] == status
    assert cost["wall_s"] > 0
    assert cost["cpu_s"] >= 0


def test_a_killed_command_ends_as_in_a_shell_and_its_memory_is_measured(tmp_path):
    result = tmp_path / "cost.json"
    program = "import os; held = bytearray(80_000_000); os.kill(os.getpid(), 9)"
    command = [sys.executable, process_cost.__file__, result, sys.executable, "-S", "-c", program]
    ended = subprocess.run(command, check=False)
    cost = json.loads(result.read_text(encoding="utf-8"))
    assert (ended.returncode, cost["status"]) == (128 + 9, -9)
    assert 80 < cost["peak_rss_mb"] < 200
