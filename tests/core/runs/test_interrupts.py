"""A signal ends the work where it is safe, and not before."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from vision_cli.core.errors import Interrupted
from vision_cli.core.runs import interrupts

STUBBORN = """
    import time
    from vision_cli.core.runs.interrupts import check, interruptible
    with interruptible():
        print("ready", flush=True)
        time.sleep(60)
"""


def test_without_a_signal_nothing_happens():
    interrupts.check()
    with interrupts.interruptible():
        interrupts.check()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_is_raised_at_the_next_check(signum):
    before = signal.getsignal(signum)
    with interrupts.interruptible():
        os.kill(os.getpid(), signum)
        reached = True
        with pytest.raises(Interrupted, match=signal.Signals(signum).name) as caught:
            interrupts.check()
    assert reached
    assert caught.value.signum == signum
    assert signal.getsignal(signum) == before


def test_a_caught_interruption_is_raised_again():
    with interrupts.interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(2):
            with pytest.raises(Interrupted):
                interrupts.check()
    interrupts.check()


def test_a_signal_inside_a_nested_block_is_not_lost():
    with interrupts.interruptible():
        with interrupts.interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted):
            interrupts.check()


def test_a_second_ctrl_c_stops_at_once(start):
    process = start(STUBBORN)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    note = process.stderr.readline()
    assert note == "vcli: stopping at the next safe point; Ctrl-C again stops at once\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert errors.endswith("KeyboardInterrupt\n")


def test_a_signal_that_the_caller_ignores_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.interruptible():
            os.kill(os.getpid(), signal.SIGINT)
            interrupts.check()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_are_left_alone():
    faults = []

    def work():
        try:
            with interrupts.interruptible():
                interrupts.check()
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert faults == []


EARLY = """
    import os, signal, sys
    from vision_cli.core.command.commands import single_command
    from vision_cli.core.runs.interrupts import stop_cleanly
    from vision_cli.core.command.invoke import launch

    def command():
        os.kill(os.getpid(), signal.SIGUSR1)
        print("never reached")

    stop_cleanly()
    sys.exit(launch(single_command(command), []))
"""


def test_a_signal_before_the_run_is_an_interruption_too(start):
    process = start(EARLY)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "never reached" not in output
    assert "vcli: error: interrupted by SIGUSR1." in errors
