"""What finished runs show on the console."""

from __future__ import annotations

from vision_cli.core.command.console import Table
from vision_cli.core.command.verbs import Done
from vision_cli.fewshot_seg.runs.names import classes_of, of_class

_MOST = 40


def predictions_table(done: Done) -> Table:
    """Return the classes in the first pictures of a run."""
    entries = [entry for entry in done.entries if entry.error is None]
    classes = classes_of(entry.row for entry in entries)
    rows = [
        (
            entry.id,
            name,
            "absent" if facts["is_absent"] else "found",
            *(facts.get(key) for key in ("presence", "score", "area_fraction", "candidate", "iou")),
        )
        for entry in entries
        for name in classes
        for facts in [of_class(entry.row, name)]
    ]
    has_truth = any(row[-1] is not None for row in rows)
    titles = ("picture", "class", "", "presence", "score", "area", "mask from", "IoU")
    kept = rows[:_MOST] if has_truth else [row[:-1] for row in rows[:_MOST]]
    more = f", the first {_MOST} of {len(rows)}; summary.csv has all" if len(rows) > _MOST else ""
    return Table(titles if has_truth else titles[:-1], kept, f"Masks{more}")


def measures_tables(done: Done) -> list[Table]:
    """Return the measures of a run of ``evaluate``."""
    from vision_cli.fewshot_seg.runs.finish_evaluate import overview, read_measured

    return overview(read_measured(done.directory, done.entries))
