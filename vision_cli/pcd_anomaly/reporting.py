"""Tables over all scans of a run, and ``report.html``: what was found, where, and how far the poses can be trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vision_cli.core.console import Table
from vision_cli.core.errors import ResourceError
from vision_cli.core.journal import Entry
from vision_cli.core.report import Picture, write_report
from vision_cli.core.run_files import RunFiles
from vision_cli.pcd_anomaly.regions import REGION_COLUMNS
from vision_cli.pcd_anomaly.session import PICTURES, document_of

RESULTS, REGIONS, REPORT = "results.csv", "regions.csv", "report.html"
POSE_COLUMNS = tuple(f"T{row}{column}" for row in range(3) for column in range(4))
_ROW_COLUMNS = (
    "class",
    "sample",
    "path",
    "n_points",
    "n_invalid",
    "n_outliers",
    "score",
    "p_value",
    "threshold",
    "decision",
    "reg_status",
    "reg_fitness",
    "reg_rmse",
)
RESULT_COLUMNS = (*_ROW_COLUMNS, *POSE_COLUMNS, "error")
_SHOWN = ("sample", "decision", "score", "threshold", "p_value", "reg_status", "n_outliers")
_POSE_SHOWN = ("reg_status", "reg_fitness", "reg_rmse")
_REGIONS_SHOWN = ("region", "type", "score", "n_points", "area", "length", "width", "max_signed_dev")
_MOST_PICTURES = 40
_MOST_ROWS = 400
_QUALITY = 88


@dataclass(frozen=True)
class Finished:
    """The scans of a run, or of all shards of one.

    Attributes
    ----------
    entries
        What became of each scan, in the order of the input.
    directories
        Where each scan's files are.
    """

    entries: Sequence[Entry]
    directories: Sequence[Path]

    def documents(self) -> Iterator[tuple[Entry, Path, Mapping[str, Any]]]:
        """Yield entry, directory and document of every scan that was scored."""
        for entry, directory in zip(self.entries, self.directories, strict=True):
            if entry.error is None:
                yield entry, directory, json.loads(document_of(directory, entry.id).read_text(encoding="utf-8"))


def finished(run: RunFiles, entries: Sequence[Entry]) -> Finished:
    """Return the scans of a run, and where their files are."""
    return Finished(entries, [run.home_of(entry) for entry in entries])


def counts_of(entries: Sequence[Entry]) -> dict[str, float | int | str | None]:
    """Count what was decided, and how poses were found."""
    rows = [entry.row for entry in entries if entry.error is None]
    decisions = [row["decision"] for row in rows]
    statuses = [row["reg_status"] for row in rows]
    return {
        "n_scans": len(rows),
        "n_failures": len(entries) - len(rows),
        "n_anomalous": decisions.count("anomalous"),
        "n_undetermined": decisions.count("undetermined"),
        "n_reg_weak": statuses.count("weak"),
        "n_reg_failed": statuses.count("failed"),
    }


def write_tables(run: RunFiles, scans: Finished, *, regions: bool) -> None:
    """Write ``results.csv``, a row a scan, and ``regions.csv``, a row a region.

    Parameters
    ----------
    run
        Where they go.
    scans
        All scans.
    regions
        Whether ``regions.csv`` is wanted.
    """
    poses: dict[str, list[float]] = {}
    found: list[list[object]] = []
    for entry, _, document in scans.documents():
        pose = document["registration"]["scan_to_reference"]
        poses[entry.id] = [value for line in pose[:3] for value in line]
        found += [[region[column] for column in REGION_COLUMNS] for region in document["regions"]]
    rows = [_result_row(entry, poses) for entry in scans.entries]
    run.write_csv(RESULTS, RESULT_COLUMNS, rows)
    if regions:
        run.write_csv(REGIONS, REGION_COLUMNS, found)


def write_report_page(run: RunFiles, scans: Finished, save: Sequence[str], tables: Sequence[Table] = ()) -> None:
    """Write the report of a run, with tables of measures if there are any, where ``save`` asks for pictures."""
    if "png" in save:
        with run.output(REPORT) as path:
            write_page(path, "pcd-anomaly: scans", scans, tables, [])


def write_page(target: Path, title: str, scans: Finished, tables: Sequence[Table], warnings: Sequence[str]) -> None:
    """Write ``report.html`` of scored scans.

    Parameters
    ----------
    target
        The file.
    title
        Of the page.
    scans
        All scans.
    tables
        Measures, where there are any.
    warnings
        What the reader should know.
    """
    counts = counts_of(scans.entries)
    summary = {
        "scans": counts["n_scans"],
        "anomalous": counts["n_anomalous"],
        "undetermined": counts["n_undetermined"],
        "failed to be read": counts["n_failures"],
        "poses weak": counts["n_reg_weak"],
        "poses refused": counts["n_reg_failed"],
    }
    good = [entry for entry in scans.entries if entry.error is None]
    notes = [*warnings, *(f"{entry.id}: {entry.error}" for entry in scans.entries if entry.error is not None)]
    pictures = _pictures(scans)
    if len(pictures) > _MOST_PICTURES:
        notes.append(f"{_MOST_PICTURES} of {len(pictures)} pictures are shown; all are in {PICTURES}.")
    if len(good) > _MOST_ROWS:
        notes.append(f"{_MOST_ROWS} of {len(good)} scans are listed; all are in {RESULTS}.")
    listed = [
        Table(_SHOWN, [[entry.id, *(entry.row.get(c) for c in _SHOWN[1:])] for entry in good[:_MOST_ROWS]], "scans"),
        _regions_table(scans),
        _poses_table(scans),
    ]
    with TemporaryDirectory() as folder:
        small = [_smaller(picture, Path(folder) / f"{n}.jpg") for n, picture in enumerate(pictures[:_MOST_PICTURES])]
        write_report(
            target,
            title=title,
            summary=summary,
            tables=[*tables, *(table for table in listed if table.rows)],
            pictures=small,
            notes=notes,
        )


def _result_row(entry: Entry, poses: Mapping[str, Sequence[float]]) -> list[object]:
    if entry.error is None:
        return [*(entry.row.get(column) for column in _ROW_COLUMNS), *poses[entry.id], None]
    class_name, _, sample = entry.id.partition("/")
    blank = [None] * (len(RESULT_COLUMNS) - 3)
    return [class_name, sample, *blank, entry.error]


def _pictures(scans: Finished) -> list[Picture]:
    """Give the pictures of all scans that are not normal, the highest scores first."""
    found = []
    for entry, directory in zip(scans.entries, scans.directories, strict=True):
        path = directory / PICTURES / f"{entry.id}.png"
        if entry.error is None and path.is_file():
            score, decision = entry.row["score"], str(entry.row["decision"])
            caption = f"{entry.id}: {decision}, pose {entry.row['reg_status']}"
            found.append((-float(str(score)), Picture(path, caption)))
    return [picture for _, picture in sorted(found, key=lambda pair: pair[0])]


def _smaller(picture: Picture, target: Path) -> Picture:
    """Pack a picture as JPEG, a fifth of the size: a page holds many."""
    import cv2

    pixels = cv2.imread(str(picture.file))
    if pixels is None or not cv2.imwrite(str(target), pixels, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY)):
        raise ResourceError(f"{target}: cannot be written.", hint="Is there room for temporary files?")
    return Picture(target, picture.caption)


def _regions_table(scans: Finished) -> Table:
    rows: list[list[object]] = []
    for entry, _, document in scans.documents():
        if entry.row["decision"] == "anomalous":
            rows += [[entry.id, *(region[c] for c in _REGIONS_SHOWN)] for region in document["regions"]]
    return Table(("sample", *_REGIONS_SHOWN), rows[:_MOST_ROWS], "regions of anomalous scans, in the unit of the scan")


def _poses_table(scans: Finished) -> Table:
    rows = []
    for entry, _, document in scans.documents():
        pose = document["registration"]["scan_to_reference"]
        shown = "; ".join(" ".join(f"{value:.4g}" for value in line) for line in pose[:3])
        rows.append([entry.id, *(entry.row.get(column) for column in _POSE_SHOWN), shown])
    return Table(("sample", *_POSE_SHOWN, "scan to reference, rows of 3 x 4"), rows[:_MOST_ROWS], "poses")
