r"""Names from files, made safe for the languages that they are written into.

A column, a class or a file may be called ``$\frac{$``, ``\input{x}``, ``=1+1`` or hold bytes that are no text. Whoever
puts such a name into a picture, a formula or a table calls the function of that language here. HTML escapes itself
(`vision_cli.core.report`), and for shells there is `shlex.quote`.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, separators of lines, what turns the direction of writing, and bytes of file names that are no text."""

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
"""How a cell begins that spreadsheets compute; quotes before it are such that `spreadsheet_cell` may have set."""
_SIGNED_WORD = re.compile(r"[+-](?![A-Za-z]{1,3}[0-9]+\Z)[A-Za-z_][\w .]*", re.ASCII)
"""A word behind a sign, as a step of an ablation or a file has it: no cell's name, and nothing to compute."""


def visible(text: str) -> str:
    r"""Return text whose characters that cannot be seen, or steer a terminal, are escapes as ``\x1b``."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def picture_text(name: str, most: int = 60) -> str:
    """Return a name as matplotlib draws it to the letter: nothing in it is mathematics.

    Parameters
    ----------
    name
        Any text.
    most
        Characters that there is room for; of a longer name the middle is left out.
    """
    shown = visible(name)
    if len(shown) > most:
        half = (most - 1) // 2
        shown = f"{shown[: most - 1 - half]}…{shown[-half:]}"
    return shown.replace("$", r"\$")


def latex_text(name: str) -> str:
    """Return a name as LaTeX sets it to the letter, in text; in formulas inside an mbox."""
    escaped = "".join(_LATEX.get(character, character) for character in visible(name))
    # Side by side they would become one longer dash.
    return _DASHES.sub("-{}", escaped)


def spreadsheet_cell(text: str) -> str:
    """Return a text as a cell of a CSV file that no spreadsheet takes for a formula.

    A text that begins like a formula gets a single quote in front, the spreadsheets' own mark of text. Numbers stay as
    they are. `spreadsheet_text` gives back what was written.
    """
    return f"'{text}" if _looks_like_a_formula(text) else text


def spreadsheet_text(cell: str) -> str:
    """Return the text of a cell that `spreadsheet_cell` wrote; every other cell stays as it is."""
    return cell[1:] if cell.startswith("'") and _looks_like_a_formula(cell[1:]) else cell


def _looks_like_a_formula(text: str) -> bool:
    if not _FORMULA.match(text) or _SIGNED_WORD.fullmatch(text):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
