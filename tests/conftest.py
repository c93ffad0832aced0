"""Which tests run: slow ones only if asked for, those of the GPU only where there is one.

Files run side by side in processes of one thread each; ``-n 0`` runs all in this one.
"""

from __future__ import annotations

import os
import signal
import sys

import pytest
from hypothesis import settings

# How long an example takes is not what a test asserts: on a machine with other load any of them may be slow.
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")

# Tests start the command hundreds of times: without bytecode on disk each start compiles two thousand modules.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell that starts the tests in its background has them ignore Ctrl-C, and so would every program they start.
for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
    if signal.getsignal(signum) is signal.SIG_IGN:
        signal.signal(signum, signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL)

# As commands do (core.devices): matrices of numpy and scipy are small, and their threads would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Threads of torch that wait by spinning take most of the CPU time on a machine with other load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before anything imports torch, which reads it once; threads of several processes would wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def threads_as_before():
    """Commands that run in this process set how many threads PyTorch computes on; no test hands that to the next."""
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    yield
    if torch is not None:
        torch.set_num_threads(before)


def pytest_addoption(parser):
    parser.addoption("--run-slow", action="store_true", help="run the tests marked slow too")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--run-slow"):
        _skip(items, "slow", "slow; run with --run-slow")
    if any(item.get_closest_marker("gpu") for item in items):
        import torch

        if not torch.cuda.is_available():
            _skip(items, "gpu", "no CUDA device")


def _skip(items, marker, reason):
    for item in items:
        if item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=reason))
