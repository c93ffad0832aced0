r"""Escaping of names from files for pictures, LaTeX, spreadsheets and terminals.

A column, a class or a file may be named ``$\frac{$``, ``\input{x}``, ``=1+1``, or contain bytes that are not text. HTML
is escaped by its template (`vision_cli.core.report`), shell words by `shlex.quote`.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, changes of the text direction, and undecodable bytes of file names."""

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
}
_DASHES = re.compile("-(?=-)")
_FORMULA = re.compile("'*[=+\\-@\t\r＝＋－＠]\\s*\\S", re.ASCII)
"""Start of a cell that spreadsheets evaluate, with the quotes that `spreadsheet_cell` may have added."""
_SIGNED_WORD = re.compile(r"[+-](?![A-Za-z]{1,3}[0-9]+\Z)[A-Za-z_][\w .]*", re.ASCII)
"""A word after a sign, such as an ablation step; not a cell reference, and nothing to evaluate."""


def visible(text: str) -> str:
    r"""Return text with invisible and control characters as escapes such as ``\x1b``."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def picture_text(name: str, most: int = 60) -> str:
    """Return a name that matplotlib draws literally, without mathematics.

    Parameters
    ----------
    name
        Any text.
    most
        Greatest number of characters; the middle of a longer name is omitted.
    """
    shown = visible(name)
    if len(shown) > most:
        half = (most - 1) // 2
        shown = f"{shown[: most - 1 - half]}…{shown[-half:]}"
    return shown.replace("$", r"\$")


def latex_text(name: str) -> str:
    """Return a name that LaTeX typesets literally, in text mode or in an mbox."""
    escaped = "".join(_LATEX.get(character, character) for character in visible(name))
    # Adjacent hyphens would become a dash.
    return _DASHES.sub("-{}", escaped)


def spreadsheet_cell(text: str) -> str:
    """Return a text as a CSV cell that spreadsheets do not evaluate as a formula.

    A text that begins like a formula gets a leading single quote, which marks text in spreadsheets. Numbers are not
    changed. `spreadsheet_text` is the inverse.
    """
    return f"'{text}" if _looks_like_a_formula(text) else text


def spreadsheet_text(cell: str) -> str:
    """Return the text of a cell that `spreadsheet_cell` wrote; other cells are not changed."""
    return cell[1:] if cell.startswith("'") and _looks_like_a_formula(cell[1:]) else cell


def _looks_like_a_formula(text: str) -> bool:
    if not _FORMULA.match(text) or _SIGNED_WORD.fullmatch(text):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
