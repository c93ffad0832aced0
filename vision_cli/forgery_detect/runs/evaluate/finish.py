"""Tables, metrics, pictures and report of a run of ``evaluate``, undivided or merged."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from vision_cli.core.command.console import Table
from vision_cli.core.report import Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.forgery_detect.evaluation.localisation import MeanLocalisation
from vision_cli.forgery_detect.evaluation.measures import Measures, mean_off_diagonal
from vision_cli.forgery_detect.evaluation.results import (
    REALS_OF,
    DetectorScores,
    Matrix,
    Result,
    VerdictShares,
    domain_matrix,
    results_of,
    set_matrix,
    trial_matrices,
)
from vision_cli.forgery_detect.evaluation.robustness import RobustnessPoint
from vision_cli.forgery_detect.options.evaluating import Level
from vision_cli.forgery_detect.pipeline.verdicts import aggregate
from vision_cli.forgery_detect.runs.audit import COLUMNS as CUES
from vision_cli.forgery_detect.runs.audit import CURE
from vision_cli.forgery_detect.runs.audit import TITLE as AUDIT_TITLE
from vision_cli.forgery_detect.runs.evaluate.headlines import (
    DIGITS,
    RULE,
    Headline,
    headlines_of,
    known,
    level_of,
    numbers_of,
    summary_of,
    verdict_of,
)
from vision_cli.forgery_detect.runs.evaluate.pictures import draw_all
from vision_cli.forgery_detect.runs.evaluate.plan_file import EvaluationPlan, LeftOut, read_plan, write_plan
from vision_cli.forgery_detect.runs.evaluate.scored import localisation_of, read_scores, robustness_of

RESULTS, MATRIX, ROBUSTNESS, LOCALISATION, SCORES, AUDIT, UNSCORED = (
    f"{name}.csv" for name in ("results", "matrix", "robustness", "localisation", "scores", "audit", "unscored")
)
HEAT_COLUMNS = ("detector", "faces", "pixel_auc", "pointed")
SUMMARY = "summary.txt"
_PLACE = ("detector", "trained_on", "test_set", "level")
_MEASURES = tuple(one.name for one in fields(Measures))
_SHARES = tuple(one.name for one in fields(VerdictShares))
COLUMNS = (*_PLACE, *_MEASURES, *_SHARES, "polarisation")
_SHOWN = (
    *("detector", "trained_on", "test_set", "reals", "fakes", "auc", "auc_low", "auc_high"),
    *("average_precision", "eer", "tpr_at_1", "tpr_at_10", "accuracy", "ece", "real_called_fake", "fake_called_fake"),
)
_MATRIX_COLUMNS = ("detector", "rows_are", "row", "columns_are", "column", "auc", "auc_low", "auc_high")
_MOST_LISTED = 50
Metrics = dict[str, float | int | str | None]


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the results by detector, test set and level, the scores, matrices, metrics, pictures and the report."""
    homes = [run.home_of(entry) for entry in entries] or [run.directory]
    plan = read_plan(homes[0])
    # The shards of a merged run have it too, each the whole of it.
    write_plan(run, plan)
    found = read_scores(plan, entries)
    results = [
        one
        for scores in found.detectors
        for one in results_of(
            scores, levels=plan.levels, aggregation=plan.aggregation, resamples=plan.resamples, seed=plan.seed
        )
    ]
    main = plan.main_level
    matrices = _matrices(plan, found.detectors, results, main)
    points = robustness_of(plan, entries)
    heat = localisation_of(plan, entries)
    headlines = headlines_of(plan, found.detectors, results, main)
    run.write_csv(RESULTS, COLUMNS, [_cells(one) for one in results])
    run.write_csv(SCORES, *_score_table(plan, found.detectors))
    if matrices:
        run.write_csv(MATRIX, _MATRIX_COLUMNS, [row for one in matrices for row in _matrix_rows(one)])
    if points:
        columns = tuple(one.name for one in fields(RobustnessPoint))
        rows = [(name, *map(known, asdict(p).values())) for name, own in points.items() for p in own]
        run.write_csv(ROBUSTNESS, ("detector", *columns), rows)
    if heat:
        run.write_csv(LOCALISATION, HEAT_COLUMNS, _heat_rows(heat))
    if plan.audit is not None:
        run.write_csv(AUDIT, CUES, plan.audit.rows)
    run.write_csv(UNSCORED, ("name", "reason"), [(one.name, one.reason) for one in found.left_out])
    run.write_text(SUMMARY, summary_of(headlines))
    metrics = _metrics(plan, results, matrices, points, headlines, found.left_out)
    for name, one in heat.items():
        metrics |= {f"{name}/heat/{word}": known(value) for word, value in asdict(one).items()}
    run.write_metrics(metrics)
    pictures = draw_all(run, plan, entries, found.detectors, results, matrices, points) if plan.pictures else []
    first = headlines[0] if headlines else None
    run.report(
        Report(
            title="Forged faces told from real ones",
            verdict=verdict_of(plan, first),
            level=level_of(plan, first),
            rule=RULE,
            summary={} if first is None else numbers_of(first),
            pictures=pictures,
            tables=[
                *_tables(plan, results, points, found.left_out, main),
                *([Table(HEAT_COLUMNS, _heat_rows(heat), "Heat maps beside masks of forged parts")] if heat else []),
            ],
            notes=_notes(plan, found.left_out),
        )
    )


