"""What a file calls something stays that name, whatever language it is written into."""

from __future__ import annotations

import csv
import io
import os
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from vision_cli.core import escapes
from vision_cli.core.report import Report
from vision_cli.core.runs import files

HOSTILE = ("$\\frac{$", "$x$", "a_$b$_c", "\\input{x}", "100 %", "<script>alert(1)</script>", "=1+1", "a & b", "\\$")


def drawn(text):
    """Return the texts of a picture, as a reader of the file sees them."""
    figure = Figure(figsize=(3, 1))
    figure.text(0, 0.5, text)
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg")
    return [one.text for one in ET.fromstring(buffer.getvalue()).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_picture_shows_a_name_to_the_letter(name):
    assert drawn(escapes.picture_text(name)) == [name]


def test_a_picture_shows_what_cannot_be_seen_as_an_escape():
    assert drawn(escapes.picture_text(os.fsdecode(b"a\xff\n\x01b"))) == ["a\\udcff\\n\\x01b"]


def test_of_a_long_name_the_middle_is_left_out():
    shown = escapes.picture_text("a" * 50 + "b" * 50, most=11)
    assert shown == "aaaaa…bbbbb"


def test_latex_sets_a_name_to_the_letter():
    assert escapes.latex_text(r"50% of $x_1$ & \input{a}") == (r"50\% of \$x\_1\$ \& \textbackslash{}input\{a\}")
    assert escapes.latex_text("a--b---c ~^<>|#`") == (
        r"a-{}-b-{}-{}-c \textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}\#\textasciigrave{}"
    )
    assert escapes.latex_text("a\nb") == r"a\textbackslash{}nb"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("＝1+1", "'＝1+1"),
        ("'=1", "''=1"),
        ("-1.5", "-1.5"),
        ("+1e-3", "+1e-3"),
        ("-inf", "-inf"),
        ("-", "-"),
        ("+IUN", "+IUN"),
        ("-scan 1.ply", "-scan 1.ply"),
        ("+A1", "'+A1"),
        ("-f(x)", "'-f(x)"),
        ("a=b", "a=b"),
        ("'tis", "'tis"),
    ],
)
def test_a_spreadsheet_takes_no_text_for_a_formula(text, cell):
    assert escapes.spreadsheet_cell(text) == cell
    assert escapes.spreadsheet_text(cell) == text


@given(st.text(st.sampled_from("'=+-@\t1a ")) | st.text())
def test_a_cell_gives_back_its_text(text):
    assert escapes.spreadsheet_text(escapes.spreadsheet_cell(text)) == text


def test_tables_are_written_so_and_numbers_stay():
    text = files.csv_text(["=name", "value"], [["=1+1", -1.5], ["-7", -7]])
    assert list(csv.reader(io.StringIO(text))) == [["'=name", "value"], ["'=1+1", "-1.5"], ["-7", "-7"]]


def test_a_report_shows_names_as_text(tmp_path):
    from vision_cli.core.command.console import Table
    from vision_cli.core.runs.runs import Run

    name = HOSTILE[5]
    said = Report(name, name, rule=name, summary={name: name}, tables=[Table((name,), [[name]], name)], notes=[name])
    with Run.open(tmp_path / "out", command="tiny pair", options={}) as run:
        run.report(said)
        run.finish()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 10
