"""From a command line to an exit code: every way a command can end, in one place.

An error that the user can mend becomes one line and a hint on stderr. A fault of the program becomes one
line that names the log of the run, if there was one; its traceback is for ``--verbose`` and the log.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import typer

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.command.console import PROGRAM, prepare_streams, say, stdout_error, tell
from vision_cli.core.errors import ExitCode, VcliError

_READER_LEFT = 141
"""What a shell reports for a process that SIGPIPE ended, as in ``vcli ... | head -1``."""


def launch(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code, never raising.

    Parameters
    ----------
    app
        The root app.
    arguments
        The words behind the program's name.

    Returns
    -------
    int
        A value of `vision_cli.core.errors.ExitCode`, or 141 where the reader of stdout went away.
    """
    prepare_streams()
    code: int = ExitCode.DONE
    try:
        code = _run(app, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_stdout()
        return _READER_LEFT
    except OSError as error:
        _give_up_stdout()
        if code == ExitCode.DONE:
            unwritten = stdout_error(error)
            return _report(unwritten.message, unwritten.hint, unwritten.exit_code)
    return code


def _give_up_stdout() -> None:
    # The interpreter flushes stdout once more on its way out, and would complain then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(app: typer.Typer, arguments: Sequence[str]) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context(PROGRAM, list(arguments)) as context:
            command.invoke(context)
        return ExitCode.DONE
    except typer.Exit as exit_request:
        return exit_request.exit_code
    except VcliError as error:
        return _report(error.message, error.hint, error.exit_code)
    except typer.TyperException as error:
        return _report(*_usage_error(error), ExitCode.USAGE)
    except KeyboardInterrupt:
        return _report("interrupted.", None, ExitCode.CTRL_C)
    except BrokenPipeError:
        raise
    except Exception as error:
        shortage = _shortage(error)
        if shortage:
            return _report(*shortage, ExitCode.RESOURCE)
        return _report_fault(error, verbose=_asks_for_traceback(arguments))


def _report(message: str, hint: str | None, code: int) -> int:
    say("error", message)
    if hint:
        tell(f"hint: {hint}")
    return code


def _usage_error(error: typer.TyperException) -> tuple[str, str | None]:
    """Return message and hint of a usage error that Typer found."""
    # "Value error, " is pydantic's word for an error of Typer's own.
    message = error.format_message().replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    if context is None:
        return message, None
    option = getattr(error, "option_name", "")
    similar = did_you_mean(option, [name for parameter in context.command.params for name in parameter.opts])
    if similar:
        return error.message, similar
    return message, f"See `{context.command_path} --help`."


def _shortage(error: Exception) -> tuple[str, str] | None:
    """Return message and hint if a fault is a lack of memory or disk, which the user can mend."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"{error.filename or 'output'}: no space left to write it.",
            "Free space or choose another --out.",
        )
    # torch is not imported here: its errors are told by name and text.
    text = str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in text:
        return (
            f"out of memory: {text or 'an allocation was refused'}.",
            "Use smaller input or another --device.",
        )
    return None


def _asks_for_traceback(arguments: Sequence[str]) -> bool:
    return any(word == "--verbose" or word in {"-v", "-vv"} for word in arguments)


def _report_fault(error: Exception, *, verbose: bool) -> int:
    if verbose:
        import traceback

        traceback.print_exception(error)
    log = getattr(error, "run_log", None)
    where = f"Traceback in {log}." if log else "Traceback with --verbose."
    hint = f"{where} This is a fault of vcli, not of its use; please report it with the command line."
    return _report(f"unexpected {type(error).__name__}: {error}", hint, ExitCode.FAULT)
