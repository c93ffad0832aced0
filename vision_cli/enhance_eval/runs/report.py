"""``report.html`` of a run: whether eyes and machines agree, in a line, a table, charts and contact sheets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vision_cli.core.command.console import Table
from vision_cli.core.report import Picture, Report
from vision_cli.enhance_eval.evaluation.study import ACCURACY, AP50, Headline, Study
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
_SHOWN = ("psnr", "psnr_gtmean", "ssim_y", "niqe_vcli", "loe")


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


def write_run_report(run: RunFiles, study: Study, scored: Scored, figures: Figures) -> None:
    """Write the report of a study into its run."""
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
            tables=[methods_table(study, condition) for condition in study.conditions],
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


def methods_table(study: Study, condition: str) -> Table:
    """Return the methods of a condition: measures, task scores with their difference to ``none``."""
    measures = [name for name in _SHOWN if name in study.measures]
    tasks = [name for name in (ACCURACY, AP50) if name in study.tasks]
    columns = ["method", *measures]
    for task in tasks:
        columns += [task, f"{task} - none"]
    rows = []
    for method in study.methods:
        row = [method, *(_number(study.score(condition, method, name).value, name) for name in measures)]
        for task in tasks:
            row += [
                _number(study.score(condition, method, task).value, task),
                _difference(study, condition, method, task),
            ]
        rows.append(row)
    return Table(tuple(columns), rows, title=f"Methods, {condition}")


def _difference(study: Study, condition: str, method: str, name: str) -> str:
    one = study.comparison(condition, method, name)
    if one is None or not math.isfinite(one.delta):
        return ""
    arrow = {"up": "▲", "down": "▼"}.get(one.verdict(study.settings.alpha), "")
    return f"{one.delta:+.3f}{one.stars()}{arrow}"


def _number(value: float, name: str) -> str:
    if not math.isfinite(value):
        return "n/a"
    return f"{value:.2f}" if name.startswith(("psnr", "niqe")) else f"{value:.0f}" if name == "loe" else f"{value:.3f}"
