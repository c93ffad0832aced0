"""``report.html`` of runs: what was read, how it agrees with labels, what an adaptation brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vision_cli.core.console import Table
from vision_cli.core.report import Picture, write_report
from vision_cli.rppg_adapt import figures

if TYPE_CHECKING:
    from pathlib import Path

    from vision_cli.core.journal import Entry
    from vision_cli.core.run_files import RunFiles
    from vision_cli.core.runs import Run
    from vision_cli.rppg_adapt.metrics import VideoScore

PAGE = "report.html"
BEFORE_AFTER = "before_after.png"
_MOST_PICTURES = 40


def report_readings(
    run: RunFiles, entries: Sequence[Entry], table: Table, pictures: Mapping[str, Sequence[Path]]
) -> None:
    """Write the report of ``predict``: the rates, then a picture of each face, of forty at most.

    Parameters
    ----------
    run
        The run.
    entries
        Its videos.
    table
        Their rates.
    pictures
        Pictures of the faces of each video, by its name.
    """
    read = [entry for entry in entries if entry.error is None]
    drawn = [Picture(file, name) for name, files in pictures.items() for file in files]
    notes = [f"{entry.id}: {entry.error}" for entry in entries if entry.error is not None]
    if len(drawn) > _MOST_PICTURES:
        notes.append(f"pictures of the first {_MOST_PICTURES} of {len(drawn)} faces; the others lie in their folders")
    with run.output(PAGE) as path:
        write_report(
            path,
            title="rppg-adapt: heart rates",
            summary={
                "videos": len(entries),
                "read": len(read),
                "reliable": sum(bool(entry.row["reliable"]) for entry in read),
            },
            tables=[table],
            pictures=drawn[:_MOST_PICTURES],
            notes=notes,
        )


def report_evaluation(run: Run, tables: Sequence[Table], pictures: Sequence[Picture]) -> None:
    """Write the report of ``evaluate``: measures by method, and how predictions agree with labels."""
    summary = {f"{row[0]}: {tables[0].columns[2]}": row[2] for row in tables[0].rows} if tables else {}
    with run.output(PAGE) as path:
        write_report(path, title="rppg-adapt: agreement with labels", summary=summary, tables=tables, pictures=pictures)


def report_adaptation(
    run: Run,
    metrics: Mapping[str, float | int | str | None],
    history: Sequence[Mapping[str, str]],
    scores: Mapping[str, Sequence[VideoScore]],
) -> None:
    """Write the report of ``adapt``: its course, and the test clips before and after.

    Parameters
    ----------
    run
        The open run.
    metrics
        Its measures.
    history
        Rows of ``history.csv``.
    scores
        Of the test clips, by ``source`` and ``adapted``; empty without labels.
    """
    pictures = []
    if history:
        with run.output("history.png") as path:
            figures.history(path, history)
        pictures.append(Picture(run.directory / "history.png", "Loss, and the score that needs no labels."))
    if scores:
        with run.output(BEFORE_AFTER) as path:
            figures.before_after(path, scores["source"], scores["adapted"])
        pictures.append(Picture(run.directory / BEFORE_AFTER, "Test clips, read before and after the adaptation."))
    with run.output(PAGE) as path:
        write_report(
            path,
            title="rppg-adapt: adaptation",
            summary={
                name: metrics[name] for name in ("source_mae_bpm", "adapted_mae_bpm", "kept_source") if name in metrics
            },
            tables=[Table(("measure", "value"), list(metrics.items()))],
            pictures=pictures,
        )
