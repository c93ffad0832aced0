"""Tables and report of a run of ``evaluate``, undivided or merged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vision_cli.core.command.console import Table
from vision_cli.core.report import Level, Picture, Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.gaze_predict.evaluation.controls import swap_sides
from vision_cli.gaze_predict.evaluation.scores import Estimate, GazeScores, difference, scores_of_rows
from vision_cli.gaze_predict.evaluation.tables import (
    SHOWN,
    case_table,
    finding_table,
    flat_metrics,
    markdown_table,
)
from vision_cli.gaze_predict.figures.overlays import READING
from vision_cli.gaze_predict.options import CONTROLS
from vision_cli.gaze_predict.runs.evaluate import panel_name
from vision_cli.gaze_predict.runs.scored import COVERAGE, SECOND_READER, read_scores

FINDINGS_FILE, CASES_FILE, TABLE_FILE = "metrics_by_finding.csv", "per_case.csv", "table.md"
RULE = (
    "Good: NSS is higher than that of the mean recorded gaze for the same finding, and the 95 % bootstrap interval of "
    "the difference over patients is above 0. Bad: it is below 0. Caution: it holds 0."
)
NOTE = (
    "ScanMatch, NSS and information gain lead: MultiMatch hardly separates a model from the path of a random reader. "
    "The mean gaze for a finding is the baseline to beat; it never contains the film that it is scored on."
)
_PRIOR, _NO_TEXT = "finding", "no-text"
_PICTURES = 8

Metrics = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Gain:
    """How much better the first method is than the mean gaze for a finding, in NSS."""

    estimate: Estimate

    @property
    def level(self) -> Level:
        """The level of the verdict, by `RULE`."""
        return "good" if self.estimate.low > 0 else "bad" if self.estimate.high < 0 else "caution"


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the measures by finding and by recording, the table for people, the flat metrics and the report."""
    done = [entry for entry in entries if entry.error is None]
    scores = read_scores(done)
    listed = list(scores.values())
    by_finding = finding_table(listed)
    run.write_csv(FINDINGS_FILE, by_finding.columns, by_finding.rows)
    cases = case_table(listed)
    coverage = _coverage(done, next(iter(scores), ""))
    more = COVERAGE if coverage else ()
    none = (None,) * len(more)
    run.write_csv(
        CASES_FILE,
        (*cases.columns, *more),
        [(*row, *coverage.get((str(row[0]), str(row[1])), none)) for row in cases.rows],
    )
    run.write_text(TABLE_FILE, markdown_table(listed) if listed else "no recording\n")
    run.write_metrics(metrics_of(scores, done))
    _report(run, done, scores)


def metrics_of(scores: Mapping[str, GazeScores], done: Sequence[Entry]) -> Metrics:
    """Return flat names: means with intervals by method, what controls cost, and shares of a second reader.

    ``findings_better_with_text`` counts the findings on which the correlation falls without a sentence;
    ``loss_cc_CONTROL`` is how much the correlation falls with the sentences of a control, ``..._sided`` the same for
    sentences that name a side.
    """
    found: Metrics = {"recordings": len(done)}
    found |= {name: _known(value) for name, value in flat_metrics(list(scores.values())).items()}
    if not scores:
        return found
    first = next(iter(scores.values()))
    gain = gain_over_prior(scores)
    if gain is not None:
        found |= _interval("nss_gain_over_finding", gain.estimate)
        found |= _interval("cc_gain_over_finding", difference(first, scores[_PRIOR], "cc"))
    for name in CONTROLS:
        if name in scores:
            word = name.replace("-", "_")
            found |= _interval(f"loss_cc_{word}", difference(first, scores[name], "cc"))
            sided = _sided(first)
            if len(sided.recordings):
                found |= _interval(f"loss_cc_{word}_sided", difference(sided, scores[name], "cc"))
    if _NO_TEXT in scores:
        changes = [_mean_change(first, scores[_NO_TEXT], finding) for finding in first.findings()]
        found["findings"] = len(changes)
        found["findings_better_with_text"] = sum(change > 0 for change in changes)
    if SECOND_READER in scores:
        for metric in ("cc", "nss"):
            ceiling = scores[SECOND_READER].estimate(metric, resamples=1).value
            found[f"{metric}_share_of_second_reader"] = _known(first.estimate(metric, resamples=1).value / ceiling)
    values = [entry.number(COVERAGE[0]) for entry in done if COVERAGE[0] in entry.row]
    if values:
        found["mean_coverage"] = round(sum(values) / len(values), 6)
    return found


