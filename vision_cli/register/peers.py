"""The peers' environment, and processes whose time and memory are measured.

Ours and the peers run as processes of their own under the same limits on threads, so that all are measured alike.
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

PEERS = ("greedy", "greedy-2mm", "ants-syn", "ants-syncc", "convexadam")
OURS: Mapping[str, tuple[str, str]] = {
    "fast": ("fast", "auto"),
    "default": ("default", "auto"),
    "accurate": ("accurate", "auto"),
    "fast-optimize": ("fast", "optimize"),
    "default-optimize": ("default", "optimize"),
    "network": ("fast", "network"),
}
"""Preset and method of each of our own ways to register."""

LIST = Path(__file__).parents[2] / "tests" / "bench" / "peers-register.txt"

_RUNNER = Path(__file__).with_name("peer_runner.py")
_MISSING = 4
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


def peers_python(environment: Path | None, output: Output) -> Path:
    """Return the interpreter of the peers' environment, which is made on first use.

    Parameters
    ----------
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
    if not LIST.is_file():
        raise MissingError(
            f"{LIST.name}: not found; the list of the peers' packages, which is part of a checkout only, expected.",
            hint="Give an environment with the peers by --peers-env DIR, or run from a checkout.",
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vision_cli" / "peers-register"
    mark = cache / _MARK
    if not mark.is_file() or mark.read_text(encoding="utf-8") != sha256(LIST):
        output.info(f"making the peers' environment in {cache}; this downloads several hundred MB")
        _make_environment(cache)
        mark.write_text(sha256(LIST), encoding="utf-8")
    return _interpreter(cache)


def run_peer(python: Path, name: str, fixed: Path, moving: Path, out: Path, threads: int) -> Cost:
    """Register with a peer into ``out``; raises as `run_measured`."""
    return run_measured(name, _script(python, name, fixed, moving, out, str(threads)), out, threads)


def run_ours(name: str, fixed: Path, moving: Path, out: Path, threads: int) -> Cost:
    """Register with this program, one of `OURS`, into ``out/run``; raises as `run_measured`."""
    preset, method = OURS[name]
    command = [sys.executable, "-m", "vision_cli", "register", "pair", str(fixed), str(moving), "--preset", preset]
    command += ["--method", method, "--threads", str(threads), "--device", "cpu", "-o", str(out / "run"), "--quiet"]
    return run_measured(f"ours-{name}", command, out, threads)


def ants_difference_pct(python: Path, fixed: Path, moving: Path, ours: Path, threads: int) -> float:
    """Give the greatest difference of ANTs' application of our files from our warped image, % of its range."""
    log = ours.parent / "apply-ants.txt"
    _run("apply-ants", _script(python, "apply-ants", fixed, moving, ours), log, threads)
    return float(json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["difference_pct"])


def run_measured(name: str, command: Sequence[str], out: Path, threads: int) -> Cost:
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
    between = [sys.executable, "-I", "-S", str(_RUNNER), "measure", str(result)]
    _run(name, [*between, *command], out / "printed.txt", threads)
    found = json.loads(result.read_text(encoding="utf-8"))
    return Cost(found["wall_s"], found["cpu_s"], found["peak_rss_mb"])


def _run(name: str, command: Sequence[str], log: Path, threads: int) -> None:
    limits = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    environment = os.environ | limits | {"CUDA_VISIBLE_DEVICES": "", "ANTS_RANDOM_SEED": "1"}
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
        kind: type[VcliError] = MissingError if process.returncode == _MISSING else PartialFailure
        raise kind(f"{name}: ended with status {process.returncode}: {last}")


def _script(python: Path, *words: str | Path) -> list[str]:
    return [str(python), str(_RUNNER), *map(str, words)]


def _interpreter(environment: Path) -> Path:
    return environment / "bin" / "python"


def _make_environment(directory: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        raise MissingError(
            "uv: not found; needed to make the peers' environment.",
            hint="Install uv, or give an environment with the peers by --peers-env DIR.",
        )
    shutil.rmtree(directory, ignore_errors=True)
    directory.parent.mkdir(parents=True, exist_ok=True)
    install = [uv, "pip", "install", "--quiet", "--python", str(_interpreter(directory))]
    alone = _ALONE.findall(LIST.read_text(encoding="utf-8"))
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(directory)],
        [*install, "-r", str(LIST)],
        [*install, "--no-deps", *alone],
    ):
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            reason = " ".join(done.stderr.split())[-400:]
            raise MissingError(
                f"{directory}: the peers' environment could not be made: {reason}",
                hint="Give an environment with the peers by --peers-env DIR.",
            )
