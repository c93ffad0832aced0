"""Sections of reports: free text as in MIMIC-CXR, and the XML of Open-i."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from vision_cli.core.errors import InputError
from vision_cli.io.reading import read_text

REPORTED = ("FINDINGS", "IMPRESSION")
"""Sections that tell what is seen on the film."""

_MOST_BYTES = 1 << 22
_HEADING = re.compile(r"^[ \t]*([A-Z][A-Z /,&()-]{2,60}):[ \t]*", re.MULTILINE)
_TITLE = "REPORT"


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes
    ----------
    name
        Its heading in upper case; ``REPORT`` for text without one.
    text
        What it says, without line breaks.
    """

    name: str
    text: str


def read_report(path: Path) -> tuple[Section, ...]:
    """Read the sections of a report that tell what is seen: findings and impression, or else all text.

    Parameters
    ----------
    path
        Plain text, or XML of Open-i.

    Raises
    ------
    InputError
        If the file is missing, damaged or larger than 4 MiB, or holds no text but headings.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; a report expected.", hint="Check the path.")
    content = read_text(path, _MOST_BYTES)
    is_xml = path.suffix.lower() == ".xml" or content.lstrip().startswith("<?xml")
    sections = _of_xml(path, content) if is_xml else report_sections(content)
    found = reported_sections(sections)
    if not found:
        raise InputError(f"{path}: no text but headings; sentences expected.", hint="Give a report with findings.")
    return found


def report_sections(text: str) -> tuple[Section, ...]:
    """Return the sections of plain text that are not empty; a heading is in capitals, at the start of a line."""
    parts = _HEADING.split(text)
    named = zip((_TITLE, *parts[1::2]), (parts[0], *parts[2::2]), strict=True)
    sections = (Section(" ".join(name.split()), " ".join(body.split())) for name, body in named)
    return tuple(section for section in sections if any(letter.isalnum() for letter in section.text))


def reported_sections(sections: Sequence[Section]) -> tuple[Section, ...]:
    """Return findings and impression; of a report without either all sections."""
    chosen = tuple(one for one in sections if any(word in one.name for word in REPORTED))
    return chosen or tuple(sections)


def _of_xml(path: Path, content: str) -> tuple[Section, ...]:
    """Return the abstract of an article; a document type, and with it entities, is refused."""
    found: list[tuple[str, list[str]]] = []
    is_inside = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal is_inside
        is_inside = name == "AbstractText"
        if is_inside:
            found.append((attributes.get("Label", _TITLE), []))

    def end(_: str) -> None:
        nonlocal is_inside
        is_inside = False

    def data(text: str) -> None:
        if is_inside:
            found[-1][1].append(text)

    def refuse(*_: object) -> None:
        raise InputError(f"{path}: XML with a document type; one without expected.", hint="Remove <!DOCTYPE ...>.")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = data, refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InputError(f"{path}: damaged XML ({error}); a report expected.", hint="Copy the file again.") from error
    joined = (Section(label.upper(), " ".join("".join(texts).split())) for label, texts in found)
    return tuple(section for section in joined if section.text)
