"""stdout carries the result and nothing else, whatever else is said."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.command.console import Output, Table, format_value, one_line

TABLE = Table(columns=("name", "value"), rows=[("dice [label]", 0.123456), ("path", None)], title="Result")


def test_json_is_one_document_and_the_only_thing_on_stdout(tiny, words):
    done = tiny("tiny", words, "--json", "-v", cwd=words.parent)
    shown = json.loads(done.stdout)
    directory = shown.pop("run")
    assert directory.startswith("vcli-runs/tiny-")
    assert shown == {"count": 4.0, "not_a_number": None}
    assert done.stderr.splitlines() == [
        "vcli: warning: this is a warning",
        "vcli: counting",
        "vcli: in detail",
        f"vcli: results in {directory}",
    ]


def test_quiet_leaves_warnings_only(tiny, words):
    done = tiny("tiny", words, "--quiet", cwd=words.parent)
    assert done.stdout == ""
    assert done.stderr == "vcli: warning: this is a warning\n"


def test_quiet_does_not_take_an_asked_for_document_away(tiny, words):
    assert json.loads(tiny("tiny", words, "--quiet", "--json", cwd=words.parent).stdout)["count"] == 4.0


def test_details_are_said_only_if_asked(tiny, words):
    assert "in detail" not in tiny("tiny", words, cwd=words.parent).stderr


def test_a_table_in_a_pipe_is_plain_text_and_never_folded(capsys):
    wide = "x" * 300
    Output().result(Table(columns=("name", "value"), rows=[(wide, 1)]), {})
    printed = capsys.readouterr().out
    assert wide in printed
    assert "\x1b" not in printed


def test_the_footer_is_the_end_of_what_is_printed_and_quiet_takes_it_away(capsys):
    table = Table(("name",), [("a",)], footer="AUC=0.5 n=3\nAUC=0.6 n=4\x1b[31m\n")
    Output().result(table, {})
    assert capsys.readouterr().out.splitlines()[-2:] == ["AUC=0.5 n=3", "AUC=0.6 n=4\\x1b[31m"]
    Output(quiet=True).result(table, {})
    assert capsys.readouterr().out == ""


def test_brackets_in_a_cell_are_text(capsys):
    Output().result(TABLE, {})
    printed = capsys.readouterr().out
    assert "dice [label]" in printed
    assert "0.1235" in printed
    assert "Result" in printed


def test_a_table_without_rows_says_so(capsys):
    Output().result(Table(columns=("weights", "task"), rows=[]), {})
    assert capsys.readouterr().out == "no weights\n"


def test_several_tables_stand_apart(capsys):
    Output().result([TABLE, TABLE], {})
    assert capsys.readouterr().out.count("Result") == 2


def test_no_bar_is_drawn_where_nobody_watches(capsys):
    with Output().progress("working", total=3) as progress:
        progress.advance(2, note="loss 0.5")
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_bar_is_drawn_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Output().progress("working", total=3) as progress:
        progress.advance(3, note="loss 0.5")
    assert "working" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (3, "3"),
        (0.000123456, "0.0001235"),
        (1234567.8, "1,234,568"),
        (math.nan, "nan"),
        ("a b", "a b"),
    ],
)
def test_values_are_written_in_one_way(value, text):
    assert format_value(value) == text


@given(st.text())
def test_a_message_is_one_line(text):
    assert len(one_line(text).splitlines()) <= 1
