"""``report.html``: a self-contained report of a run.

Pictures are embedded, fonts are those of the system, nothing is loaded from elsewhere, and there are no scripts. A task
provides verdict, numbers, tables and pictures; the provenance (command line, versions, inputs, paper, warnings, files)
is taken from the record of the run.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from vision_cli.core.citations import citations_of
from vision_cli.core.command.console import Table, format_value
from vision_cli.core.runs.journal import Entry

REPORT = "report.html"

Level = Literal["good", "caution", "bad", "plain"]
"""Level of a verdict: good, needs a closer look, bad, or none of these."""

_MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
}
_LARGEST_PNG = 100_000
"""Greatest size in bytes of a PNG that is not converted to JPEG, as reports are sent by mail."""

_JPEG_QUALITY = 88
_TEMPLATE = Path(__file__).with_name("report.html.j2")
_MOST_LISTED = 200
"""Greatest number of files and inputs in a report; ``run.json`` lists all."""


@dataclass(frozen=True)
class Picture:
    """A picture of a report.

    Attributes
    ----------
    file
        A PNG, JPEG, GIF or SVG file.
    caption
        What the picture shows.
    reading
        One sentence on how to read it and what would be bad.
    """

    file: Path
    caption: str
    reading: str = ""


@dataclass(frozen=True)
class Flicker:
    """Two pictures of the same size that the report alternates, to show their difference.

    Attributes
    ----------
    first, second
        PNG, JPEG, GIF or SVG files.
    caption
        What the pictures show.
    reading
        One sentence on how to read them and what would be bad.
    """

    first: Path
    second: Path
    caption: str
    reading: str = ""


@dataclass(frozen=True)
class Link:
    """A table cell with a link to a file of the run.

    Attributes
    ----------
    text
        Text of the cell, also in printed tables.
    target
        Path relative to the run directory.
    """

    text: str
    target: str

    def __str__(self) -> str:
        return self.text


class ReportedRun(Protocol):
    """Run interface of `write_report`; see `vision_cli.core.runs.run_files.RunFiles`."""

    directory: Path

    @property
    def document(self) -> Mapping[str, Any]:
        """Contents of ``run.json``."""
        ...

    @property
    def entries(self) -> Sequence[Entry]:
        """Results of the items."""
        ...

    @property
    def written(self) -> Sequence[str]:
        """Names of the outputs."""
        ...

    @property
    def seconds(self) -> float:
        """Wall-clock time of the run, in seconds."""
        ...

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the run."""
        ...


def link_to(run: ReportedRun, file: Path, text: str) -> Link | str:
    """Return a cell with a link to a file of a run or of its shards; plain text if the file does not exist.

    Parameters
    ----------
    run
        The run of the report.
    file
        A path below the run directory.
    text
        Text of the cell.
    """
    return Link(text, file.relative_to(run.directory).as_posix()) if file.is_file() else text


@dataclass(frozen=True)
class Report:
    """Contents of a report that the task provides.

    Attributes
    ----------
    title
        Heading of the page.
    verdict
        The result, in one or two sentences.
    level
        Level of the verdict.
    rule
        Rule by which the level follows from the numbers.
    summary
        The most important numbers, by label.
    pictures
        Pictures, the most important first; at most `MOST_PICTURES` are embedded.
    tables
        Tables below the pictures; a cell may be a `Link`.
    notes
        Remarks in addition to the warnings of the run.
    """

    title: str
    verdict: str
    level: Level = "plain"
    rule: str = ""
    summary: Mapping[str, object] = field(default_factory=dict)
    pictures: Sequence[Picture | Flicker] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()


MOST_PICTURES = 40
"""Greatest number of embedded pictures; more make the page slow."""


def write_report(run: ReportedRun, report: Report) -> None:
    """Write ``report.html`` of a run; called by `vision_cli.core.runs.run_files.RunFiles.report`.

    Parameters
    ----------
    run
        The run, open for writing.
    report
        Contents of the report.

    Raises
    ------
    ResourceError
        If the file cannot be written.
    """
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["value"] = format_value
    environment.tests["link"] = lambda cell: isinstance(cell, Link)
    document = run.document
    left_out = len(report.pictures) - MOST_PICTURES
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        figures=[_figure(picture) for picture in report.pictures[:MOST_PICTURES]],
        left_out=max(0, left_out),
        notes=[*report.notes, *(w for w in document.get("warnings", []) if w not in report.notes)],
        failed=[(entry.id, entry.error) for entry in run.entries if entry.error is not None],
        facts=_facts(run),
        command=shlex.join(_typed(document.get("argv", []))),
        inputs=_inputs(document.get("inputs", {}))[:_MOST_LISTED],
        files=[name for name in run.written if name != REPORT][:_MOST_LISTED],
        citations=citations_of(str(document.get("command", "")).partition(" ")[0]),
    )
    run.write_text(REPORT, page)


def _figure(picture: Picture | Flicker) -> dict[str, object]:
    files = (picture.file,) if isinstance(picture, Picture) else (picture.first, picture.second)
    return {
        "images": [_data_uri(file) for file in files],
        "caption": picture.caption,
        "reading": picture.reading,
    }


def _data_uri(file: Path) -> str:
    content, kind = file.read_bytes(), _MEDIA_TYPES[file.suffix.lower()]
    if kind == "image/png" and len(content) > _LARGEST_PNG:
        packed = _packed(content)
        if packed is not None and len(packed) < len(content):
            content, kind = packed, "image/jpeg"
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _packed(png: bytes) -> bytes | None:
    """Return a PNG as JPEG of about a fifth of the size; None if it is transparent."""
    import cv2
    import numpy as np

    pixels = cv2.imdecode(np.frombuffer(png, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint8:
        return None
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        if pixels[..., 3].min() < 255:
            return None
        pixels = np.ascontiguousarray(pixels[..., :3])
    # Without chroma subsampling, which blurs thin coloured lines.
    how = (
        cv2.IMWRITE_JPEG_QUALITY,
        _JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    )
    done, jpeg = cv2.imencode(".jpg", pixels, how)
    return jpeg.tobytes() if done else None


def _typed(argv: Sequence[str]) -> list[str]:
    """Return a command line with ``vcli`` in place of the path of the program."""
    return ["vcli", *argv[1:]] if argv else []


def _facts(run: ReportedRun) -> dict[str, object]:
    """Return times, versions, device and machine of the run, by label."""
    document = run.document
    host: Mapping[str, Any] = document.get("host", {})
    versions: Mapping[str, Any] = document.get("versions", {})
    libraries = ", ".join(f"{name} {versions[name]}" for name in ("python", "torch", "numpy") if name in versions)
    facts = {
        "Begun": str(document.get("started", ""))[:19].replace("T", " ") + " UTC",
        "Took": f"{run.seconds:.1f} s",
        "Version": f"vision-cli {versions.get('vision-cli', 'unknown')} ({libraries})",
        "Device": document.get("device"),
        "Threads": document.get("threads"),
        "Precision": document.get("precision"),
        "Seed": document.get("seed"),
        "Machine": host.get("platform"),
    }
    return {label: value for label, value in facts.items() if value is not None}


def _inputs(inputs: Mapping[str, Any]) -> list[tuple[str, str, object, str]]:
    """Return role, name, size in bytes and first 12 digits of the SHA-256 of each input."""
    rows = []
    for role, described in inputs.items():
        for one in described if isinstance(described, list) else [described]:
            if isinstance(one, Mapping):
                name = Path(str(one.get("path", ""))).name
                rows.append((role, name, one.get("bytes"), str(one.get("sha256") or "")[:12]))
    return rows
