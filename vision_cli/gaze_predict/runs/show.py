"""What finished runs show on the console."""

from __future__ import annotations

import json
from pathlib import Path

from vision_cli.core.command.console import Table
from vision_cli.core.command.verbs import Done
from vision_cli.gaze_predict.runs.predict import DOCUMENTS

_MOST, _WORDS = 30, 60


def fixations_table(done: Done) -> Table:
    """Return the first and the longest fixation of every sentence of the first films."""
    rows: list[tuple[object, ...]] = []
    for entry in done.entries:
        if entry.error is not None or len(rows) >= _MOST:
            continue
        document = json.loads(_written(done.directory, f"{DOCUMENTS}/{entry.id}.json").read_text(encoding="utf-8"))
        for one in document["sentences"]:
            points, times = one["points_px"], one["durations_s"]
            longest = max(range(len(times)), key=lambda place: times[place])
            x, y = points[longest]
            rows.append((entry.id, one["id"], one["text"][:_WORDS], len(points), f"{x:.0f}, {y:.0f}", times[longest]))
    titles = ("film", "sentence", "text", "fixations", "longest at x, y px", "s")
    return Table(titles, rows[:_MOST], "Gaze")


def methods_table(done: Done) -> Table:
    """Return the methods of a run of ``evaluate`` with their leading measures."""
    from vision_cli.gaze_predict.runs.finish_evaluate import overview
    from vision_cli.gaze_predict.runs.scored import read_scores

    return overview(read_scores([entry for entry in done.entries if entry.error is None]))


def _written(directory: Path, name: str) -> Path:
    """Return a file of a run; those of a merged one are in its shards."""
    own = directory / name
    return own if own.is_file() else next(directory.glob(f"*/{name}"), own)
