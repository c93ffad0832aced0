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

ABSENT = """
register pair absent.nii there.txt
register pair there.txt there.txt --fixed-label absent.nii
register batch absent.csv
register apply -i there.txt -r there.txt -t there.txt -t absent.mat -o out.nii
register benchmark absent.csv
register train absent
register evaluate absent
pcd-anomaly run absent
pcd-anomaly train absent
pcd-anomaly predict there.txt there.txt absent.ply
pcd-anomaly evaluate there.txt absent
pcd-anomaly register there.txt absent.stl -o pose.json
pcd-anomaly info absent
rppg-adapt predict there.txt absent.mp4
rppg-adapt predict there.txt --gt absent.txt
rppg-adapt preprocess absent
rppg-adapt train absent
rppg-adapt adapt absent
rppg-adapt evaluate absent
rppg-adapt plot absent
kan-fit fit absent.csv
kan-fit classify absent
kan-fit predict absent there.txt
kan-fit explain absent
"""
"""Every verb that takes a file, with one that is not there."""

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
    # One of three: a first call compiles, and a busy machine only ever adds.
    assert any(cpu_seconds(arguments) <= 0.5 for _ in range(3))


@pytest.mark.parametrize("arguments", HELP_PAGES, ids=" ".join)
def test_help_imports_no_heavy_library(arguments):
    program = (
        "import sys\n"
        "from vision_cli.cli import app\n"
        "from vision_cli.core.command.invoke import launch\n"
        f"code = launch(app, {arguments!r})\n"
        "print(*(name for name in sys.modules if '.' not in name), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert HEAVY.isdisjoint(done.stderr.split())


def test_an_absent_input_is_said_before_anything_heavy_is_imported(tmp_path):
    (tmp_path / "there.txt").write_text("words", encoding="utf-8")
    program = (
        "import sys\n"
        "from vision_cli.cli import app\n"
        "from vision_cli.core.command.invoke import launch\n"
        "for words in sys.argv[1].strip().splitlines():\n"
        "    print(launch(app, words.split()), words)\n"
        "print(*(name for name in sys.modules if '.' not in name))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, ABSENT], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    )
    *ends, modules = done.stdout.splitlines()
    assert ends == [f"3 {line}" for line in ABSENT.strip().splitlines()]
    assert set(modules.split()).isdisjoint(HEAVY - {"pydantic"})
    errors = [line for line in done.stderr.splitlines() if line.startswith("vcli: error: ")]
    names = [next(word for word in line.split() if word.startswith("absent")) for line in ABSENT.strip().splitlines()]
    for error, name in zip(errors, names, strict=True):
        assert error.startswith(f"vcli: error: {name}: no such file (")
    assert [path.name for path in tmp_path.iterdir()] == ["there.txt"]
