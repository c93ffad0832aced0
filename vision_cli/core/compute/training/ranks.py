"""Sharing of one run by the processes of a training: rank 0 has it open and broadcasts its directory and state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from vision_cli.core.errors import ProcessLost, VcliError
from vision_cli.core.runs.runs import Run


def shared_directory(run: Run | None, *, cpu: bool = True) -> Path:
    """Broadcast the run directory from rank 0.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    cpu
        Whether the processes compute on CPUs; takes effect at the first call of a process.
    """
    directory = None if run is None else str(run.directory)
    if PartialState(cpu=cpu).num_processes > 1:
        directory = broadcast_object_list([directory])[0]
    return Path(str(directory))


@dataclass(frozen=True)
class SharedRun:
    """A run that several processes work on.

    Attributes
    ----------
    run
        The open run; None on all processes but the first.
    done
        Whether the run is already done.
    """

    run: Run | None
    done: bool


@contextmanager
def open_shared_run(opened: Callable[[], Run], *, cpu: bool) -> Iterator[SharedRun]:
    """Open a run on rank 0 of a training, and broadcast whether it is already done.

    Parameters
    ----------
    opened
        Opens the run.
    cpu
        Whether the processes compute on CPUs.

    Raises
    ------
    VcliError
        On rank 0, the error of opening the run.
    ProcessLost
        On the others, if rank 0 could not open the run.
    """
    state = PartialState(cpu=cpu)
    with ExitStack() as stack:
        run, failure = None, None
        if state.is_main_process:
            try:
                run = stack.enter_context(opened())
            except VcliError as error:
                failure = error
        done = run is not None and run.already_done
        if state.num_processes > 1:
            # Without this broadcast the others would wait forever for a rank 0 that has ended.
            done, refused = broadcast_object_list([done, failure is not None])
            if refused:
                leave_processes()
            if refused and failure is None:
                raise ProcessLost
        if failure is not None:
            raise failure
        yield SharedRun(run, done)


def leave_processes() -> None:
    """Close the connections to the other processes, once all are here; without others, do nothing.

    A process that ends while its connections are open may be aborted by them. What a process does afterwards, the
    others do not wait for.
    """
    state = PartialState()
    if state.num_processes > 1:
        # The others may be gone already.
        with suppress(RuntimeError):
            state.wait_for_everyone()
            state.destroy_process_group()


@contextmanager
def open_shared_part(
    run: Run | None, name: str, *, command: str, options: Mapping[str, object], cpu: bool
) -> Iterator[SharedRun]:
    """Open a run inside a shared run; see `open_shared_run`.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    name, command, options
        See :meth:`vision_cli.core.runs.runs.Run.part`.
    cpu
        Whether the processes compute on CPUs.
    """

    def open_part() -> Run:
        assert run is not None
        return run.part(name, command=command, options=options)

    with open_shared_run(open_part, cpu=cpu) as shared:
        yield shared
