"""Baselines of benchmarks: an environment for each, and processes whose time and memory are measured.

The packages of a baseline may conflict with those of the project or of another baseline. So each has its own
environment, created from a section of its task's ``baselines.txt``. Ours and the baselines run as processes with the
same limit on threads.
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
from hashlib import sha256
from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.core.errors import MissingError, PartialFailure, UsageError, VcliError
from vision_cli.core.runs import files, interrupts
from vision_cli.core.runs.locks import DirectoryLock

LIST = "baselines.txt"
"""Name of the list of a task's baselines, in its folder ``evaluation``."""

MISSING = 4
"""Exit status of a baseline's script if a package is not installed."""

PRINTED = "printed.txt"
"""File for the output of a measured command."""

_PROCESS_COST = Path(__file__).with_name("process_cost.py")
_SECTION = re.compile(r"\[([a-z0-9-]+)\]")
_NO_DEPENDENCIES = "--no-deps "
_MARK = "made-from.sha256"
_POLL_SECONDS = 0.05
_WAIT_SECONDS = 1.0
_HINT = "Give an environment with the baselines with --baselines-env DIR."
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


@dataclass(frozen=True)
class Packages:
    """Packages of the environment of a baseline.

    Attributes
    ----------
    requirements
        Packages that are installed with their dependencies.
    without_dependencies
        Packages that are installed afterwards without dependencies, as they exclude versions that they work with.
    """

    requirements: tuple[str, ...]
    without_dependencies: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the packages."""
        return sha256("\n".join((*self.requirements, "", *self.without_dependencies)).encode()).hexdigest()


@dataclass(frozen=True)
class Cost:
    """Time and memory of a process.

    Attributes
    ----------
    wall_s, cpu_s
        Wall-clock seconds, and CPU seconds of all threads in user and system mode.
    peak_rss_mb
        Peak resident memory, in 1e6 bytes.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mb: float


def read_packages(path: Path) -> dict[str, Packages]:
    """Return the packages of each environment of a list, by its section.

    Parameters
    ----------
    path
        ``baselines.txt``: a line ``[NAME]`` begins an environment, a line ``--no-deps PACKAGE`` installs a package
        without its dependencies, ``#`` begins a comment.

    Raises
    ------
    ValueError
        If a package precedes the first section, or a section is repeated.
    """
    listed: dict[str, list[str]] = {}
    section = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if match := _SECTION.fullmatch(text):
            section = match.group(1)
            if section in listed:
                raise ValueError(f"{path}: section [{section}] found twice; once expected.")
            listed[section] = []
        elif text:
            if section is None:
                raise ValueError(f"{path}: {text} found on line {number}; a section [NAME] expected first.")
            listed[section].append(text)
    return {
        name: Packages(
            tuple(text for text in lines if not text.startswith(_NO_DEPENDENCIES)),
            tuple(text.removeprefix(_NO_DEPENDENCIES) for text in lines if text.startswith(_NO_DEPENDENCIES)),
        )
        for name, lines in listed.items()
    }


def baseline_python(path: Path, section: str, environment: Path | None, output: Output) -> Path:
    """Return the Python of the environment of a baseline, which is created on first use.

    Parameters
    ----------
    path
        ``TASK/evaluation/baselines.txt``.
    section
        Section of the environment.
    environment
        An existing environment with all baselines; None for one in the user's cache directory.
    output
        Reports the creation of an environment.

    Raises
    ------
    MissingError
        If the environment has no interpreter, or cannot be created.
    ResourceError
        If the cache directory cannot be written to.
    """
    if environment is not None:
        python = _interpreter(environment)
        if not python.is_file():
            raise MissingError(
                f"--baselines-env {environment}: no {python.relative_to(environment)} found; an environment expected.",
                hint="Omit the option to have one created.",
            )
        return python.absolute()
    packages = read_packages(path)[section]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "vision_cli" / "baselines" / path.absolute().parents[1].name
    directory = home / section
    mark = directory / _MARK

    def is_created() -> bool:
        return mark.is_file() and mark.read_text(encoding="utf-8") == packages.digest

    while not is_created():
        interrupts.check()
        with files.writing(home):
            home.mkdir(parents=True, exist_ok=True)
        try:
            # The shards of a benchmark start at the same time; one of them creates the environment.
            with files.writing(home), DirectoryLock(home):
                if not is_created():
                    output.info(
                        f"creating the environment of {section} in {directory}; this may download several 100 MB"
                    )
                    _create_environment(directory, packages)
                    mark.write_text(packages.digest, encoding="utf-8")
        except UsageError:
            time.sleep(_WAIT_SECONDS)
    return _interpreter(directory)


def run_measured(
    name: str, command: Sequence[str], out: Path, threads: int, variables: Mapping[str, str] | None = None
) -> Cost:
    """Run a command; return its time and memory.

    Parameters
    ----------
    name
        Its name in messages.
    command
        Program and arguments.
    out
        Folder for its output and its cost.
    threads
        Number of threads that its libraries may use.
    variables
        Additional environment variables.

    Raises
    ------
    MissingError
        If a package is not installed.
    PartialFailure
        If it fails otherwise.
    Interrupted
        If a signal stops the run; the command is stopped, too.
    """
    result = out / "cost.json"
    # Without site packages the measuring process is small; see process_cost.
    measuring = [sys.executable, "-I", "-S", str(_PROCESS_COST), str(result)]
    run_logged(name, [*measuring, *command], out / PRINTED, threads, variables)
    found = json.loads(result.read_text(encoding="utf-8"))
    return Cost(found["wall_s"], found["cpu_s"], found["peak_rss_mb"])


def run_logged(
    name: str, command: Sequence[str], log: Path, threads: int, variables: Mapping[str, str] | None = None
) -> None:
    """Run a command with a limit on threads, without GPUs, and with its output in a file; raise as `run_measured`.

    Parameters
    ----------
    name
        Its name in messages.
    command
        Program and arguments.
    log
        File for its output.
    threads
        Number of threads that its libraries may use.
    variables
        Additional environment variables.
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


def _create_environment(directory: Path, packages: Packages) -> None:
    uv = shutil.which("uv")
    if uv is None:
        raise MissingError(
            "uv: not found; required to create the environment of a baseline.", hint=f"Install uv. {_HINT}"
        )
    shutil.rmtree(directory, ignore_errors=True)
    install = [uv, "pip", "install", "--quiet", "--python", str(_interpreter(directory))]
    commands = [[uv, "venv", "--quiet", "--python", sys.executable, str(directory)], [*install, *packages.requirements]]
    if packages.without_dependencies:
        commands.append([*install, "--no-deps", *packages.without_dependencies])
    for command in commands:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            reason = " ".join(done.stderr.split())[-400:]
            raise MissingError(f"{directory}: the environment could not be created: {reason}", hint=_HINT)
