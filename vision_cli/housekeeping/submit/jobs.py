"""Jobs of a scheduler through submitit: what one does, what it may use, and how it is handed over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vision_cli.core.errors import InputError, MissingError
from vision_cli.housekeeping.submit.resources import GRACE_SECONDS, Resources

if TYPE_CHECKING:
    from submitit.core.core import Job

Cluster = Literal["auto", "slurm", "local", "debug"]

_STOP_SECONDS = 75.0
_POLL_SECONDS = 0.2
# A training may be longer than any time limit: it is put back into the queue as often as it takes.
_REQUEUES = 1000


class CommandJob:
    """A command line as the body of a job: told to stop, it goes back into the queue and resumes.

    The scheduler's signal reaches this process alone; the command is told by SIGTERM, stops at its next safe point and
    is resumed by the requeued job. A command that does not stop in time is killed, and resumes from what it had saved.

    Parameters
    ----------
    words
        What is typed behind ``vcli``.
    processes
        How many of them, started by accelerate, if more than one.
    cpus
        Processors that the command may use, where no scheduler tells it.
    """

    def __init__(self, words: Sequence[str], processes: int = 1, cpus: int | None = None) -> None:
        self.words, self.processes, self.cpus = tuple(words), processes, cpus
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """The program and its words."""
        module = ["-m", "vision_cli", *self.words]
        if self.processes == 1:
            return [sys.executable, *module]
        launcher = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(self.processes)]
        return [sys.executable, *launcher, *module]

    def __call__(self) -> int:
        """Run the command; end this process with its exit code if that is not 0."""
        threads = {} if self.cpus is None else {"OMP_NUM_THREADS": str(self.cpus)}
        # The child inherits what is blocked: the scheduler's signal would end it at once.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        try:
            self._child = subprocess.Popen(self.command, env={**os.environ, **threads})
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})
        # Where processes are stopped one by one, not as a group, the command is told here.
        previous = signal.signal(signal.SIGTERM, lambda *_: self._tell_to_stop())
        try:
            while not self._has_ended():
                time.sleep(_POLL_SECONDS)
            code = self._child.wait()
        finally:
            signal.signal(signal.SIGTERM, previous)
            self._tell_to_stop()
        if code:
            sys.exit(code if code > 0 else 128 - code)
        return code

    def checkpoint(self) -> Any:
        """Stop the command; return what the requeued job does, which is the same."""
        from submitit.helpers import DelayedSubmission

        self._tell_to_stop()
        deadline = time.monotonic() + _STOP_SECONDS
        while not self._has_ended():
            if time.monotonic() > deadline and self._child is not None:
                self._child.kill()
            time.sleep(_POLL_SECONDS)
        return DelayedSubmission(CommandJob(self.words, self.processes, self.cpus))

    def _tell_to_stop(self) -> None:
        if self._child is not None and not self._has_ended():
            with suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGTERM)

    def _has_ended(self) -> bool:
        """Return whether the command has ended, asked without a lock: a signal may come while another one asks."""
        if self._child is None or self._child.returncode is not None:
            return True
        try:
            found = os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return found is not None

    def __getstate__(self) -> Mapping[str, object]:
        """Leave the child out: it stays where it is."""
        return {**self.__dict__, "_child": None}


def choose_cluster(wanted: Cluster) -> Cluster:
    """Return the kind of executor.

    Raises
    ------
    MissingError
        If there is no scheduler.
    """
    has_slurm = shutil.which("sbatch") is not None and shutil.which("srun") is not None
    if wanted == "auto" and has_slurm:
        return "slurm"
    if wanted == "auto" or (wanted == "slurm" and not has_slurm):
        raise MissingError(
            "submit: no scheduler found; sbatch and srun of Slurm expected.",
            hint="`--executor local` runs the parts on this machine, as many at a time as it has processors for.",
        )
    return wanted


def submit_to_slurm(folder: Path, name: str, resources: Resources, jobs: Sequence[CommandJob]) -> list[Job[int]]:
    """Submit jobs, several of them as one array.

    Raises
    ------
    InputError
        If the scheduler refuses them; its words are in the message.
    """
    import submitit
    from submitit.core.utils import FailedJobError

    executor = submitit.SlurmExecutor(folder, max_num_timeout=_REQUEUES)
    executor.update_parameters(**_slurm_parameters(name, resources))
    try:
        with executor.batch():
            submitted = [executor.submit(job) for job in jobs]
    except (subprocess.CalledProcessError, FailedJobError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise InputError(
            f"submit: the scheduler refused the job: {said[-1] if said else error}.",
            hint="`--dry-run` shows the script; `sinfo` what the cluster has.",
        ) from error
    return submitted


def submit_here(folder: Path, resources: Resources, job: CommandJob, *, debug: bool) -> Job[int]:
    """Start a job as a process of this machine; with ``debug`` it runs inside this process when it is waited for."""
    import submitit

    if debug:
        return submitit.DebugExecutor(folder).submit(job)
    executor = submitit.LocalExecutor(folder, max_num_timeout=_REQUEUES)
    executor.update_parameters(
        timeout_min=resources.minutes,
        gpus_per_node=resources.gpus or 0,
        signal_delay_s=GRACE_SECONDS,
        setup=list(resources.setup),
    )
    return executor.submit(job)


def _slurm_parameters(name: str, resources: Resources) -> dict[str, Any]:
    given = {
        "time": resources.minutes,
        "cpus_per_task": resources.cpus,
        "gpus_per_node": resources.gpus,
        "mem": resources.memory,
        "partition": resources.partition,
        "account": resources.account,
        "qos": resources.qos,
        "constraint": resources.constraint,
        "setup": list(resources.setup) or None,
        # Since Slurm 22.05 a step does not take over how many processors a task of its job has.
        "srun_args": None if resources.cpus is None else [f"--cpus-per-task={resources.cpus}"],
    }
    others = {name: True if value is None else value for name, value in resources.scheduler_args}
    fixed = {
        "job_name": name,
        "signal_delay_s": GRACE_SECONDS,
        "additional_parameters": {"requeue": True, **others},
    }
    return {**{key: value for key, value in given.items() if value is not None}, **fixed}


def jobs_in_queue(numbers: Sequence[str]) -> set[str] | None:
    """Return which jobs Slurm still has, array tasks as ``ARRAY_TASK``; None if it does not answer."""
    masters = ",".join(sorted({number.partition("_")[0] for number in numbers}))
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--jobs={masters}"]
    with suppress(OSError, subprocess.TimeoutExpired):
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        # A job that ended some minutes ago is unknown.
        if found.returncode == 0 or "Invalid job id" in found.stderr:
            return set(found.stdout.split())
    return None
