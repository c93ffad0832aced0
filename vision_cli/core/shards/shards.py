"""The shard of a process, from ``--shard I/N`` or from the array variables of a scheduler."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from vision_cli.core.errors import UsageError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """One of ``count`` equal parts of a list of items.

    Attributes
    ----------
    index
        Number of the part, from 1.
    count
        Number of parts.
    source
        Scheduler variables that it was read from; None if the user gave it.
    """

    index: int
    count: int
    source: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise UsageError(f"--shard {self.index}/{self.count}: part {self.index} found; 1 to {self.count} expected.")

    def __str__(self) -> str:
        """Return number and source as text."""
        return f"part {self.index} of {self.count}" + (f", from {self.source}" if self.source else "")

    @property
    def directory(self) -> str:
        """Name of the shard's folder inside the run."""
        return f"shard-{self.index}-of-{self.count}"

    def take(self, items: Sequence[Item]) -> list[Item]:
        """Return every ``count``-th item, so that no shard is more than one item longer than another."""
        return list(items[self.index - 1 :: self.count])


_TASK_VARIABLES = ("SLURM_ARRAY_TASK_ID", "SGE_TASK_ID", "LSB_JOBINDEX", "PBS_ARRAY_INDEX", "PBS_ARRAYID")
_DIRECTORY = re.compile(r"shard-(\d+)-of-(\d+)")


def find_shards(directory: Path) -> dict[Shard, Path]:
    """Return the shard folders inside a run directory, by shard, in their order."""
    found = {}
    for path in directory.glob("shard-*"):
        match = _DIRECTORY.fullmatch(path.name)
        if match and path.is_dir() and 1 <= int(match[1]) <= int(match[2]):
            found[Shard(int(match[1]), int(match[2]))] = path
    return dict(sorted(found.items(), key=lambda item: (item[0].count, item[0].index)))


def parse_shard(text: str | None, environ: Mapping[str, str] = os.environ) -> Shard | None:
    """Return the shard that ``--shard`` names.

    Parameters
    ----------
    text
        ``I/N`` from 1, ``auto`` (both from the array variables of SLURM, SGE or LSF), ``auto/N`` (the task number only,
        also of PBS: for a scheduler that does not set the count, or an array of some parts), or None for all items.
    environ
        The environment that ``auto`` reads.

    Raises
    ------
    UsageError
        If the text is none of these, or ``auto`` finds no array, or no count.
    """
    if text is None:
        return None
    if text == "auto":
        return _from_scheduler(environ)
    match = re.fullmatch(r"(\d+|auto)/(\d+)", text)
    if not match:
        raise UsageError(f"--shard: {text} found; I/N, as in 3/16, auto or auto/N expected.")
    if match[1] != "auto":
        return Shard(int(match[1]), int(match[2]))
    for name in _TASK_VARIABLES:
        number = environ.get(name, "")
        if number.isdigit() and not (name == "LSB_JOBINDEX" and number == "0"):
            return Shard(int(number), int(match[2]), f"{name}={number}")
    raise _no_array("auto/N")


def _from_scheduler(environ: Mapping[str, str]) -> Shard:
    # SGE and LSF set the task variables in every job; without an array they are "undefined" and 0.
    if environ.get("SLURM_ARRAY_TASK_ID"):
        first = environ.get("SLURM_ARRAY_TASK_MIN")
        return _shard(
            "SLURM",
            environ["SLURM_ARRAY_TASK_ID"],
            first,
            environ.get("SLURM_ARRAY_TASK_MAX"),
            environ.get("SLURM_ARRAY_TASK_STEP"),
            environ.get("SLURM_ARRAY_TASK_COUNT"),
        )
    if environ.get("SGE_TASK_ID", "undefined") != "undefined":
        return _shard(
            "SGE",
            environ["SGE_TASK_ID"],
            environ.get("SGE_TASK_FIRST"),
            environ.get("SGE_TASK_LAST"),
            environ.get("SGE_TASK_STEPSIZE"),
        )
    if environ.get("LSB_JOBINDEX", "0") != "0":
        return _shard(
            "LSF",
            environ["LSB_JOBINDEX"],
            "1",
            environ.get("LSB_JOBINDEX_END"),
            environ.get("LSB_JOBINDEX_STEP"),
        )
    for name in ("PBS_ARRAY_INDEX", "PBS_ARRAYID"):
        if environ.get(name):
            raise UsageError(
                f"--shard auto: PBS task {environ[name]} found; the number of tasks expected, which PBS does not set.",
                hint="Number the tasks from 1 and give their number: --shard auto/COUNT.",
            )
    raise _no_array("auto")


def _no_array(wanted: str) -> UsageError:
    return UsageError(
        f"--shard {wanted}: no array variable of SLURM, PBS, SGE or LSF found.",
        hint="Run it in a job array, or give the part: --shard I/N.",
    )


def _shard(
    scheduler: str, task: str, first: str | None, last: str | None, step: str | None, count: str | None = None
) -> Shard:
    try:
        stride = int(step or 1)
        start = int(first or 1)
        total = int(count) if count else (int(last or "") - start) // stride + 1
        source = f"{scheduler} task {task} of {start} to {start + (total - 1) * stride}"
        return Shard((int(task) - start) // stride + 1, total, source if stride == 1 else f"{source} by {stride}")
    except ValueError as error:
        raise UsageError(
            f"--shard auto: {scheduler} task {task} of {first} to {last or 'an unknown end'} found; numbers expected.",
            hint="Give the part: --shard I/N.",
        ) from error
