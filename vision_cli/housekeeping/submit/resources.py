"""What a job may use: the words of `vcli submit` for it, and how this machine is shared among parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from vision_cli.core.errors import InputError, UsageError

GRACE_SECONDS = 120
"""How long before its time limit a job is told to stop."""

_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_GIGABYTES = {"K": 2.0**-20, "M": 2.0**-10, "": 2.0**-10, "G": 1.0, "T": 2.0**10}
_SCHEDULER_ARG = re.compile(r"(?:--)?([a-z][a-z0-9-]+)(?:=(.+))?")

_OWN_OPTIONS = {
    "account": "--account",
    "array": "--array",
    "constraint": "--constraint",
    "cpus-per-task": "--cpus",
    "gpus-per-node": "--gpus",
    "mem": "--mem",
    "partition": "--partition",
    "qos": "--qos",
    "time": "--time",
}
_SET_BY_SUBMIT = frozenset({"error", "job-name", "no-requeue", "open-mode", "output", "requeue", "signal", "wrap"})


@dataclass(frozen=True)
class Resources:
    """What a job may use; None leaves it to the scheduler.

    Attributes
    ----------
    minutes
        Time limit.
    cpus, gpus, memory_gb
        For each task.
    partition, account, qos, constraint
        The options of that name of Slurm.
    scheduler_args
        Other options of sbatch by name, None as the value of a flag.
    setup
        Lines of shell that are run before the command.
    """

    minutes: int
    cpus: int | None = None
    gpus: int | None = None
    memory_gb: float | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    scheduler_args: tuple[tuple[str, str | None], ...] = ()
    setup: tuple[str, ...] = ()

    @property
    def memory(self) -> str | None:
        """The memory as Slurm reads it, in whole megabytes."""
        return None if self.memory_gb is None else f"{ceil(self.memory_gb * 1024)}MB"


@dataclass(frozen=True)
class Share:
    """How one machine is shared among parts.

    Attributes
    ----------
    at_once
        How many parts run at the same time.
    cpus
        How many processors each of them uses.
    """

    at_once: int
    cpus: int


def share_machine(parts: int, resources: Resources, cores: int, memory_gb: float) -> Share:
    """Return how many parts run at once, and on how many processors each.

    Without ``--cpus`` every processor gets a part, and what is left over is divided; no processor is given twice.

    Parameters
    ----------
    parts
        How many there are to do.
    resources
        What each of them was said to take.
    cores, memory_gb
        What the machine has free.
    """
    at_once = max(1, min(parts, cores // (resources.cpus or 1)))
    if resources.memory_gb is not None:
        at_once = max(1, min(at_once, int(memory_gb / resources.memory_gb)))
    return Share(at_once, resources.cpus or max(1, cores // at_once))


def parse_memory(text: str) -> float:
    """Return gigabytes; a number alone is megabytes, as Slurm has it.

    Raises
    ------
    UsageError
        If the text is no amount of memory.
    """
    match = _MEMORY.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise UsageError(f"--mem: {text} found; an amount as 16G or 900M expected.")
    return float(match[1]) * _GIGABYTES[match[2].upper()]


def parse_minutes(text: str) -> int:
    """Return whole minutes, rounded up, of a length of time as Slurm writes it.

    That is ``MINUTES``, ``MM:SS``, ``HH:MM:SS``, ``D-HH``, ``D-HH:MM`` or ``D-HH:MM:SS``.

    Raises
    ------
    UsageError
        If the text is no length of time.
    """
    days, dash, rest = text.strip().rpartition("-")
    parts = rest.split(":")
    if (dash and not days.isdigit()) or not all(part.isdigit() for part in parts) or len(parts) > 3:
        raise UsageError(f"--time: {text} found; minutes, HH:MM:SS or D-HH:MM:SS expected.")
    numbers = [int(part) for part in parts]
    if dash:
        hours, minutes, seconds = [*numbers, 0, 0][:3]
    else:
        # Without days, two numbers are minutes and seconds, and one is minutes.
        hours, minutes, seconds = [0, *numbers, 0][:3] if len(numbers) < 3 else numbers
    whole = ceil(((int(days or 0) * 24 + hours) * 60 + minutes) + seconds / 60)
    if whole < 1:
        raise UsageError(f"--time: {text} found; at least a minute expected.")
    return whole


def parse_scheduler_arg(text: str) -> tuple[str, str | None]:
    """Return name and value of an option of sbatch, None as the value of a flag.

    Raises
    ------
    UsageError
        If the text is no option, or one that `vcli submit` has or sets itself.
    """
    match = _SCHEDULER_ARG.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"--scheduler-arg: {text} found; a long option of sbatch as NAME=VALUE or NAME expected.",
            hint="As in `--scheduler-arg nodelist=n1 --scheduler-arg exclusive`.",
        )
    name, value = match[1], match[2]
    if name in _OWN_OPTIONS:
        raise UsageError(f"--scheduler-arg: {name} found; it has an option.", hint=f"Use {_OWN_OPTIONS[name]}.")
    if name in _SET_BY_SUBMIT:
        raise UsageError(f"--scheduler-arg: {name} found; submit sets it itself, so that jobs can resume.")
    return name, value


def read_setup(path: Path | None) -> tuple[str, ...]:
    """Read the lines of shell that come before the command.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}); lines of shell expected.") from error
    return tuple(line for line in lines if line.strip() and not line.startswith("#!"))
