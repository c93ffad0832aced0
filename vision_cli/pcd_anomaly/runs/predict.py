"""End of a ``predict`` run: its tables, its report, and what is shown."""

from __future__ import annotations

from collections.abc import Sequence

from vision_cli.core.command.console import Table
from vision_cli.core.command.recorded_options import recorded
from vision_cli.core.command.verbs import Done, Shown
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.pcd_anomaly.options import ScoringOptions
from vision_cli.pcd_anomaly.runs.documents import read_scans
from vision_cli.pcd_anomaly.runs.report import counts_of, write_report_page, write_tables

_COLUMNS = ("sample", "decision", "score", "p_value", "reg_status")


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the tables of scored scans, and the report if pictures are wanted."""
    save = recorded(ScoringOptions, run.options).save
    scans = read_scans(run, entries)
    write_tables(run, scans, regions="regions" in save)
    write_report_page(run, scans, save)


def shown(done: Done) -> Shown:
    """Return a table of the decisions, and their counts."""
    rows = [[entry.row.get(name) for name in _COLUMNS] for entry in done.entries if entry.error is None]
    return Table(_COLUMNS, rows), {**counts_of(done.entries), **done.metrics}
