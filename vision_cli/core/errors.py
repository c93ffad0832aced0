"""Exit codes of commands, and the errors that lead to them.

A `VcliError` is an error that the user can fix: one line with what was found and what was expected, and a hint. Any
other exception is a fault of the program.
"""

from __future__ import annotations

import signal
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of ``vcli``, which scripts rely on and which do not change."""

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
    """An error that the user can fix.

    Parameters
    ----------
    message
        One line: ``name: value found; value expected.``
    hint
        How to fix it.
    """

    code: ClassVar[ExitCode] = ExitCode.FAULT

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of a command that ends with this error."""
        return self.code


class UsageError(VcliError):
    """The command line is not valid."""

    code = ExitCode.USAGE


class InputError(VcliError):
    """An input file is missing, damaged or not valid for the command."""

    code = ExitCode.INPUT


class MissingError(VcliError):
    """Weights, a sample or an optional dependency are not installed."""

    code = ExitCode.MISSING


class NumericalError(VcliError):
    """The computation failed, or a quality gate refused its result."""

    code = ExitCode.NUMERICAL


class PartialFailure(VcliError):
    """The command finished, but some items failed; ``failures.csv`` names them."""

    code = ExitCode.PARTIAL


class ResourceError(VcliError):
    """Disk or memory is full, or a directory cannot be written to."""

    code = ExitCode.RESOURCE


class InputTooLarge(ResourceError):
    """An input needs more memory than there is; in a run over items only its item fails."""


class Found(VcliError):
    """The condition of a ``--fail-on-...`` option was found."""

    code = ExitCode.FOUND


class Interrupted(VcliError):
    """A signal stopped the command; the run can be resumed.

    Parameters
    ----------
    signum
        The signal: exit code 75 for SIGTERM and SIGUSR1, 130 for SIGINT.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(
            f"interrupted by {signal.Signals(signum).name}.", hint="Resume with the same command and --resume."
        )
        self.signum = signum

    @property
    def exit_code(self) -> ExitCode:
        """Exit code 75, or 130 after Ctrl-C."""
        return ExitCode.CTRL_C if self.signum == signal.SIGINT else ExitCode.INTERRUPTED


class ProcessLost(Interrupted):
    """Another process of the same training ended; the run can be resumed from its checkpoint."""

    def __init__(self) -> None:
        super().__init__(signal.SIGTERM)
        self.message = "another process of this training ended early."
        self.args = (self.message,)
