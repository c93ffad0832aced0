"""Handling of signals: a signal sets a flag, which long work checks where it can stop.

Schedulers announce preemption and time limits by SIGTERM and SIGUSR1; SIGINT is Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from vision_cli.core.errors import Interrupted

_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
_STDERR = 2
_NOTE = b"vcli: stopping at the next safe point; Ctrl-C again stops at once\n"


class _Flag:
    signum: int | None = None


_flag = _Flag()


@contextmanager
def interruptible() -> Iterator[None]:
    """Set a flag on a signal in this block, for `check`; a second Ctrl-C ends the program at once.

    Signals that the caller ignores, as a shell does for background jobs, stay ignored. Signals can only be handled in
    the main thread; in other threads, and inside another such block, this does nothing.
    """
    inside = signal.getsignal(signal.SIGTERM) is _set_flag
    if inside or threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    handled = [signum for signum, handler in previous.items() if handler not in {signal.SIG_IGN, None}]
    _flag.signum = None
    try:
        for signum in handled:
            signal.signal(signum, _set_flag)
        yield
    finally:
        for signum in handled:
            signal.signal(signum, previous[signum])
        _flag.signum = None


def stop_cleanly() -> None:
    """Raise `Interrupted` for the schedulers' signals outside of runs.

    Without this a signal during the imports would kill the program, which a script cannot distinguish from a crash.
    """
    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGTERM, signal.SIGUSR1):
            if signal.getsignal(signum) is signal.SIG_DFL:
                signal.signal(signum, _interrupt)


def check() -> None:
    """Raise `Interrupted` if a signal was received; called where the work can be resumed.

    Raises
    ------
    Interrupted
        At every call after a signal inside `interruptible`, so that an error handler that catches it does not keep the
        program running.
    """
    if _flag.signum is not None:
        raise Interrupted(_flag.signum)


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    raise Interrupted(signum)


def _set_flag(signum: int, _frame: FrameType | None) -> None:
    is_second = signum == signal.SIGINT == _flag.signum
    _flag.signum = signum
    if is_second:
        raise KeyboardInterrupt
    if signum == signal.SIGINT:
        # The signal may have interrupted print(), which is not reentrant.
        with suppress(OSError):
            os.write(_STDERR, _NOTE)
