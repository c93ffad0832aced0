"""Interruption as a normal way to end: a signal sets a flag, long work looks at it where it can stop.

SIGTERM and SIGUSR1 are how schedulers announce preemption and time limits, SIGINT is Ctrl-C.
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
    """Turn the signals into a flag that `check` raises; a second Ctrl-C ends the program at once.

    Signals that the caller of the program chose to ignore, as a shell does for background jobs, stay ignored.
    They can only be handled in the main thread; elsewhere, and inside another such block, this does nothing.
    """
    inside = signal.getsignal(signal.SIGTERM) is _remember
    if inside or threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    handled = [signum for signum, handler in previous.items() if handler not in {signal.SIG_IGN, None}]
    _flag.signum = None
    try:
        for signum in handled:
            signal.signal(signum, _remember)
        yield
    finally:
        for signum in handled:
            signal.signal(signum, previous[signum])
        _flag.signum = None


def stop_cleanly() -> None:
    """Let the schedulers' signals end the program as an interruption, from its first line on.

    A signal that comes while libraries are imported finds no run, and no handler but this: without it the program would
    die by the signal, which a script cannot tell from a crash.
    """
    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGTERM, signal.SIGUSR1):
            if signal.getsignal(signum) is signal.SIG_DFL:
                signal.signal(signum, _interrupt)


def check() -> None:
    """Stop here if a signal asked for it; called where the work so far is safe.

    Raises
    ------
    Interrupted
        At every call after a signal was received inside `interruptible`, so that a handler of errors that
        caught it too broadly does not keep the program alive.
    """
    if _flag.signum is not None:
        raise Interrupted(_flag.signum)


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    raise Interrupted(signum)


def _remember(signum: int, _frame: FrameType | None) -> None:
    is_second = signum == signal.SIGINT == _flag.signum
    _flag.signum = signum
    if is_second:
        raise KeyboardInterrupt
    if signum == signal.SIGINT:
        # print() may be what the signal interrupted, and it cannot be entered twice.
        with suppress(OSError):
            os.write(_STDERR, _NOTE)
