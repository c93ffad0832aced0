"""Environments of baselines, and the measuring of processes."""

from __future__ import annotations

import json
import math
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

import vision_cli
from vision_cli.core.command.console import Output
from vision_cli.core.compute import baselines, process_cost
from vision_cli.core.errors import Interrupted, MissingError, PartialFailure
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.locks import DirectoryLock

QUIET = Output(quiet=True)
LIST = """# Words.
[ants]
antspyx==0.6.3  # capped

[convexadam]
torch>=2.5
--no-deps convexAdam==0.2.0
"""
SHIPPED = sorted(Path(vision_cli.__file__).parent.glob("*/evaluation/baselines.txt"))


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "task" / "evaluation" / "baselines.txt"
    path.parent.mkdir(parents=True)
    path.write_text(LIST)
    return path


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """A uv that writes down what it is asked for and makes empty environments; returns where it writes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program, told = tmp_path / "uv", tmp_path / "uv.txt"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{told}"\n[ "$1" = venv ] && mkdir -p "$5"\nexit 0\n')
    program.chmod(0o755)
    monkeypatch.setattr(baselines.shutil, "which", lambda name: str(program))
    return told


def test_a_list_has_a_section_for_each_environment(listed):
    assert baselines.read_packages(listed) == {
        "ants": baselines.Packages(("antspyx==0.6.3",), ()),
        "convexadam": baselines.Packages(("torch>=2.5",), ("convexAdam==0.2.0",)),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [("numpy\n[a]\n", "numpy found on line 1; a section"), ("[a]\nx\n[a]\n", r"section \[a\] found twice")],
)
def test_a_list_without_order_is_refused(listed, text, message):
    listed.write_text(text)
    with pytest.raises(ValueError, match=message):
        baselines.read_packages(listed)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parts[-3])
def test_a_shipped_list_names_packages_as_installers_read_them(path):
    for packages in baselines.read_packages(path).values():
        assert packages.requirements
        for text in (*packages.requirements, *packages.without_dependencies):
            Requirement(text)


def test_three_tasks_ship_a_list():
    assert [path.parts[-3] for path in SHIPPED] == ["kan_fit", "register", "rppg_adapt"]


def test_a_folder_that_is_no_environment_is_refused(tmp_path, listed):
    with pytest.raises(MissingError, match=r"--baselines-env .*: no bin/python"):
        baselines.baseline_python(listed, "ants", tmp_path, QUIET)


def test_a_ready_environment_serves_all_sections(tmp_path, listed):
    python = tmp_path / "ready" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    for section in ("ants", "convexadam"):
        assert baselines.baseline_python(listed, section, tmp_path / "ready", QUIET) == python


def test_without_uv_it_is_said_what_to_do(tmp_path, monkeypatch, listed):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="uv: not found") as refused:
        baselines.baseline_python(listed, "ants", None, QUIET)
    assert "--baselines-env" in (refused.value.hint or "")


def test_an_environment_is_made_once_for_a_section(tmp_path, listed, uv):
    for _ in range(2):
        python = baselines.baseline_python(listed, "convexadam", None, QUIET)
    assert python == tmp_path / "cache" / "vision_cli" / "baselines" / "task" / "convexadam" / "bin" / "python"
    commands = uv.read_text().splitlines()
    assert len(commands) == 3
    assert commands[1].endswith(f"--python {python} torch>=2.5")
    assert commands[2].endswith("--no-deps convexAdam==0.2.0")


def test_a_section_that_changed_is_made_anew_and_no_other(listed, uv):
    for section in ("ants", "convexadam"):
        baselines.baseline_python(listed, section, None, QUIET)
    listed.write_text(LIST.replace("0.6.3", "0.6.4"))
    before = len(uv.read_text().splitlines())
    for section in ("ants", "convexadam"):
        baselines.baseline_python(listed, section, None, QUIET)
    commands = uv.read_text().splitlines()[before:]
    assert len(commands) == 2
    assert commands[1].endswith("antspyx==0.6.4")


def test_an_environment_that_another_process_makes_is_waited_for(tmp_path, monkeypatch, listed, uv):
    home = tmp_path / "cache" / "vision_cli" / "baselines" / "task"
    mark = home / "ants" / "made-from.sha256"
    mark.parent.mkdir(parents=True)
    made = baselines.read_packages(listed)["ants"].digest
    monkeypatch.setattr(baselines.time, "sleep", lambda seconds: mark.write_text(made))
    with DirectoryLock(home):
        python = baselines.baseline_python(listed, "ants", None, QUIET)
    assert python == home / "ants" / "bin" / "python"
    assert not uv.exists()


def test_memory_and_time_are_those_of_the_command_alone(tmp_path):
    ballast = np.ones(40_000_000)
    work = "import time; x = bytearray(60_000_000); t = time.process_time()\nwhile time.process_time() - t < .3: pass"
    cost = baselines.run_measured("work", [sys.executable, "-I", "-S", "-c", work], tmp_path, 1)
    assert ballast.nbytes / 1e6 > cost.peak_rss_mb > 60
    assert 0.3 <= cost.cpu_s < 2
    assert cost.wall_s >= cost.cpu_s * 0.9


def test_a_command_gets_the_number_of_threads(tmp_path):
    code = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS'])"
    baselines.run_measured("threads", [sys.executable, "-c", code], tmp_path, 3)
    assert (tmp_path / "printed.txt").read_text().split() == ["3", "3"]


def test_a_command_that_fails_is_told_by_its_last_line(tmp_path):
    with pytest.raises(PartialFailure, match="broken: ended with status 3: the reason"):
        baselines.run_measured("broken", ["/bin/sh", "-c", "echo first; echo the reason; exit 3"], tmp_path, 1)


def test_an_interruption_stops_the_command(tmp_path, monkeypatch):
    def stop():
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(interrupts, "check", stop)
    with pytest.raises(Interrupted):
        baselines.run_measured("long", ["/bin/sleep", "60"], tmp_path, 1)


def test_measured_costs_are_written_as_json(tmp_path):
    assert process_cost.run_and_measure(tmp_path / "cost.json", ["/bin/sh", "-c", "exit 2"]) == 2
    found = json.loads((tmp_path / "cost.json").read_text())
    assert found["status"] == 2
    assert all(math.isfinite(found[name]) for name in ("wall_s", "cpu_s", "peak_rss_mb"))
