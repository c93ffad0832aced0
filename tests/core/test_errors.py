"""Every error of the user's has a code that scripts can rely on."""

from __future__ import annotations

import signal

import pytest

from vision_cli.core import errors
from vision_cli.core.errors import ExitCode, Interrupted, VcliError


def test_exit_codes_are_those_that_the_house_promises():
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "FAULT": 1,
        "USAGE": 2,
        "INPUT": 3,
        "MISSING": 4,
        "NUMERICAL": 5,
        "PARTIAL": 6,
        "RESOURCE": 7,
        "FOUND": 10,
        "INTERRUPTED": 75,
        "CTRL_C": 130,
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UsageError", 2),
        ("InputError", 3),
        ("MissingError", 4),
        ("NumericalError", 5),
        ("PartialFailure", 6),
        ("ResourceError", 7),
        ("InputTooLarge", 7),
        ("Found", 10),
    ],
)
def test_an_error_carries_message_hint_and_code(name, code):
    error = getattr(errors, name)("spacing: 0 found; a positive number expected.", hint="Mend the header.")
    assert isinstance(error, VcliError)
    assert (error.message, error.hint, error.exit_code) == (str(error), "Mend the header.", code)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGINT, 130)])
def test_an_interruption_names_its_signal_and_how_to_go_on(signum, code):
    error = Interrupted(signum)
    assert error.exit_code == code
    assert signal.Signals(signum).name in error.message
    assert "--resume" in error.hint
