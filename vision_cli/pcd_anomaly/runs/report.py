"""Tables over all scans of a run, and ``report.html``: what was found, where, and how far the poses can be trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_cli.core.command.console import Table, format_value
from vision_cli.core.report import Picture, Report, link_to
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.pcd_anomaly.runs.session import PICTURES, document_of
from vision_cli.pcd_anomaly.runs.verdict import judge, judge_measured
from vision_cli.pcd_anomaly.scoring.regions import REGION_COLUMNS

RESULTS, REGIONS = "results.csv", "regions.csv"
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
_MOST_ROWS = 400
_READ_SCORES = (
    "Grey to green is as in good parts, yellow to dark red is above the threshold on the scale; outlined and numbered "
    "regions are listed below the picture, with their deviation outwards (+) or inwards (-)."
)


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


def write_report_page(
    run: RunFiles,
    scans: Finished,
    save: Sequence[str],
    tables: Sequence[Table] = (),
    measures: Mapping[str, object] | None = None,
) -> None:
    """Write the report of a run, where ``save`` asks for pictures.

    Parameters
    ----------
    run
        Where it goes.
    scans
        All scans.
    save
        What is written of a run.
    tables
        Tables of measures, where there are any.
    measures
        Measures by flat names, where the truth is known.
    """
    if "png" not in save:
        return
    counts = counts_of(scans.entries)
    summary = {
        "scans": counts["n_scans"],
        "anomalous": counts["n_anomalous"],
        "undetermined": counts["n_undetermined"],
        "failed to be read": counts["n_failures"],
        "poses weak": counts["n_reg_weak"],
        "poses refused": counts["n_reg_failed"],
    }
    verdict = judge(scans.entries) if measures is None else judge_measured(scans.entries, measures)
    listed = [_scans_table(run, scans), _regions_table(scans), _poses_table(scans)]
    run.report(
        Report(
            title="Anomalies in scans" if measures is None else "Evaluation on test scans",
            verdict=verdict.text,
            level=verdict.level,
            rule=verdict.rule,
            summary=summary,
            pictures=_pictures(scans),
            tables=[*tables, *(table for table in listed if table.rows)],
        )
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
            score, decision = entry.number("score"), str(entry.row["decision"])
            caption = (
                f"{entry.id}: {decision}, score {format_value(score)}, limit {format_value(entry.row['threshold'])}, "
                f"pose {entry.row['reg_status']}"
            )
            found.append((-score, Picture(path, caption, _reading(str(entry.row["reg_status"])))))
    return [picture for _, picture in sorted(found, key=lambda pair: pair[0])]


def _reading(status: str) -> str:
    """Say how the picture of a scan is read whose pose has this status."""
    if status == "failed":
        return (
            _READ_SCORES + " The pose was refused, so the scores tell how little the scan fits, not where a defect is."
        )
    read = _READ_SCORES + " The reference shows the same side of a good part"
    if status == "weak":
        return read + "; here the pose is weak: if it shows another side than the scan, the scores mean nothing."
    return read + "; if it shows another side than the scan, or the whole scan is red, the pose is wrong."


def _scans_table(run: RunFiles, scans: Finished) -> Table:
    """List the scans, the highest scores first, each leading to its picture."""
    homes = {entry.id: home for entry, home in zip(scans.entries, scans.directories, strict=True)}
    good = [entry for entry in scans.entries if entry.error is None]
    good.sort(key=lambda entry: -entry.number("score"))
    rows = [
        [
            link_to(run, homes[entry.id] / PICTURES / f"{entry.id}.png", entry.id),
            *(entry.row.get(c) for c in _SHOWN[1:]),
        ]
        for entry in good
    ]
    return _shortened(_SHOWN, rows, "Scans, the highest score first", RESULTS)


def _shortened(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str, all_in: str) -> Table:
    """Give a table that a page can hold, and say in its title where the rest is."""
    if len(rows) > _MOST_ROWS:
        title = f"{title} ({_MOST_ROWS} of {len(rows)}; all are in {all_in})"
    return Table(columns, rows[:_MOST_ROWS], title)


def _regions_table(scans: Finished) -> Table:
    rows: list[list[object]] = []
    for entry, _, document in scans.documents():
        if entry.row["decision"] == "anomalous":
            rows += [[entry.id, *(region[c] for c in _REGIONS_SHOWN)] for region in document["regions"]]
    columns = ("sample", *_REGIONS_SHOWN)
    return _shortened(columns, rows, "Regions of anomalous scans, in the unit of the scan", REGIONS)


def _poses_table(scans: Finished) -> Table:
    rows = []
    for entry, _, document in scans.documents():
        pose = document["registration"]["scan_to_reference"]
        shown = "; ".join(" ".join(f"{value:.4g}" for value in line) for line in pose[:3])
        rows.append([entry.id, *(entry.row.get(column) for column in _POSE_SHOWN), shown])
    return _shortened(("sample", *_POSE_SHOWN, "scan to reference, rows of 3 x 4"), rows, "Poses", RESULTS)
