"""One spelling everywhere: the options and verbs of all tasks, walked."""

from __future__ import annotations

import re

import pytest
import typer

from tests.contract.cases import CASES, WITHOUT_A_CASE
from vision_cli.cli import TASKS, app
from vision_cli.core.command.verbs import facts_of

REFUSED = {
    "--batch": "--batch-size",
    "--bs": "--batch-size",
    "--format": "--layout",
    "--kind": "--layout",
    "--plots": "--pictures",
    "--figures": "--pictures",
    "--val": "--val-fraction",
    "--val-frac": "--val-fraction",
    "--held-out": "--val-fraction",
    "--peers": "--baselines",
    "--peers-env": "--baselines-env",
    "--source": "--weights",
    "--n": "--count",
    "--num": "--count",
    "--parts": "--count",
    "--output": "--out",
    "--out-dir": "--out",
    "--force": "--overwrite",
    "--gpu": "--device",
    "--random-seed": "--seed",
    "--workers": "--threads",
    "--jobs": "--threads",
    "--fp16": "--precision",
}
"""Spellings that the project does not use, and the one that it does."""

REFUSED_VERBS = {"bench": "benchmark", "eval": "evaluate", "generate-data": "synth", "test": "evaluate"}
RUN_OPTIONS = {"--out", "--resume", "--overwrite", "--config"}
OUTPUT_OPTIONS = {"--json", "--quiet", "--verbose"}
BUILT = [task for task in TASKS if task.app is not None]


def _verbs():
    root = typer.main.get_command(app)
    with root.make_context("vcli", [], resilient_parsing=True) as context:
        for task in BUILT:
            group = root.get_command(context, task.name)
            for name in group.list_commands(context):
                yield task.name, name, group, group.get_command(context, name)


VERBS = [pytest.param(*found, id=f"{found[0]} {found[1]}") for found in _verbs()]


def spellings(command):
    return {spelling for parameter in command.params for spelling in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize(("task", "name", "group", "command"), VERBS)
def test_options_and_verbs_have_the_spelling_of_the_house(task, name, group, command):
    wrong = {spelling: REFUSED[spelling] for spelling in spellings(command) & REFUSED.keys()}
    assert wrong == {}
    assert name not in REFUSED_VERBS
    long = [one for one in spellings(command) if one.startswith("--")]
    assert [one for one in long if not re.fullmatch(r"--[a-z0-9]+(-[a-z0-9]+)*", one)] == []


@pytest.mark.parametrize(("task", "name", "group", "command"), VERBS)
def test_every_verb_speaks_as_asked_and_has_help(task, name, group, command):
    if command.hidden:
        return
    assert spellings(command) >= OUTPUT_OPTIONS
    assert command.get_short_help_str(limit=200).endswith(".")
    without_help = [p.name for p in command.params if not getattr(p, "help", None)]
    assert without_help == []


@pytest.mark.parametrize(("task", "name", "group", "command"), VERBS)
def test_shared_options_come_together(task, name, group, command):
    found = spellings(command)
    if "--resume" in found:
        assert found >= RUN_OPTIONS
    if "--shard" in found:
        assert "--resume" in found
    if facts_of(command).processes:
        assert found >= {"--resume", "--device"}


@pytest.mark.parametrize(("task", "name", "group", "command"), VERBS)
def test_an_option_means_the_same_kind_of_thing_everywhere(task, name, group, command):
    for parameter in command.params:
        if "--batch-size" in parameter.opts or "--count" in parameter.opts:
            assert parameter.type_descriptor.annotation is int, parameter.opts
        if "--count" in parameter.opts:
            assert "-n" in parameter.opts
        if "--pictures" in parameter.opts:
            assert "--no-pictures" in parameter.secondary_opts


@pytest.mark.parametrize("task", BUILT, ids=lambda task: task.name)
def test_the_main_verb_of_a_task_has_a_sample(task):
    (command,) = (
        command for owner, name, group, command in _verbs() if owner == task.name and name == group.default_verb
    )
    assert "--sample" in spellings(command)


def test_every_verb_has_a_case_or_a_reason():
    verbs = {f"{task} {name}" for task, name, _, command in _verbs()}
    cased = {case.verb for case in CASES}
    assert cased & WITHOUT_A_CASE.keys() == set()
    assert verbs == cased | WITHOUT_A_CASE.keys()