def results_table(directory: Path) -> Table:
    """Return the results of a finished run at its main level, with the plain lines below."""
    with (directory / RESULTS).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    level = "video" if any(row["level"] == "video" for row in rows) else "frame"
    shown = [tuple(_read(row[name]) for name in _SHOWN) for row in rows if row["level"] == level]
    kept = _used(_SHOWN, shown)
    summary = (directory / SUMMARY).read_text(encoding="utf-8")
    return Table(*_part(_SHOWN, shown, kept), f"Results by {level}, with 95 % intervals", summary)


def has_defined_auc(directory: Path) -> bool:
    """Return whether a finished run has a test set with both classes."""
    with (directory / RESULTS).open(encoding="utf-8", newline="") as stream:
        return any(row["auc"] for row in csv.DictReader(stream))


def _matrices(
    plan: EvaluationPlan, detectors: Sequence[DetectorScores], results: Sequence[Result], level: Level
) -> list[Matrix]:
    if plan.protocol not in {None, "within"}:
        return trial_matrices(results, level)
    own = [set_matrix(results, level), *(domain_matrix(scores, level, plan.aggregation) for scores in detectors)]
    return [one for one in own if one is not None]


def _metrics(
    plan: EvaluationPlan,
    results: Sequence[Result],
    matrices: Sequence[Matrix],
    points: Mapping[str, Sequence[RobustnessPoint]],
    headlines: Sequence[Headline],
    left_out: Sequence[LeftOut],
) -> Metrics:
    found: Metrics = {"media": len(plan.media), "left_out": len(left_out)}
    found |= {f"{one.detector}/{name}": known(value) for one in headlines for name, value in one.measures.items()}
    for one in results:
        place = "/".join(word for word in (one.detector, one.trained_on, one.test_set, one.level) if word)
        values = asdict(one.measures) | asdict(one.shares) | {"polarisation": one.polarisation}
        found |= {f"{place}/{name}": known(value) for name, value in values.items()}
    found |= {
        f"{one.detector}/cross_auc": known(mean_off_diagonal(one.values))
        for one in matrices
        if one.rows_are == REALS_OF
    }
    for detector, own in points.items():
        for point in own[1:]:
            found[f"{detector}/{point.degradation}_{point.level:g}/auc"] = known(point.auc)
            found[f"{detector}/{point.degradation}_{point.level:g}/flipped"] = known(point.flipped)
    if plan.audit is not None:
        found["audit/shortcuts_found"] = sum(row[1] == "found" for row in plan.audit.rows)
    return found


