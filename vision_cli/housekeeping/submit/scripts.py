"""The batch script that `vcli submit --dry-run` prints: it needs Slurm and vcli, and no file of ours.

It does what the jobs of `vcli submit` do: a task that is preempted or meets its time limit ends with 75, goes back into
the queue and resumes.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vision_cli.core.command.console import PROGRAM
from vision_cli.housekeeping.submit.resources import GRACE_SECONDS, Resources

# A task that was cancelled ends with 75, too, and stays out of the queue: the scheduler has it as running no more.
_REQUEUE = (
    "code=$?",
    "if [ $code = 75 ] && squeue -h -j $SLURM_JOB_ID -t R | grep -q .; then scontrol requeue $SLURM_JOB_ID; fi",
    "exit $code",
)
# What accelerate hands to its processes. Slurm starts them itself, so that its signal and their exit codes arrive.
_RANK = 'export RANK=$SLURM_PROCID LOCAL_RANK=$SLURM_LOCALID; exec "$@"'


def batch_script(name: str, resources: Resources, words: Sequence[str], *, parts: int = 1, processes: int = 1) -> str:
    """Return a script for sbatch, to be submitted from the directory that the command was written for.

    Parameters
    ----------
    name
        Of the job.
    resources
        What each task may use.
    words
        What is typed behind ``vcli``.
    parts
        Tasks of the array; 1 for no array.
    processes
        Of each task, one a GPU.
    """
    directives = (
        f"#SBATCH --{option}" if value is None else f"#SBATCH --{option}={shlex.quote(str(value))}"
        for option, value in _options(name, resources, parts, processes)
    )
    step = ["srun"] if resources.cpus is None else ["srun", "-c", "$SLURM_CPUS_PER_TASK"]
    command = shlex.join([*program(), *words])
    setup = list(resources.setup)
    if setup:
        # The code of the command is looked at, whatever the lines before made of `set -e`.
        setup.append("set +e")
    if processes > 1:
        setup.append(
            f"export WORLD_SIZE={processes} LOCAL_WORLD_SIZE={processes} MASTER_ADDR=127.0.0.1 "
            "MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))"
        )
        command = f"bash -c {shlex.quote(_RANK)} rank {command}"
    return "\n".join(["#!/bin/bash", *directives, *setup, f"{' '.join(step)} {command}", *_REQUEUE, ""])


def program() -> list[str]:
    """Return how this vcli is called from anywhere: the PATH of a job may be another one."""
    script = Path(sys.executable).with_name(PROGRAM)
    return [str(script)] if script.is_file() else [sys.executable, "-m", "vision_cli"]


def _options(name: str, resources: Resources, parts: int, processes: int) -> Iterator[tuple[str, object | None]]:
    """Yield the options of sbatch; None is the value of a flag."""
    cpus = resources.cpus
    if cpus is not None:
        cpus = max(1, cpus // processes)
    given = {
        "job-name": name,
        "array": f"1-{parts}" if parts > 1 else None,
        "nodes": 1 if processes > 1 else None,
        "ntasks": processes if processes > 1 else None,
        "cpus-per-task": cpus,
        "gpus-per-node": resources.gpus,
        "mem": resources.memory,
        "time": resources.minutes,
        "partition": resources.partition,
        "account": resources.account,
        "qos": resources.qos,
        "constraint": resources.constraint,
    }
    yield from ((option, value) for option, value in given.items() if value is not None)
    yield from resources.scheduler_args
    yield from (("requeue", None), ("open-mode", "append"), ("signal", f"USR1@{GRACE_SECONDS}"))
