"""Invocation of a command line, and its exit code.

An error that the user can fix becomes one line and a hint on stderr. A fault of the program becomes one line that names
the log of the run, if there is one; its traceback is in the log, and on stderr with ``--verbose``.
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
"""Exit code that a shell reports for a process ended by SIGPIPE, as in ``vcli ... | head -1``."""


def launch(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command line; return its exit code. Errors are reported on stderr, not raised.

    Parameters
    ----------
    app
        The root app.
    arguments
        The command line without the program's name.

    Returns
    -------
    int
        A value of `vision_cli.core.errors.ExitCode`, or 141 if the reader of stdout closed it.
    """
    prepare_streams()
    code: int = ExitCode.DONE
    try:
        code = _run(app, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _redirect_stdout_to_null()
        return _READER_LEFT
    except OSError as error:
        _redirect_stdout_to_null()
        if code == ExitCode.DONE:
            unwritten = stdout_error(error)
            return _report(unwritten.message, unwritten.hint, unwritten.exit_code)
    return code


def _redirect_stdout_to_null() -> None:
    # The interpreter flushes stdout when it exits, which would report the error again.
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
    """Return message and hint of a usage error of Typer."""
    # pydantic puts "Value error, " before errors of Typer.
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
    """Return message and hint if an error is a lack of memory or disk, which the user can fix; else None."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"{error.filename or 'output'}: no space left to write it.",
            "Free space or choose another --out.",
        )
    # torch is not imported here: its errors are recognised by name and text.
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
    hint = f"{where} This is a fault of vcli; please report it with the command line."
    return _report(f"unexpected {type(error).__name__}: {error}", hint, ExitCode.FAULT)
