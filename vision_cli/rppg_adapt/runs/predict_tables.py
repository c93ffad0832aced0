"""Tables and report of ``predict`` over all videos, of an undivided run or of merged shards."""

from __future__ import annotations

from collections.abc import Sequence

from vision_cli.core.command.console import Table
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles

PREDICTIONS = "predictions.csv"
REPORT = "report.png"
COLUMNS = (
    "hr_bpm",
    "hr_low_bpm",
    "hr_high_bpm",
    "quality",
    "reliable",
    "method",
    "snr_db",
    "fps",
    "frames",
    "coverage",
)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write ``predictions.csv`` and, with ``--pictures``, the report."""
    extra = [name for entry in entries if entry.error is None for name in entry.row if name not in COLUMNS]
    columns = ("video", *COLUMNS, *dict.fromkeys(extra), "error")
    rows = [(entry.id, *(entry.row.get(name) for name in columns[1:-1]), entry.error) for entry in entries]
    run.write_csv(PREDICTIONS, columns, rows)
    if run.options["pictures"]:
        from vision_cli.rppg_adapt.runs.report import report_predictions

        drawn = {entry.id: sorted((run.home_of(entry) / entry.id).rglob(REPORT)) for entry in entries}
        report_predictions(run, entries, predictions_table(entries), drawn)


def predictions_table(entries: Sequence[Entry]) -> Table:
    """Return the table that ``predict`` prints."""
    columns = ("video", "HR bpm", "95 % interval", "quality", "reliable", "method")
    rows = []
    for entry in entries:
        if entry.error is None:
            low, high = entry.number("hr_low_bpm"), entry.number("hr_high_bpm")
            rows.append(
                (
                    entry.id,
                    f"{entry.number('hr_bpm'):.1f}",
                    f"{low:.1f} to {high:.1f}",
                    f"{entry.number('quality'):.2f}",
                    "yes" if entry.row["reliable"] else "no",
                    entry.row["method"],
                )
            )
    return Table(columns, rows)


def predictions_document(entries: Sequence[Entry]) -> dict[str, object]:
    """Return the document that ``predict`` prints with ``--json``."""
    return {"videos": [{"video": entry.id, **entry.row, "error": entry.error} for entry in entries]}
