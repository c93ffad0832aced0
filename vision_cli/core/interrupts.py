"""Interruption as a normal way to end: a signal sets a flag, long work looks at it where it can stop.

SIGTERM and SIGUSR1 are how schedulers announce preemption and time limits, SIGINT is Ctrl-C.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vision_cli.core.errors import Interrupted

_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class _Flag:
    signum: int | None = None


_flag = _Flag()


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the signals into a flag that `check` raises; a second Ctrl-C ends the program at once.

    Signals can only be handled in the main thread; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {signum: signal.signal(signum, _remember) for signum in _SIGNALS}
    try:
        yield
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
        _flag.signum = None


def check() -> None:
    """Stop here if a signal asked for it.

    Raises
    ------
    Interrupted
        Once for each signal received inside `interruptible`.
    """
    signum, _flag.signum = _flag.signum, None
    if signum is not None:
        raise Interrupted(signum)


def _remember(signum: int, _frame: FrameType | None) -> None:
    if signum == signal.SIGINT and _flag.signum == signal.SIGINT:
        raise KeyboardInterrupt
    _flag.signum = signum
