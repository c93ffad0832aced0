"""``report.html`` of a run: whether eyes and machines agree, in a line, a table, charts and contact sheets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vision_cli.core.command.console import Table
from vision_cli.core.report import Picture, Report
from vision_cli.enhance_eval.evaluation.study import Headline, Study
from vision_cli.enhance_eval.evaluation.tables import FileTable
from vision_cli.enhance_eval.figures.sheets import LEGEND
from vision_cli.enhance_eval.pipeline.scores import CLEAR, NONE

if TYPE_CHECKING:
    from vision_cli.core.runs.run_files import RunFiles
    from vision_cli.enhance_eval.runs.scored import Scored

GENERATED_NOTE = (
    "The data are generated scenes (NightScenes-10), not photographs. For your own data give their folder, and "
    "--detector or --classifier for a model of their classes."
)
RULE = (
    "Caution: in some cell the pictures get significantly better and the task significantly worse, or the measure and "
    "the task rank methods the other way round. Bad: both. Tests are two-sided, corrected by Holm's procedure over all "
    "methods and conditions."
)


@dataclass(frozen=True)
class Figures:
    """Pictures of a report.

    Attributes
    ----------
    scatters, maps
        Charts, a condition or a measure each.
    sheets
        Contact sheets with what they show.
    """

    scatters: Sequence[Path]
    maps: Sequence[Path]
    sheets: Sequence[tuple[Path, str]]


def write_run_report(run: RunFiles, study: Study, scored: Scored, table: FileTable, figures: Figures) -> None:
    """Write the report of a study into its run; ``table`` is that of its methods."""
    verdict, level = verdict_of(study.headline)
    pictures = [
        Picture(
            path,
            f"Quality against task, {path.stem.removeprefix('scatter-')}",
            "Up is better for the machine, right is better for the eye (left for measures where less is better). Bars "
            "are confidence intervals. Points along a rising line: both agree.",
        )
        for path in figures.scatters
    ]
    pictures += [
        Picture(
            path,
            f"Difference to no enhancement: {path.stem.removeprefix('difference-')}",
            "Blue is better, orange is worse. Stars: significant after correction (* .05, ** .01, *** .001).",
        )
        for path in figures.maps
    ]
    pictures += [Picture(path, text, LEGEND) for path, text in figures.sheets]
    notes = [*scored.notes]
    if scored.layout == "night-scenes":
        notes.insert(0, GENERATED_NOTE)
    run.report(
        Report(
            title="Low-light enhancement for eyes and machines",
            verdict=verdict,
            level=level,
            rule=RULE,
            summary=summary_facts(study),
            pictures=pictures,
            tables=methods_tables(table.columns, table.rows),
            notes=notes,
        )
    )


def verdict_of(headline: Headline | None) -> tuple[str, Literal["good", "caution", "bad", "plain"]]:
    """Return the first line of the report and how it is shown."""
    if headline is None:
        return "No measure of quality beside a task score: there is nothing to compare.", "plain"
    opposite = math.isfinite(headline.agreement.tau_high) and headline.agreement.tau_high < 0
    harmed = headline.harm.harmed > 0
    words = f"Dichotomy: {headline.sentence}."
    if headline.agreement.is_underpowered:
        return words, "plain"
    return words, "bad" if opposite and harmed else "caution" if opposite or harmed else "good"


def summary_facts(study: Study) -> dict[str, object]:
    """Return the facts at the head of the report."""
    facts: dict[str, object] = {
        "pictures": len(study.scores),
        "conditions": ", ".join(study.conditions),
        "methods": len(study.methods),
    }
    if study.has_clear:
        facts |= {f"{task} of the references": study.score(CLEAR, NONE, task).value for task in study.tasks}
    if (headline := study.headline) is not None:
        for condition, choice in headline.choices.items():
            facts[f"best in {condition}"] = f"{choice.chosen} by {headline.quality}, {choice.best} by {headline.task}"
    return facts


def methods_tables(
    columns: Sequence[str], rows: Sequence[Sequence[object]], milliseconds: Mapping[str, float] | None = None
) -> list[Table]:
    """Return the table of methods for people, one a condition.

    Parameters
    ----------
    columns, rows
        As `vision_cli.enhance_eval.evaluation.tables.methods` gives them; numbers may be texts, as CSV has them.
    milliseconds
        Time of each method; left out if it is not known.
    """
    tasks = [name.removesuffix("_delta") for name in columns if name.endswith("_delta")]
    measures = [name for name in columns[2:] if not name.startswith(tuple(tasks) or ("\0",))]
    titles = ["method", *measures]
    for task in tasks:
        titles += [task, f"{task} - none"]
    of_condition: dict[object, list[list[object]]] = {}
    for row in rows:
        cell = dict(zip(columns, row, strict=True))
        shown: list[object] = [cell["method"], *(_number(cell[name], name) for name in measures)]
        for task in tasks:
            shown += [_number(cell[task], task), _difference(cell, task)]
        if milliseconds:
            shown.append(_number(milliseconds.get(str(cell["method"])), "ms"))
        of_condition.setdefault(cell["condition"], []).append(shown)
    titles += ["ms"] if milliseconds else []
    return [Table(tuple(titles), shown, title=f"Methods, {condition}") for condition, shown in of_condition.items()]


def _difference(cell: Mapping[str, object], task: str) -> str:
    delta = cell[f"{task}_delta"]
    if delta in (None, ""):
        return ""
    arrow = {"up": "▲", "down": "▼"}.get(str(cell[f"{task}_verdict"]), "")
    return f"{float(str(delta)):+.3f}{cell[f'{task}_stars']}{arrow}"


def _number(value: object, name: str) -> str:
    if value in (None, ""):
        return "n/a"
    places = 0 if name == "loe" else 1 if name == "ms" else 2 if name.startswith(("psnr", "niqe")) else 3
    return f"{float(str(value)):.{places}f}"
