"""Tab offers verbs, options and files: the written scripts are current, and the shells understand them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vision_cli.cli import TASKS

COMPLETIONS = Path(__file__).parents[2] / "completions"

NEEDED = {shell: shutil.which(shell) for shell in ("bash", "zsh", "fish")}


@pytest.fixture
def directory(tmp_path):
    """A directory with a file, a file with a space in its name, and a directory."""
    (tmp_path / "moving.nii").touch()
    (tmp_path / "my scan.nii").touch()
    (tmp_path / "masks").mkdir()
    return tmp_path


def bash(line: list[str], cwd: Path) -> list[str]:
    program = r"""
        source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _vcli
        [ -z "$COMPREPLY" ] || printf "%s\n" "${COMPREPLY[@]}"
    """
    script = COMPLETIONS / "vcli.bash"
    command = [str(NEEDED["bash"]), "--norc", "-c", program, "bash", str(script), "vcli", *line]
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.splitlines()


def fish(line: list[str], cwd: Path) -> list[str]:
    program = f'source {COMPLETIONS / "vcli.fish"}; complete -C "vcli {" ".join(line)}"'
    command = [str(NEEDED["fish"]), "--no-config", "-c", program]
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=True, timeout=60)
    assert done.stderr == ""
    return [offer.partition("\t")[0].rstrip("/") for offer in done.stdout.splitlines()]


def zsh(line: list[str], cwd: Path) -> list[str]:
    # Outside of line editing zsh has no completion builtins: these stand in and print what is offered.
    program = """
        compdef() { :; }
        _describe() { local name=${@[-1]}; for offer in ${(P)name}; do print -r -- ${offer%%:*}; done }
        _files() { if [[ $1 == -/ ]]; then print -rl -- *(N/); else print -rl -- *(N); fi }
        compadd() { print -rl -- $choices; }
        compset() { :; }
        source $1; shift; words=("$@"); CURRENT=$#; PREFIX=${words[-1]}; _vcli
    """
    command = [str(NEEDED["zsh"]), "-f", "-c", program, "zsh", str(COMPLETIONS / "vcli.zsh"), "vcli", *line]
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert done.stderr == ""
    return [offer for offer in done.stdout.splitlines() if offer.startswith(line[-1])]


SHELLS = [
    pytest.param(
        complete,
        id=complete.__name__,
        marks=pytest.mark.skipif(not NEEDED[complete.__name__], reason=f"{complete.__name__} is not installed"),
    )
    for complete in (bash, zsh, fish)
]


def test_the_written_scripts_are_current(vcli):
    done = vcli("completions", "check", COMPLETIONS)
    assert done.returncode == 0, done.stderr


def test_an_old_script_is_found(vcli, tmp_path):
    assert vcli("completions", "write", tmp_path).returncode == 0
    assert vcli("completions", "check", tmp_path).returncode == 0
    with (tmp_path / "vcli.zsh").open("a", encoding="utf-8") as script:
        script.write("# changed\n")
    done = vcli("completions", "check", tmp_path)
    assert done.returncode == 10
    assert "vcli.zsh: not the completions of this version" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_show_writes_what_is_in_the_file(vcli, shell):
    shown = vcli("completions", "show", shell).stdout
    assert shown == (COMPLETIONS / f"vcli.{shell}").read_text(encoding="utf-8")


@pytest.mark.parametrize("complete", SHELLS)
@pytest.mark.parametrize(
    ("line", "offers"),
    [
        (["reg"], ["register"]),
        (["runs", "comp"], ["compare"]),
        (["completions", "wr"], ["write"]),
        (["doctor", "--de"], ["--deep"]),
        (["runs", "compare", "--js"], ["--json"]),
        (["register", "--sy"], ["--symmetric"]),
        (["register", "fixed.nii", "--sy"], ["--symmetric"]),
        (["register", "fixed.nii", "mo"], ["moving.nii"]),
        (["register", "pair", "mo"], ["moving.nii"]),
        (["register", "--out", "m"], ["masks"]),
        (["register", "--config", "mo"], ["moving.nii"]),
        (["register", "--preset", "fa"], ["fast"]),
        (["register", "fixed.nii", "my"], ["my scan.nii"]),
        (["register", "fixed.nii", "moving.nii", "m"], []),
        (["runs", "compare", "a", "b", "mo"], ["moving.nii"]),
        (["samples", "copy", "re"], ["register"]),
        (["samples", "copy", "m"], []),
        (["samples", "copy", "register", "m"], ["masks"]),
        (["samples", "copy", "register", "here", "m"], []),
        (["runs", "list", "m"], ["masks"]),
        (["completions", "show", "fi"], ["fish"]),
        (["completions", "show", "m"], []),
        (["kan-fit", "predict", "--json", "run", "mo"], ["moving.nii"]),
    ],
    ids=" ".join,
)
def test_tab_completes(complete, directory, line, offers):
    offered = complete(line, directory)
    assert [offer.replace("\\", "") for offer in offered if offer.startswith(line[-1])] == offers


@pytest.mark.parametrize("complete", SHELLS)
def test_tasks_are_offered_unless_they_are_planned(complete, directory):
    offered = complete([""], directory)
    assert {task.name for task in TASKS if task.app is not None} <= set(offered)
    assert not {task.name for task in TASKS if task.app is None} & set(offered)


def test_bash_completes_behind_an_equals_sign(directory):
    assert bash(["register", "--out", "=", "ma"], directory) == ["masks"]


def test_a_value_that_cannot_be_guessed_offers_nothing(directory):
    assert bash(["register", "--seed", "m"], directory) == []
