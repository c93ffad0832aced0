"""Peers that benchmarks compare with: their environment, and processes whose time and memory are measured.

A peer's packages may exclude those of the project, so that they live in an environment of their own, made from a list.
Ours and the peers run as processes under the same limits on threads, so that all are measured alike.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core import interrupts
from vision_cli.core.console import Output
from vision_cli.core.errors import MissingError, PartialFailure, VcliError
from vision_cli.core.files import sha256

MISSING = 4
"""Status of a peer's script that lacks a package."""

PRINTED = "printed.txt"
"""What a measured command printed, in its folder."""

_MEASURED = Path(__file__).with_name("measured.py")
_ALONE = re.compile(r"^# without dependencies: (\S+)$", re.MULTILINE)
_MARK = "made-from.sha256"
_POLL_SECONDS = 0.05
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes
    ----------
    wall_s, cpu_s
        Seconds by the clock, and of all its threads in user and system mode.
    peak_rss_mb
        Greatest resident memory, 1e6 bytes.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mb: float


def peers_python(packages: Path, environment: Path | None, output: Output) -> Path:
    """Return the interpreter of the peers' environment, which is made on first use.

    Parameters
    ----------
    packages
        The list of packages, ``peers-TASK.txt``; a line ``# without dependencies: PACKAGE`` installs one by itself.
    environment
        A ready environment; None for the one in the user's cache directory.
    output
        Where it is said that an environment is made.

    Raises
    ------
    MissingError
        If the environment has no interpreter, or cannot be made.
    """
    if environment is not None:
        python = _interpreter(environment)
        if not python.is_file():
            raise MissingError(
                f"--peers-env {environment}: no {python.relative_to(environment)}; an environment expected.",
                hint="Leave the option away to have one made.",
            )
        return python.absolute()
    if not packages.is_file():
        raise MissingError(
            f"{packages.name}: not found; the list of the peers' packages, which is part of a checkout only, expected.",
            hint="Give an environment with the peers by --peers-env DIR, or run from a checkout.",
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vision_cli" / packages.stem
    mark = cache / _MARK
    if not mark.is_file() or mark.read_text(encoding="utf-8") != sha256(packages):
        output.info(f"making the peers' environment in {cache}; this downloads several hundred MB")
        _make_environment(cache, packages)
        mark.write_text(sha256(packages), encoding="utf-8")
    return _interpreter(cache)


def run_measured(
    name: str, command: Sequence[str], out: Path, threads: int, variables: Mapping[str, str] | None = None
) -> Cost:
    """Run a command and measure it.

    Parameters
    ----------
    name
        What it is called in messages.
    command
        Program and arguments.
    out
        Folder for what it prints and what it took.
    threads
        How many threads its libraries may use.
    variables
        Further variables of its environment.

    Raises
    ------
    MissingError
        If it lacks a package.
    PartialFailure
        If it fails otherwise.
    Interrupted
        If a signal asked to stop; the command is stopped too.
    """
    result = out / "cost.json"
    # Without site packages the process between is as small as can be.
    between = [sys.executable, "-I", "-S", str(_MEASURED), str(result)]
    run_logged(name, [*between, *command], out / PRINTED, threads, variables)
    found = json.loads(result.read_text(encoding="utf-8"))
    return Cost(found["wall_s"], found["cpu_s"], found["peak_rss_mb"])


def run_logged(
    name: str, command: Sequence[str], log: Path, threads: int, variables: Mapping[str, str] | None = None
) -> None:
    """Run a command with a limit on threads and without GPUs, what it prints going to a file; raises as `run_measured`.

    Parameters
    ----------
    name
        What it is called in messages.
    command
        Program and arguments.
    log
        File for what it prints.
    threads
        How many threads its libraries may use.
    variables
        Further variables of its environment.
    """
    limits = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    environment = os.environ | limits | {"CUDA_VISIBLE_DEVICES": ""} | dict(variables or {})
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            while process.poll() is None:
                interrupts.check()
                time.sleep(_POLL_SECONDS)
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
        kind: type[VcliError] = MissingError if process.returncode == MISSING else PartialFailure
        raise kind(f"{name}: ended with status {process.returncode}: {last}")


def _interpreter(environment: Path) -> Path:
    return environment / "bin" / "python"


def _make_environment(directory: Path, packages: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        raise MissingError(
            "uv: not found; needed to make the peers' environment.",
            hint="Install uv, or give an environment with the peers by --peers-env DIR.",
        )
    shutil.rmtree(directory, ignore_errors=True)
    directory.parent.mkdir(parents=True, exist_ok=True)
    install = [uv, "pip", "install", "--quiet", "--python", str(_interpreter(directory))]
    alone = _ALONE.findall(packages.read_text(encoding="utf-8"))
    commands = [[uv, "venv", "--quiet", "--python", sys.executable, str(directory)], [*install, "-r", str(packages)]]
    for command in [*commands, [*install, "--no-deps", *alone]] if alone else commands:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            reason = " ".join(done.stderr.split())[-400:]
            raise MissingError(
                f"{directory}: the peers' environment could not be made: {reason}",
                hint="Give an environment with the peers by --peers-env DIR.",
            )