def gain_over_prior(scores: Mapping[str, GazeScores]) -> Gain | None:
    """Return how much better the first method is than the mean gaze for a finding; None where that is not a row."""
    first = next(iter(scores.values()), None)
    if first is None or _PRIOR not in scores or first.method == _PRIOR:
        return None
    return Gain(difference(first, scores[_PRIOR], "nss"))


def overview(scores: Mapping[str, GazeScores]) -> Table:
    """Return the methods as rows, with the measures that lead."""
    rows = [
        (name, *(_shown(one.estimate(metric)) for metric in SHOWN), len(one.recordings)) for name, one in scores.items()
    ]
    return Table(("method", *SHOWN, "n"), rows, "Means with 95 % interval; KLD is better when lower")


def _report(run: RunFiles, done: Sequence[Entry], scores: Mapping[str, GazeScores]) -> None:
    words, level = f"{len(done)} recordings.", "plain"
    gain = gain_over_prior(scores)
    pictures: list[Picture] = []
    tables: list[Table] = []
    if scores:
        first = next(iter(scores.values()))
        nss, cc = (first.estimate(metric).value for metric in ("nss", "cc"))
        words = f"{first.method}: NSS {nss:.3f}, CC {cc:.3f} on {len(first.recordings)} recordings."
        pictures = _pictures(run, done, first)
        tables = [overview(scores), _of_findings(scores)]
    if gain is not None:
        one = gain.estimate
        words += f" NSS {one.value:+.3f} [{one.low:.3f}, {one.high:.3f}] against the mean gaze for the finding."
        level = gain.level
    run.report(
        Report(
            title="Predicted gaze, measured",
            verdict=words,
            level=level,  # type: ignore[arg-type]
            rule=RULE if gain is not None else "",
            pictures=pictures,
            tables=tables,
            notes=[NOTE],
        )
    )


def _pictures(run: RunFiles, done: Sequence[Entry], first: GazeScores) -> list[Picture]:
    """Return the recordings with the highest and the lowest NSS, where they were drawn."""
    values = {one.id: float(value) for one, value in zip(first.recordings, first.values["nss"], strict=True)}
    ranked = sorted(
        (entry for entry in done if math.isfinite(values.get(entry.id, math.nan))), key=lambda entry: values[entry.id]
    )
    half = len(ranked) // 2
    best, worst = ranked[half:][::-1][:_PICTURES], ranked[:half][:_PICTURES]
    return [
        Picture(path, f"{kind}: {entry.id}, NSS {values[entry.id]:.2f}. {entry.row['sentence']}", READING)
        for kind, chosen in (("best", best), ("worst", worst))
        for entry in chosen
        if (path := run.home_of(entry) / panel_name(entry.id, entry.position)).is_file()
    ]


def _of_findings(scores: Mapping[str, GazeScores]) -> Table:
    """Return the NSS of every method by finding."""
    first = next(iter(scores.values()))
    rows = [
        (finding, *(_mean(one.estimate("nss", finding=finding, resamples=1)) for one in scores.values()))
        for finding in first.findings()
    ]
    return Table(("finding", *scores), rows, "NSS by finding")


def _coverage(done: Sequence[Entry], method: str) -> dict[tuple[str, str], tuple[object, ...]]:
    """Return the columns of coverage by method and recording; they are those of the first method."""
    return {
        (method, entry.id): tuple(entry.row[name] for name in COVERAGE) for entry in done if COVERAGE[0] in entry.row
    }


def _sided(scores: GazeScores) -> GazeScores:
    """Return the scores of the recordings whose sentence names a side."""
    kept = [n for n, one in enumerate(scores.recordings) if swap_sides(one.sentence) != one.sentence]
    rows = [{name: float(values[n]) for name, values in scores.values.items()} for n in kept]
    return scores_of_rows(scores.method, [scores.recordings[n] for n in kept], rows)


def _mean_change(first: GazeScores, other: GazeScores, finding: str) -> float:
    """Return how much higher the correlation of a finding is by the first method."""
    one, two = (scores.estimate("cc", finding=finding, resamples=1).value for scores in (first, other))
    return one - two


def _interval(name: str, found: Estimate) -> Metrics:
    if not found.count:
        return {}
    return {name: _known(found.value), f"{name}_ci_low": _known(found.low), f"{name}_ci_high": _known(found.high)}


def _shown(found: Estimate) -> str | None:
    if not found.count:
        return None
    bounds = f" [{found.low:.3f}, {found.high:.3f}]" if math.isfinite(found.low) else ""
    return f"{found.value:.3f}{bounds}"


def _mean(found: Estimate) -> float | None:
    return _known(found.value) if found.count else None


def _known(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
