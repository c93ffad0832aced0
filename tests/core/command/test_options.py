"""Mistyped options and choices are answered with the right ones, and a call is written down to be repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer

from vision_cli.core.command.options import words_to_repeat


def test_a_mistyped_option_gets_a_suggestion(tiny, words):
    done = tiny("tiny", words, "--lamda", "2")
    assert done.returncode == 2
    assert done.stderr == "vcli: error: No such option: --lamda\nhint: Did you mean --lambda?\n"


def test_a_wrong_choice_names_the_right_ones(tiny, words):
    done = tiny("tiny", words, "--unit", "pages")
    assert done.returncode == 2
    assert "Invalid value for '--unit': 'pages' is not one of 'words', 'lines'." in done.stderr


repeatable = typer.Typer()
lines: list[str] = []


@repeatable.command("count")
def _count(
    ctx: typer.Context,
    source: Path,
    unit: str = "words",
    skip: Annotated[list[str] | None, typer.Option()] = None,
    strict: Annotated[bool, typer.Option("--strict/--lenient")] = True,
    out: Annotated[Path | None, typer.Option()] = None,
    threads: str = "auto",
    seed: int = 0,
) -> None:
    lines.append(words_to_repeat(ctx))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["--out", "out", "--threads", "2"], "count words.txt"),
        (["--lenient", "--unit", "lines"], "count words.txt --unit lines --lenient"),
        (["--seed", "7", "--skip", "two words", "--skip", "b"], "count words.txt --skip 'two words' --skip b --seed 7"),
    ],
)
def test_a_call_is_written_down_to_be_repeated(given, line):
    """Whatever the folder of a file is called, and without what does not change the result."""
    lines.clear()
    typer.main.get_command(repeatable).main(["/some/folder/words.txt", *given], "count", standalone_mode=False)
    assert lines == [line]
