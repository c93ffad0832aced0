"""Tables, metrics, pictures and report of a run of ``evaluate``, undivided or merged."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.core.report import Level as ReportLevel
from vision_cli.core.report import Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.forgery_detect.evaluation.localisation import MeanLocalisation
from vision_cli.forgery_detect.evaluation.measures import Measures, mean_off_diagonal
from vision_cli.forgery_detect.evaluation.results import (
    ALL,
    REALS_OF,
    DetectorScores,
    Matrix,
    Result,
    VerdictShares,
    domain_matrix,
    is_unseen,
    mean_measures,
    results_of,
    set_matrix,
    trial_matrices,
)
from vision_cli.forgery_detect.evaluation.robustness import RobustnessPoint
from vision_cli.forgery_detect.options import Level
from vision_cli.forgery_detect.pipeline.verdicts import aggregate
from vision_cli.forgery_detect.runs.audit import COLUMNS as CUES
from vision_cli.forgery_detect.runs.audit import CURE
from vision_cli.forgery_detect.runs.audit import TITLE as AUDIT_TITLE
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
RULE = (
    "Of the first detector, on all media, or on the tests that its training had nothing of. Good: the 95 % intervals "
    "of the AUC lie above 0.5, and the audit found nothing. Bad: the AUC, or its mean over the tests, is 0.5 or lower. "
    "Caution: anything else."
)
_DIGITS = 6
Metrics = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Headline:
    """A detector's main numbers: on all media, or means over the tests that its training had nothing of.

    Attributes
    ----------
    detector
        Name of it, or of the method.
    measures
        By the names of `Measures`; counts are of different videos or pictures. NaN where nothing is defined, and for
        the interval of a mean.
    lowest
        Lower end of the lowest interval; NaN where one is not defined.
    """

    detector: str
    measures: Mapping[str, float]
    lowest: float

    def line(self) -> str:
        """Return the numbers in a line for scripts."""
        words = {"AUC": "auc", "EER": "eer", "ACC": "accuracy", "AP": "average_precision"}
        found = [f"{word}={_shown(self.measures[name])}" for word, name in words.items()]
        return " ".join([*found, f"n={self.measures['reals'] + self.measures['fakes']}"])


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
        rows = [(name, *map(_known, asdict(p).values())) for name, own in points.items() for p in own]
        run.write_csv(ROBUSTNESS, ("detector", *columns), rows)
    if heat:
        run.write_csv(LOCALISATION, HEAT_COLUMNS, _heat_rows(heat))
    if plan.audit is not None:
        run.write_csv(AUDIT, CUES, plan.audit.rows)
    run.write_csv(UNSCORED, ("name", "reason"), [(one.name, one.reason) for one in found.left_out])
    run.write_text(SUMMARY, summary_of(headlines))
    metrics = _metrics(plan, results, matrices, points, headlines, found.left_out)
    for name, one in heat.items():
        metrics |= {f"{name}/heat/{word}": _known(value) for word, value in asdict(one).items()}
    run.write_metrics(metrics)
    pictures = draw_all(run, plan, entries, found.detectors, results, matrices, points) if plan.pictures else []
    first = headlines[0] if headlines else None
    run.report(
        Report(
            title="Forged faces told from real ones",
            verdict=_verdict(plan, first),
            level=_level(plan, first),
            rule=RULE,
            summary={} if first is None else _numbers(first),
            pictures=pictures,
            tables=[
                *_tables(plan, results, points, found.left_out, main),
                *([Table(HEAT_COLUMNS, _heat_rows(heat), "Heat maps beside masks of forged parts")] if heat else []),
            ],
            notes=_notes(plan, found.left_out),
        )
    )


def headlines_of(
    plan: EvaluationPlan, detectors: Sequence[DetectorScores], results: Sequence[Result], level: Level
) -> list[Headline]:
    """Return the main numbers of each detector, in their order."""
    own = [one for one in results if one.level == level]
    found = []
    for name in dict.fromkeys(one.detector for one in own):
        counted = [
            one
            for one in own
            if one.detector == name
            and (
                one.test_set == ALL if plan.protocol is None else is_unseen(plan.protocol, one.trained_on, one.test_set)
            )
        ]
        if not counted:
            continue
        # Real media are in the tests of all generators.
        tested = {one.test_set for one in counted}
        labels = {
            one.medium.video or one.medium.name: one.medium.label
            for scores in detectors
            if scores.detector == name
            for test in tested
            for one in (scores.media[place] for place in scores.tests.get(test, ()))
        }
        fakes = sum(label == 1 for label in labels.values())
        counts = {"reals": len(labels) - fakes, "fakes": fakes}
        means = {**mean_measures(counted), **counts}
        if len(counted) > 1:
            means |= {"auc_low": math.nan, "auc_high": math.nan}
        found.append(Headline(name, means, float(np.min([one.measures.auc_low for one in counted]))))
    return found


def summary_of(headlines: Sequence[Headline]) -> str:
    """Return the plain lines that end what is printed, one a detector, named where there are several."""
    is_one = len(headlines) == 1
    return "".join(f"{'' if is_one else f'{one.detector}: '}{one.line()}\n" for one in headlines)


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
    found |= {f"{one.detector}/{name}": _known(value) for one in headlines for name, value in one.measures.items()}
    for one in results:
        place = "/".join(word for word in (one.detector, one.trained_on, one.test_set, one.level) if word)
        values = asdict(one.measures) | asdict(one.shares) | {"polarisation": one.polarisation}
        found |= {f"{place}/{name}": _known(value) for name, value in values.items()}
    found |= {
        f"{one.detector}/cross_auc": _known(mean_off_diagonal(one.values))
        for one in matrices
        if one.rows_are == REALS_OF
    }
    for detector, own in points.items():
        for point in own[1:]:
            found[f"{detector}/{point.degradation}_{point.level:g}/auc"] = _known(point.auc)
            found[f"{detector}/{point.degradation}_{point.level:g}/flipped"] = _known(point.flipped)
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
        chances = [round(aggregate(one, plan.aggregation).p_fake, _DIGITS) if one else None for one in own]
        rows.append((*facts, len(seen[0]) if seen else 0, *chances))
    return (*columns, *(f"p_{scores.label}" for scores in detectors)), rows


def _heat_rows(heat: Mapping[str, MeanLocalisation]) -> list[tuple[object, ...]]:
    return [(name, *map(_known, asdict(one).values())) for name, one in heat.items()]


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
        rows = [(name, *map(_known, asdict(point).values())) for name, own in points.items() for point in own]
        tables.append(Table(columns, rows, "Degraded faces"))
    if plan.audit is not None and plan.audit.rows:
        tables.append(Table(CUES, plan.audit.rows, AUDIT_TITLE))
    if left_out:
        rows = [(one.name, one.reason) for one in left_out]
        tables.append(Table(("medium", "reason"), rows[:_MOST_LISTED], "Media that are not measured"))
    return tables


_MOST_LISTED = 50


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


def _verdict(plan: EvaluationPlan, first: Headline | None) -> str:
    if first is None:
        return "Nothing could be measured."
    found = first.measures
    where = {
        None: "on all media",
        "within": "on media that it was not trained on",
    }.get(plan.protocol, "on what its training had nothing of (mean over the tests)")
    counts = f"{found['reals']} real and {found['fakes']} forged"
    if not math.isfinite(found["auc"]):
        return f"{first.detector}: {counts}; the AUC needs both classes and is not defined."
    between = f" [{found['auc_low']:.2f}, {found['auc_high']:.2f}]" if math.isfinite(found["auc_low"]) else ""
    return (
        f"{first.detector}: AUC {found['auc']:.2f}{between} {where}, {counts}; at 10 % false alarms it catches "
        f"{found['tpr_at_10']:.0%} of the fakes."
    )


def _level(plan: EvaluationPlan, first: Headline | None) -> ReportLevel:
    if first is None or not math.isfinite(first.measures["auc"]):
        return "caution"
    if first.measures["auc"] <= _CHANCE:
        return "bad"
    is_clean = plan.audit is None or plan.audit.level == "good"
    return "good" if first.lowest > _CHANCE and is_clean else "caution"


_CHANCE = 0.5


def _numbers(first: Headline) -> dict[str, object]:
    words = {
        "AUC": "auc",
        "EER": "eer",
        "average precision": "average_precision",
        "fakes caught at 1 % false alarms": "tpr_at_1",
        "fakes caught at 10 % false alarms": "tpr_at_10",
        "calibration error": "ece",
    }
    return {word: _known(first.measures[name]) for word, name in words.items()}


def _cells(one: Result) -> tuple[object, ...]:
    values = (*asdict(one.measures).values(), *asdict(one.shares).values(), one.polarisation)
    return (one.detector, one.trained_on, one.test_set, one.level, *map(_known, values))


def _matrix_rows(one: Matrix) -> list[tuple[object, ...]]:
    return [
        (
            *(one.detector, one.rows_are, row, one.columns_are, column),
            *(_known(float(table[place])) for table in (one.values, one.low, one.high)),
        )
        for i, row in enumerate(one.rows)
        for j, column in enumerate(one.columns)
        for place in [(i, j)]
    ]


def _known(value: object) -> float | int | str | None:
    """Return a value rounded, None where it is not defined."""
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value if isinstance(value, int | str) else None


def _shown(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "n/a"


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
