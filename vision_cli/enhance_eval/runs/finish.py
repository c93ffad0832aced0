"""Tables, figures and report of scored pictures: of a run, of merged shards, or made again by ``report``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.command.recorded_options import recorded
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.enhance_eval.evaluation import tables
from vision_cli.enhance_eval.evaluation.study import AP50, Settings, Study
from vision_cli.enhance_eval.figures.charts import MethodPoint, Spread, draw_heat_map, draw_scatter
from vision_cli.enhance_eval.methods.specs import file_name_of
from vision_cli.enhance_eval.options import StatisticsOptions
from vision_cli.enhance_eval.pipeline.scores import CLEAR, NONE
from vision_cli.enhance_eval.pipeline.tasks.predictions import detections_document
from vision_cli.enhance_eval.runs.report import Figures, write_run_report
from vision_cli.enhance_eval.runs.scored import DATASET, Scored, dataset_document, read_scored, sheet_file
from vision_cli.figures.saving import save_figure

METHODS = "tables/methods.csv"
SUMMARY, DELTAS, CORRELATIONS = "tables/summary.csv", "tables/delta_vs_none.csv", "tables/correlation.csv"


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write tables, figures and report of a run from the scores of its pictures."""
    options = recorded(StatisticsOptions, run.options)
    homes = {entry.id: run.home_of(entry) for entry in entries}
    scored = read_scored(homes)
    settings = Settings(options.bootstrap, options.alpha, int(run.options.get("seed", 0)))
    write_study(run, scored, settings, homes)


def write_study(run: RunFiles, scored: Scored, settings: Settings, homes: Mapping[str, Path]) -> None:
    """Write what a study found into a run.

    Parameters
    ----------
    run
        Where to.
    scored
        The scores.
    settings
        Of the statistics.
    homes
        Where contact sheets lie, by sample.
    """
    run.write_json(
        DATASET,
        dataset_document(scored.layout, scored.classes, scored.notes, scored.larger_is_better, scored.units),
    )
    study = Study(scored.scores, scored.classes, scored.larger_is_better, settings)
    by_method = tables.methods(study)
    for name, table in (
        (METHODS, by_method),
        (SUMMARY, tables.summary(study)),
        (DELTAS, tables.differences(study)),
        (CORRELATIONS, tables.correlations(study)),
        ("tables/quadrants.csv", tables.quadrant_cells(study)),
        ("tables/per_class.csv", tables.per_class(study)),
        ("tables/per_bin.csv", tables.per_bin(study)),
        ("tables/failed_cells.csv", tables.failed_cells(study)),
    ):
        run.write_csv(name, table.columns, table.rows)
    run.write_metrics(metrics_of(study))
    if AP50 in study.tasks:
        _write_predictions(run, study)
    write_run_report(run, study, scored, by_method, _draw(run, study, scored, homes))


def metrics_of(study: Study) -> dict[str, float | int | str | None]:
    """Return the headline numbers and the means of every cell, as flat names."""
    found: dict[str, float | int | str | None] = {"pictures": len(study.scores)}
    if (headline := study.headline) is not None:
        found |= {
            "dichotomy": headline.sentence,
            "headline_quality": headline.quality,
            "headline_task": headline.task,
            "tau": _known(headline.agreement.tau),
            "tau_low": _known(headline.agreement.tau_low),
            "tau_high": _known(headline.agreement.tau_high),
            "rho": _known(headline.agreement.rho),
            "rho_low": _known(headline.agreement.rho_low),
            "rho_high": _known(headline.agreement.rho_high),
            "harm_rate": _known(headline.harm.share),
            "harmed_cells": headline.harm.harmed,
            "compared_cells": headline.harm.cells,
            "regret": _known(headline.regret),
        }
    cells = ([(CLEAR, NONE)] if study.has_clear else []) + [(c, m) for c in study.conditions for m in study.methods]
    for condition, method in cells:
        for name in (*study.measures, *study.tasks):
            value = _known(study.score(condition, method, name).value)
            if value is not None:
                found[f"{condition}/{method}/{name}"] = value
    return found


