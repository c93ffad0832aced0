"""Summary and report of a run of ``predict``, undivided or merged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.core.report import Level, Picture, Report, link_to
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.gaze_predict.figures.overlays import READING
from vision_cli.gaze_predict.runs.predict import FIXATIONS, NOT_FOR_DIAGNOSIS, OVERLAYS

SUMMARY = "summary.csv"
_COLUMNS = ("sentences", "context", "width", "height", "unknown_share", "mean_log_density", "path_s")
RULE = "Caution: in some sentence more than a tenth of the words are unknown to the model."
_UNKNOWN = 0.1
_NOTE = (
    "A sentence that names a side or zone moves the gaze there; a bare finding follows where readers look for it on "
    "average. The path is the most central of 48 sampled ones."
)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the summary of the films, the metrics and the report."""
    done = [entry for entry in entries if entry.error is None]
    rows = [(entry.id, *(entry.row[name] for name in _COLUMNS)) for entry in done]
    run.write_csv(SUMMARY, ("film", *_COLUMNS), rows)
    unknown = [entry.number("unknown_share") for entry in done]
    said = int(sum(entry.number("sentences") for entry in done))
    metrics: dict[str, float | int | str | None] = {
        "films": len(done),
        "sentences": said,
        "mean_unknown_share": round(float(np.mean(unknown)), 4) if unknown else None,
        "mean_path_s": round(float(np.mean([entry.number("path_s") for entry in done])), 3) if done else None,
    }
    run.write_metrics(metrics)
    level: Level = "plain" if not done else "caution" if max(unknown) > _UNKNOWN else "good"
    pictures = [
        Picture(path, entry.id, READING)
        for entry in done
        if (path := run.home_of(entry) / OVERLAYS / f"{entry.id}.jpg").is_file()
    ]
    table = [
        (link_to(run, run.home_of(entry) / FIXATIONS / f"{entry.id}.csv", entry.id), *row[1:])
        for entry, row in zip(done, rows, strict=True)
    ]
    run.report(
        Report(
            title="Predicted gaze on chest films",
            verdict=f"{_counted(len(done), 'film')}, {_counted(said, 'sentence')}. {NOT_FOR_DIAGNOSIS}",
            level=level,
            rule=RULE,
            summary={
                "films": len(done),
                "sentences": said,
                "unknown words, mean share": metrics["mean_unknown_share"],
                "path, mean s": metrics["mean_path_s"],
            },
            pictures=pictures,
            tables=[Table(("film", *_COLUMNS), table, "Films")] if table else [],
            notes=[_NOTE],
        )
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
