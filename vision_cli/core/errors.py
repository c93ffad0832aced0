"""The ways a command can end, and the errors that stand for them.

A `VcliError` is a failure that the user can act on: one line that names what was found and what was expected,
and a hint that says what to do. Anything else that is raised is a fault of the program.
"""

from __future__ import annotations

import signal
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of ``vcli``; scripts rely on them, so they never change."""

    DONE = 0
    FAULT = 1
    USAGE = 2
    INPUT = 3
    MISSING = 4
    NUMERICAL = 5
    PARTIAL = 6
    RESOURCE = 7
    FOUND = 10
    INTERRUPTED = 75
    CTRL_C = 130


class VcliError(Exception):
    """A failure that the user can act on.

    Parameters
    ----------
    message
        One line: ``name: value found; value expected.``
    hint
        What to do about it.
    """

    code: ClassVar[ExitCode] = ExitCode.FAULT

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that ends with this error."""
        return self.code


class UsageError(VcliError):
    """The command line asks for something that cannot be."""

    code = ExitCode.USAGE


class InputError(VcliError):
    """An input file is missing, damaged or not what the command takes."""

    code = ExitCode.INPUT


class MissingError(VcliError):
    """Weights, a sample or an optional dependency are not there."""

    code = ExitCode.MISSING


class NumericalError(VcliError):
    """The computation failed or its result was refused by a quality gate."""

    code = ExitCode.NUMERICAL


class PartialFailure(VcliError):
    """The command finished, but some items failed; ``failures.csv`` names them."""

    code = ExitCode.PARTIAL


class ResourceError(VcliError):
    """Disk or memory is full, or a directory cannot be written to."""

    code = ExitCode.RESOURCE


class InputTooLarge(ResourceError):
    """An input takes more memory than there is; of a run over many items only the item with it fails."""


class Found(VcliError):
    """What a ``--fail-on-...`` option asked about was found."""

    code = ExitCode.FOUND


class Interrupted(VcliError):
    """A signal asked the command to stop; what it had is kept and can be resumed.

    Parameters
    ----------
    signum
        The signal: SIGTERM and SIGUSR1 end with 75, SIGINT with 130.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(
            f"interrupted by {signal.Signals(signum).name}.", hint="Go on with the same command and --resume."
        )
        self.signum = signum

    @property
    def exit_code(self) -> ExitCode:
        """75, or 130 after Ctrl-C."""
        return ExitCode.CTRL_C if self.signum == signal.SIGINT else ExitCode.INTERRUPTED


class ProcessLost(Interrupted):
    """Another process of the same work is gone; what the first one had saved can be resumed."""

    def __init__(self) -> None:
        super().__init__(signal.SIGTERM)
        self.message = "another process of this training ended before its end."
        self.args = (self.message,)
