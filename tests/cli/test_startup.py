"""Help is what people ask for most: it answers at once, and imports nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "cv2",
    "open3d",
    "diffusers",
    "lightning",
    "pandas",
    "matplotlib",
    "numpy",
    "scipy",
    "nibabel",
    "SimpleITK",
    "pydantic",
    "rich",
}

HELP_PAGES = [
    ["--help"],
    ["register", "--help"],
    ["pcd-anomaly", "run", "--help"],
    ["runs", "--help"],
    ["doctor", "--help"],
]


def cpu_seconds(arguments: list[str]) -> float:
    """Return user and system time of a `vcli` process, in seconds."""
    process = subprocess.Popen([sys.executable, "-m", "vision_cli", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("arguments", HELP_PAGES, ids=" ".join)
def test_help_takes_at_most_half_a_second_of_processor_time(arguments):
    # The least of three: a first call compiles, and a busy machine only ever adds.
    assert min(cpu_seconds(arguments) for _ in range(3)) <= 0.5


@pytest.mark.parametrize("arguments", HELP_PAGES, ids=" ".join)
def test_help_imports_no_heavy_library(arguments):
    program = (
        "import sys\n"
        "from vision_cli.cli import app\n"
        "from vision_cli.core.launch import launch\n"
        f"code = launch(app, {arguments!r})\n"
        "print(*(name for name in sys.modules if '.' not in name), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert HEAVY.isdisjoint(done.stderr.split())
