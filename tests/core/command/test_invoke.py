"""Every way a command can end, as its caller sees it: exit code, stdout, stderr."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

TINY = Path(__file__).parents[2] / "tiny.py"


@pytest.mark.parametrize(
    ("how", "code", "first_line"),
    [
        ("fault", 1, "vcli: error: unexpected ZeroDivisionError: a fault of the program"),
        ("items", 6, "vcli: error: 1 of 2 items failed."),
        ("memory", 7, "vcli: error: out of memory: an allocation was refused."),
        ("disk", 7, "vcli: error: out.nii: no space left to write it."),
        ("ctrl-c", 130, "vcli: error: interrupted."),
        ("oserror", 1, "vcli: error: unexpected OSError: [Errno 5] Input/output error"),
    ],
)
def test_an_end_has_its_exit_code_and_one_line(tiny, how, code, first_line):
    done = tiny("tiny", "fail", how)
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == first_line
    assert len(done.stderr.splitlines()) <= 2


def test_a_hint_follows_its_error(tiny):
    assert tiny("tiny", "fail", "items").stderr.splitlines()[1] == "hint: See failures.csv."


def test_bad_input_exits_with_3(tiny, tmp_path):
    (tmp_path / "empty.txt").touch()
    done = tiny("tiny", tmp_path / "empty.txt", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.endswith("empty file found; words expected.\nhint: Give --lenient.\n")


def test_a_planned_command_exits_with_4(tiny):
    assert tiny("later").returncode == 4


def test_a_fault_shows_its_traceback_only_if_asked(tiny):
    silent, verbose = tiny("tiny", "fail", "fault"), tiny("tiny", "fail", "fault", "--verbose")
    assert "Traceback (most recent call last)" not in silent.stderr
    assert "Traceback with --verbose." in silent.stderr
    assert "Traceback (most recent call last)" in verbose.stderr


def test_a_fault_in_a_run_names_the_log_of_the_run(tiny, tmp_path):
    log = tmp_path / "out" / "log.txt"
    done = tiny("tiny", "fail", "fault", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert f"hint: Traceback in {log}." in done.stderr
    assert "ZeroDivisionError: a fault of the program" in log.read_text(encoding="utf-8")


def test_a_reader_that_leaves_is_no_error():
    process = subprocess.Popen(
        [sys.executable, str(TINY), "tiny", "chatter"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout.readline() == "line\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 141


def test_ctrl_c_exits_with_130_and_no_traceback():
    process = subprocess.Popen(
        [sys.executable, str(TINY), "tiny", "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "vcli: error: interrupted.\n"