def _score_table(
    plan: EvaluationPlan, detectors: Sequence[DetectorScores]
) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """Return a row a medium, with the probability by each detector."""
    by_name = [{one.medium.name: one.chances for one in scores.media} for scores in detectors]
    columns = ("path", "name", "label", "generator", "domain", "video", "faces")
    rows = []
    for medium in plan.media:
        own = [scores.get(medium.name) for scores in by_name]
        seen = [chances for chances in own if chances]
        if plan.protocol is not None and not seen:
            continue
        facts = (medium.path.as_posix(), medium.name, medium.label, medium.generator, medium.domain, medium.video)
        chances = [round(aggregate(one, plan.aggregation).p_fake, DIGITS) if one else None for one in own]
        rows.append((*facts, len(seen[0]) if seen else 0, *chances))
    return (*columns, *(f"p_{scores.label}" for scores in detectors)), rows


def _heat_rows(heat: Mapping[str, MeanLocalisation]) -> list[tuple[object, ...]]:
    return [(name, *map(known, asdict(one).values())) for name, one in heat.items()]


def _tables(
    plan: EvaluationPlan,
    results: Sequence[Result],
    points: Mapping[str, Sequence[RobustnessPoint]],
    left_out: Sequence[LeftOut],
    level: Level,
) -> list[Table]:
    cells = [_cells(one) for one in results if one.level == level]
    shown = [tuple(row[COLUMNS.index(name)] for name in _SHOWN) for row in cells]
    tables = [Table(*_part(_SHOWN, shown, _used(_SHOWN, shown)), f"Results by {level}, with 95 % intervals")]
    if points:
        columns = ("detector", *(one.name for one in fields(RobustnessPoint)))
        rows = [(name, *map(known, asdict(point).values())) for name, own in points.items() for point in own]
        tables.append(Table(columns, rows, "Degraded faces"))
    if plan.audit is not None and plan.audit.rows:
        tables.append(Table(CUES, plan.audit.rows, AUDIT_TITLE))
    if left_out:
        rows = [(one.name, one.reason) for one in left_out]
        tables.append(Table(("medium", "reason"), rows[:_MOST_LISTED], "Media that are not measured"))
    return tables


def _notes(plan: EvaluationPlan, left_out: Sequence[LeftOut]) -> list[str]:
    notes = []
    if plan.audit is not None:
        notes.append(f"audit: {plan.audit.verdict}")
        if plan.audit.level == "bad":
            notes.append(f"A detector may have recognised the shortcut instead of the forgery. {CURE}")
    if left_out:
        reasons = ", ".join(sorted({re.sub(r"^.*: ", "", one.reason) for one in left_out})[:3])
        notes.append(f"{len(left_out)} media are not measured ({reasons}); {UNSCORED} lists them.")
    return notes


def _cells(one: Result) -> tuple[object, ...]:
    values = (*asdict(one.measures).values(), *asdict(one.shares).values(), one.polarisation)
    return (one.detector, one.trained_on, one.test_set, one.level, *map(known, values))


def _matrix_rows(one: Matrix) -> list[tuple[object, ...]]:
    return [
        (
            *(one.detector, one.rows_are, row, one.columns_are, column),
            *(known(float(table[place])) for table in (one.values, one.low, one.high)),
        )
        for i, row in enumerate(one.rows)
        for j, column in enumerate(one.columns)
        for place in [(i, j)]
    ]


def _read(cell: str) -> object:
    """Return a cell of the table as a number where it is one."""
    if not cell:
        return None
    try:
        return int(cell) if cell.isdigit() else float(cell)
    except ValueError:
        return cell


def _used(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[int]:
    """Return the columns that say something: what detectors were trained on is empty without a protocol."""
    return [place for place, name in enumerate(columns) if name != "trained_on" or any(row[place] for row in rows)]


def _part(
    columns: Sequence[str], rows: Sequence[Sequence[object]], kept: Sequence[int]
) -> tuple[list[str], list[list[object]]]:
    return [columns[place] for place in kept], [[row[place] for place in kept] for row in rows]
