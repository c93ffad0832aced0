"""The peers' environment, and the measuring of processes."""

from __future__ import annotations

import json
import math
import signal
import sys

import numpy as np
import pytest

from vision_cli.core import interrupts, measured, peers
from vision_cli.core.console import Output
from vision_cli.core.errors import Interrupted, MissingError, PartialFailure

QUIET = Output(quiet=True)
LIST = "# Words.\nantspyx==0.6.3\n# without dependencies: convexAdam==0.2.0\n"


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "peers-task.txt"
    path.write_text(LIST)
    return path


def test_a_folder_that_is_no_environment_is_refused(tmp_path, listed):
    with pytest.raises(MissingError, match="no bin/python"):
        peers.peers_python(listed, tmp_path, QUIET)


def test_without_uv_or_the_list_it_is_said_what_to_do(tmp_path, monkeypatch, listed):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    listed.unlink()
    with pytest.raises(MissingError, match="list of the peers' packages") as refused:
        peers.peers_python(listed, None, QUIET)
    assert "--peers-env" in (refused.value.hint or "")
    listed.write_text("nothing")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="uv: not found"):
        peers.peers_python(listed, None, QUIET)


def test_an_environment_is_made_once_for_a_list(tmp_path, monkeypatch, listed):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/uv.txt"\n[ "$1" = venv ] && mkdir -p "$5"\nexit 0\n')
    uv.chmod(0o755)
    monkeypatch.setattr(peers.shutil, "which", lambda name: str(uv))
    for _ in range(2):
        python = peers.peers_python(listed, None, QUIET)
    assert python == tmp_path / "cache" / "vision_cli" / "peers-task" / "bin" / "python"
    commands = (tmp_path / "uv.txt").read_text().splitlines()
    assert len(commands) == 3
    assert commands[2].endswith("--no-deps convexAdam==0.2.0")


def test_memory_and_time_are_those_of_the_command_alone(tmp_path):
    ballast = np.ones(40_000_000)
    work = "import time; x = bytearray(60_000_000); t = time.process_time()\nwhile time.process_time() - t < .3: pass"
    cost = peers.run_measured("work", [sys.executable, "-I", "-S", "-c", work], tmp_path, 1)
    assert ballast.nbytes / 1e6 > cost.peak_rss_mb > 60
    assert 0.3 <= cost.cpu_s < 2
    assert cost.wall_s >= cost.cpu_s * 0.9


def test_a_command_gets_the_number_of_threads(tmp_path):
    code = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS'])"
    peers.run_measured("threads", [sys.executable, "-c", code], tmp_path, 3)
    assert (tmp_path / "printed.txt").read_text().split() == ["3", "3"]


def test_a_command_that_fails_is_told_by_its_last_line(tmp_path):
    with pytest.raises(PartialFailure, match="broken: ended with status 3: the reason"):
        peers.run_measured("broken", ["/bin/sh", "-c", "echo first; echo the reason; exit 3"], tmp_path, 1)


def test_an_interruption_stops_the_command(tmp_path, monkeypatch):
    def stop():
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(interrupts, "check", stop)
    with pytest.raises(Interrupted):
        peers.run_measured("long", ["/bin/sleep", "60"], tmp_path, 1)


def test_measured_costs_are_written_as_json(tmp_path):
    assert measured.measure(tmp_path / "cost.json", ["/bin/sh", "-c", "exit 2"]) == 2
    found = json.loads((tmp_path / "cost.json").read_text())
    assert found["status"] == 2
    assert all(math.isfinite(found[name]) for name in ("wall_s", "cpu_s", "peak_rss_mb"))
