"""What a page of ``report.html`` says, apart from the times and the machine that it also holds."""

from __future__ import annotations

import re
from pathlib import Path


def findings(report: Path) -> str:
    """Return what a report says was found, verdict to tables; links lead past the folder of a shard."""
    page = report.read_text(encoding="utf-8")
    start, end = page.index('<p class="verdict'), page.index('<section id="files">')
    return re.sub(r'href="shard-\d+-of-\d+/', 'href="', page[start:end])


def level(page: str) -> str:
    """Return the level of the verdict of a page."""
    (found,) = re.findall(r'<p class="verdict (\w+)">', page)
    return str(found)


def pictures(page: str) -> list[str]:
    """Return the captions of the pictures of a page, in their order."""
    return re.findall(r"<figcaption>([^<]*)", page)
