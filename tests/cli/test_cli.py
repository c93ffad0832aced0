"""The root: nine tasks, the housekeeping commands, and what it says to a wrong word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vision_cli import __version__
from vision_cli.cli import TASKS, app
from vision_cli.core.command.invoke import launch

ROOT = Path(__file__).parents[2]


def test_nothing_at_all_shows_the_help(vcli):
    bare = vcli()
    assert bare.returncode == 0
    assert bare.stdout == vcli("--help").stdout
    assert bare.stderr == ""


def test_help_names_the_nine_tasks_and_marks_the_planned_ones(vcli):
    help_page = vcli("--help").stdout
    assert len(TASKS) == 9
    for task in TASKS:
        assert re.search(rf"^  {task.name} +\S", help_page, re.MULTILINE)
    assert help_page.count("(planned)") == sum(task.app is None for task in TASKS)


@pytest.mark.parametrize("task", [task.name for task in TASKS if task.app is None])
@pytest.mark.parametrize("arguments", [[], ["--help"], ["some", "file"]], ids=["bare", "help", "call"])
def test_a_planned_task_says_so_in_one_line_and_exits_with_4(capsys, task, arguments):
    assert launch(app, [task, *arguments]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0] == f"vcli: error: {task}: planned, not built in this version."


def test_version(vcli):
    assert vcli("--version").stdout == f"vcli {__version__}\n"


def test_a_mistyped_task_gets_a_suggestion(vcli):
    done = vcli("regster", "a.nii", "b.nii")
    assert done.returncode == 2
    assert done.stderr == "vcli: error: vcli: no such command: regster.\nhint: Did you mean register?\n"


def test_the_table_of_the_readme_is_the_table_of_the_program():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| \[?`vcli ([\w-]+)`.*? \| (.+?) \| (.+?) \| (ready|preview|planned) \|$", readme, re.MULTILINE
    )
    assert rows == [(task.name, task.help, task.paper, task.state) for task in TASKS]