def _draw(run: RunFiles, study: Study, scored: Scored, homes: Mapping[str, Path]) -> Figures:
    """Draw the charts of the headline's measure and task; none where there is no such pair."""
    headline = study.headline
    if headline is None:
        return Figures((), (), sheets_to_show(study, homes))
    unit = scored.units.get(headline.quality, "")
    scatters, maps = [], []
    for condition in study.conditions:
        points = [
            MethodPoint(
                method,
                _spread(study, condition, method, headline.quality),
                _spread(study, condition, method, headline.task),
                is_control=method not in study.ranked(),
            )
            for method in study.methods
        ]
        finite = [one for one in points if np.isfinite([one.quality.value, one.task.value]).all()]
        if not finite:
            continue
        name = f"figures/scatter-{condition}.png"
        figure = draw_scatter(
            finite,
            quality=f"{headline.quality}, {unit}" if unit else headline.quality,
            task=headline.task,
            title=f"{condition}: quality against task",
        )
        with run.output(name) as path:
            save_figure(figure, path)
        scatters.append(run.directory / name)
    for name in (headline.quality, headline.task):
        methods = [method for method in study.methods if method != NONE]
        values = np.full((len(methods), len(study.conditions)), np.nan)
        marks = np.full(values.shape, "", dtype="<U4")
        for row, column in np.ndindex(values.shape):
            one = study.comparison(study.conditions[column], methods[row], name)
            if one is not None:
                values[row, column], marks[row, column] = one.delta, one.stars()
        if not np.isfinite(values).any():
            continue
        file = f"figures/difference-{name}.png"
        figure = draw_heat_map(values, methods, study.conditions, title=f"{name}, difference to none", marks=marks)
        with run.output(file) as path:
            save_figure(figure, path)
        maps.append(run.directory / file)
    return Figures(tuple(scatters), tuple(maps), sheets_to_show(study, homes))


def sheets_to_show(study: Study, homes: Mapping[str, Path], most: int = 8) -> tuple[tuple[Path, str], ...]:
    """Return the contact sheets on which enhancement changed most of what is found, each with what it shows."""
    if AP50 not in study.tasks:
        found = [
            (homes[one.name] / sheet_file(one.name, condition), f"{one.name}, {condition}")
            for one in study.scores
            for condition in study.conditions
        ]
        return tuple((path, text) for path, text in found if path.is_file())[:most]
    ranked = []
    for condition in study.conditions:
        base = study.margins(condition, NONE)[AP50]
        changes = np.stack([study.margins(condition, name)[AP50] - base for name in study.ranked()])
        for number, one in enumerate(study.scores):
            path = homes[one.name] / sheet_file(one.name, condition)
            column = changes[:, number]
            if path.is_file() and np.isfinite(column).any():
                best, worst = int(np.nanargmax(column)), int(np.nanargmin(column))
                names = study.ranked()
                text = (
                    f"{one.name}, {condition}: {names[best]} {column[best]:+.2f}, "
                    f"{names[worst]} {column[worst]:+.2f} in mean score of the objects"
                )
                ranked.append((float(column[best] - column[worst]), path, text))
    ranked.sort(key=lambda entry: (-entry[0], entry[2]))
    return tuple((path, text) for _, path, text in ranked[:most])


def _write_predictions(run: RunFiles, study: Study) -> None:
    """Write what was detected as COCO documents, a file a cell."""
    names = [one.name for one in study.scores]
    for condition in study.conditions:
        for method in study.methods:
            found = study.detections(condition, method)
            name = f"predictions/{condition}__{file_name_of(method)}.json"
            run.write_json(name, detections_document(names, found, study.classes))


def _spread(study: Study, condition: str, method: str, name: str) -> Spread:
    one = study.score(condition, method, name)
    return Spread(one.value, *one.interval(study.settings.level))


def _known(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
