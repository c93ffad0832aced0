"""Papers that a task implements: ``citation.bib`` in the task's folder, as BibTeX and as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_FILE = "citation.bib"
_ENTRY = re.compile(r"@\w+\{[^@]*?\n\}", re.DOTALL)
_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Citation:
    """A paper.

    Attributes
    ----------
    bibtex
        BibTeX entry.
    text
        Authors, title, journal or proceedings, year and arXiv number, on one line.
    """

    bibtex: str
    text: str


def citations_of(task: str) -> list[Citation]:
    """Return the papers that a task implements; none for a command that is not a task.

    Parameters
    ----------
    task
        Name of the task, such as ``pcd-anomaly``.
    """
    path = _PACKAGE / task.replace("-", "_") / _FILE
    if not task or not path.is_file():
        return []
    return [Citation(entry, _as_text(entry)) for entry in _ENTRY.findall(path.read_text(encoding="utf-8"))]


def _as_text(entry: str) -> str:
    fields = {name.lower(): re.sub(r"[{}]", "", value).replace("--", "–") for name, value in _FIELD.findall(entry)}
    authors = [" ".join(reversed(name.split(", "))) for name in fields["author"].split(" and ")]
    listed = authors[0] if len(authors) == 1 else f"{', '.join(authors[:-1])} and {authors[-1]}"
    where = fields.get("booktitle") or fields.get("journal")
    parts = [listed, fields["title"], *([where] if where else []), fields["year"]]
    text = ". ".join(parts) + "."
    return f"{text} arXiv:{fields['eprint']}." if "eprint" in fields else text
