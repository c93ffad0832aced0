"""Tables over all scans of a run, and ``report.html``: decisions, regions, and the status of the poses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vision_cli.core.command.console import Table, format_value
from vision_cli.core.report import Picture, Report, link_to
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.pcd_anomaly.runs.documents import DEVIATION, PICTURES, FinishedScan
from vision_cli.pcd_anomaly.runs.verdict import judge, judge_measured
from vision_cli.pcd_anomaly.scoring.regions import REGION_COLUMNS

RESULTS, REGIONS = "results.csv", "regions.csv"
POSE_COLUMNS = tuple(f"T{row}{column}" for row in range(3) for column in range(4))
INSPECTION_COLUMNS = ("inspection", "tolerance", "beyond_share", "largest_deviation")
"""Columns of an inspection, blank without ``--tolerance``."""

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
    *INSPECTION_COLUMNS,
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
_READ_DEVIATIONS = (
    "Pale is within the tolerance, strong red beyond it outwards, strong blue inwards; grey was not compared. The "
    "uncertainty is that of the scan's noise; a wrong pose or a bias of the scanner adds to it."
)


def counts_of(entries: Sequence[Entry]) -> dict[str, float | int | str | None]:
    """Return how many scans have each decision and each status of the pose."""
    rows = [entry.row for entry in entries if entry.error is None]
    decisions = [row["decision"] for row in rows]
    statuses = [row["reg_status"] for row in rows]
    inspected = [row["inspection"] for row in rows if row.get("inspection") is not None]
    of_inspection = {"n_inspected": len(inspected), "n_out_of_tolerance": inspected.count("fail")} if inspected else {}
    return {
        "n_scans": len(rows),
        "n_failures": len(entries) - len(rows),
        "n_anomalous": decisions.count("anomalous"),
        "n_undetermined": decisions.count("undetermined"),
        "n_reg_weak": statuses.count("weak"),
        "n_reg_failed": statuses.count("failed"),
        **of_inspection,
    }


def write_tables(run: RunFiles, scans: Sequence[FinishedScan], *, regions: bool) -> None:
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
    run.write_csv(RESULTS, RESULT_COLUMNS, [_result_row(scan) for scan in scans])
    if regions:
        documents = [scan.document for scan in scans if scan.document is not None]
        rows = [region.row(document.sample) for document in documents for region in document.regions]
        run.write_csv(REGIONS, REGION_COLUMNS, rows)


def write_report_page(
    run: RunFiles,
    scans: Sequence[FinishedScan],
    save: Sequence[str],
    tables: Sequence[Table] = (),
    measures: Mapping[str, object] | None = None,
) -> None:
    """Write the report of a run, if ``save`` includes pictures.

    Parameters
    ----------
    run
        Where it goes.
    scans
        All scans.
    save
        Values of ``--save``.
    tables
        Tables of measures.
    measures
        Measures by flat names; None if nothing was measured.
    """
    if "png" not in save:
        return
    entries = [scan.entry for scan in scans]
    counts = counts_of(entries)
    summary = {
        "scans": counts["n_scans"],
        "anomalous": counts["n_anomalous"],
        "undetermined": counts["n_undetermined"],
        "failed to be read": counts["n_failures"],
        "poses weak": counts["n_reg_weak"],
        "poses refused": counts["n_reg_failed"],
    }
    if "n_inspected" in counts:
        summary |= {"inspected": counts["n_inspected"], "out of tolerance": counts["n_out_of_tolerance"]}
    verdict = judge(entries) if measures is None else judge_measured(entries, measures)
    listed = [_scans_table(run, scans), _inspection_table(run, scans), _regions_table(scans), _poses_table(scans)]
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


def _result_row(scan: FinishedScan) -> list[object]:
    entry = scan.entry
    if scan.document is not None:
        pose = scan.document.scan_to_reference[:3].ravel().tolist()
        return [*(entry.row.get(column) for column in _ROW_COLUMNS), *pose, None]
    class_name, _, sample = entry.id.partition("/")
    blank = [None] * (len(RESULT_COLUMNS) - 3)
    return [class_name, sample, *blank, entry.error]


def _pictures(scans: Sequence[FinishedScan]) -> list[Picture]:
    """Return the pictures of all scans that are not normal, the highest scores first."""
    found = []
    for scan in scans:
        document, path = scan.document, scan.directory / PICTURES / f"{scan.entry.id}.png"
        if document is not None and path.is_file():
            caption = (
                f"{document.sample}: {document.decision}, score {format_value(document.score)}, "
                f"limit {format_value(document.threshold)}, pose {document.status}"
            )
            found.append((-document.score, Picture(path, caption, _reading(document.status))))
        mapped = scan.directory / PICTURES / f"{scan.entry.id}{DEVIATION}.png"
        if document is not None and document.inspection is not None and mapped.is_file():
            seen = document.inspection
            caption = (
                f"{document.sample}: {seen['verdict']} at ±{format_value(seen['tolerance'])}, largest deviation "
                f"{format_value(seen['largest_deviation'])}, pose {document.status}"
            )
            found.append((-document.score, Picture(mapped, caption, _READ_DEVIATIONS)))
    return [picture for _, picture in sorted(found, key=lambda pair: pair[0])]


def _reading(status: str) -> str:
    """Return how to read the picture of a scan whose pose has this status."""
    if status == "failed":
        return (
            _READ_SCORES + " The pose was refused, so the scores tell how little the scan fits, not where a defect is."
        )
    read = _READ_SCORES + " The reference shows the same side of a good part"
    if status == "weak":
        return read + "; here the pose is weak: if it shows another side than the scan, the scores mean nothing."
    return read + "; if it shows another side than the scan, or the whole scan is red, the pose is wrong."


def _scans_table(run: RunFiles, scans: Sequence[FinishedScan]) -> Table:
    """Return the scored scans, the highest scores first, each linked to its picture."""
    scored = sorted((scan for scan in scans if scan.document is not None), key=lambda scan: -scan.entry.number("score"))
    rows = [
        [
            link_to(run, scan.directory / PICTURES / f"{scan.entry.id}.png", scan.entry.id),
            *(scan.entry.row.get(column) for column in _SHOWN[1:]),
        ]
        for scan in scored
    ]
    return _shortened(_SHOWN, rows, "Scans, the highest score first", RESULTS)


def _inspection_table(run: RunFiles, scans: Sequence[FinishedScan]) -> Table:
    """Return the inspected scans, those with the largest deviations first, each linked to its map."""
    columns = ("sample", *INSPECTION_COLUMNS, "uncertainty", "largest_at")
    seen = [(scan, scan.document.inspection) for scan in scans if scan.document and scan.document.inspection]
    seen.sort(key=lambda pair: -abs(_as_number(pair[1]["largest_deviation"])))
    rows = [
        [
            link_to(run, scan.directory / PICTURES / f"{scan.entry.id}{DEVIATION}.png", scan.entry.id),
            *(scan.entry.row.get(column) for column in INSPECTION_COLUMNS),
            found["uncertainty"],
            " ".join(format_value(_as_number(value)) for value in found["largest_at"]),
        ]
        for scan, found in seen
    ]
    return _shortened(columns, rows, "Inspection, the largest deviation first, in the unit of the prototypes", RESULTS)


def _as_number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _shortened(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str, all_in: str) -> Table:
    """Return a table cut to a length that suits a page; its title names the file with all rows."""
    if len(rows) > _MOST_ROWS:
        title = f"{title} ({_MOST_ROWS} of {len(rows)}; all are in {all_in})"
    return Table(columns, rows[:_MOST_ROWS], title)


def _regions_table(scans: Sequence[FinishedScan]) -> Table:
    rows: list[list[object]] = []
    for scan in scans:
        if scan.document is not None and scan.document.decision == "anomalous":
            for region in scan.document.regions:
                cells = dict(zip(REGION_COLUMNS, region.row(scan.document.sample), strict=True))
                rows.append([scan.document.sample, *(cells[column] for column in _REGIONS_SHOWN)])
    columns = ("sample", *_REGIONS_SHOWN)
    return _shortened(columns, rows, "Regions of anomalous scans, in the unit of the scan", REGIONS)


def _poses_table(scans: Sequence[FinishedScan]) -> Table:
    rows = []
    for scan in scans:
        if scan.document is not None:
            lines = scan.document.scan_to_reference[:3].tolist()
            pose = "; ".join(" ".join(f"{value:.4g}" for value in line) for line in lines)
            rows.append([scan.entry.id, *(scan.entry.row.get(column) for column in _POSE_SHOWN), pose])
    return _shortened(("sample", *_POSE_SHOWN, "scan to reference, rows of 3 x 4"), rows, "Poses", RESULTS)
