"""``report.html``: one file that shows a run to somebody who was not there.

Self-contained: pictures are embedded, fonts are the system's, nothing is loaded from elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core import files
from vision_cli.core.console import Table, format_value

_MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
}
_TEMPLATE = Path(__file__).with_name("report.html.j2")


@dataclass(frozen=True)
class Picture:
    """A picture of a report.

    Attributes
    ----------
    file
        A PNG, JPEG, GIF or SVG file.
    caption
        What it shows.
    """

    file: Path
    caption: str


def write_report(
    target: Path,
    *,
    title: str,
    summary: Mapping[str, object],
    tables: Sequence[Table] = (),
    pictures: Sequence[Picture] = (),
    notes: Sequence[str] = (),
) -> None:
    """Write a report.

    Parameters
    ----------
    target
        The HTML file.
    title
        Heading of the page.
    summary
        The few numbers that matter, by label.
    tables
        Tables below the summary.
    pictures
        Pictures below the tables.
    notes
        Warnings and remarks.

    Raises
    ------
    ResourceError
        If the file cannot be written.
    """
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["value"] = format_value
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        summary=summary,
        tables=tables,
        pictures=[(_data_uri(picture.file), picture.caption) for picture in pictures],
        notes=notes,
    )
    files.write_text(target, page)


def _data_uri(file: Path) -> str:
    content = base64.b64encode(file.read_bytes()).decode("ascii")
    return f"data:{_MEDIA_TYPES[file.suffix.lower()]};base64,{content}"
