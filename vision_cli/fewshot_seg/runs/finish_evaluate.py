"""Tables and report of a run of ``evaluate``, undivided or merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.core.report import Level, Picture, Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.fewshot_seg.evaluation.episodes import Episode, read_episodes, write_episodes
from vision_cli.fewshot_seg.evaluation.measures import (
    MEASURES,
    SCORE_COLUMNS,
    EpisodeScore,
    SetMeasures,
    difference,
    mean_over_sets,
    measure_sets,
)
from vision_cli.fewshot_seg.figures.panels import READ_EPISODE
from vision_cli.fewshot_seg.pipeline.methods import BASELINES
from vision_cli.fewshot_seg.runs.names import PANELS, PROTOCOL
from vision_cli.fewshot_seg.runs.scored import read_scores
from vision_cli.metrics.resampling import Resampled

MEASURES_FILE, EPISODES_FILE = "measures.csv", "episodes.csv"
_MAIN = "mean_iou"
_PICTURES = 8
RULE = (
    "Good: the first method is better than the best fixed baseline of the run, and the 95 % bootstrap interval of the "
    "difference in mean IoU, averaged over the sets, is above 0. Bad: it is below 0. Caution: it holds 0."
)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the measures by method, set and class, the scored episodes, the flat metrics and the report."""
    done = [entry for entry in entries if entry.error is None]
    homes = [run.home_of(entry) for entry in entries] or [run.directory]
    episodes = {one.id: one for one in read_episodes(homes[0] / PROTOCOL)}
    # The shards of a merged run have it too, each the whole of it.
    with run.output(PROTOCOL) as path:
        write_episodes(path, list(episodes.values()))
    scores = read_scores(done, episodes)
    measured = {name: measure_sets(found) for name, found in scores.items() if found}
    run.write_csv(
        MEASURES_FILE,
        ("method", "set", "class", "measure", "value", "low", "high", "episodes"),
        [
            (name, *row[:3], *(_known(float(str(number))) for number in row[3:6]), row[6])
            for name, sets in measured.items()
            for one in sets
            for row in one.rows()
        ],
    )
    run.write_csv(
        EPISODES_FILE,
        ("method", *SCORE_COLUMNS),
        [(name, *score.row()) for name, found in scores.items() for score in found],
    )
    run.write_metrics(metrics_of(measured))
    _report(run, done, episodes, scores, measured)


def read_measured(directory: Path, entries: Sequence[Entry]) -> dict[str, list[SetMeasures]]:
    """Return the measures of a finished run by method, from its items and its protocol."""
    episodes = {one.id: one for one in read_episodes(directory / PROTOCOL)}
    scores = read_scores([entry for entry in entries if entry.error is None], episodes)
    return {name: measure_sets(found) for name, found in scores.items() if found}


def metrics_of(measured: Mapping[str, Sequence[SetMeasures]]) -> dict[str, float | int | str | None]:
    """Return the measures as flat names: ``METHOD/SET/MEASURE``, ``METHOD/mean/MEASURE``, and the gain."""
    found: dict[str, float | int | str | None] = {}
    for name, sets in measured.items():
        for one in sets:
            found |= {f"{name}/{one.name}/{key}": _known(one.overall.values[key].value) for key in MEASURES}
            found[f"{name}/{one.name}/episodes"] = one.overall.episodes
        for key in MEASURES:
            found[f"{name}/mean/{key}"] = _known(mean_over_sets(sets, key).value)
    compared = gain_over_baseline(measured)
    if compared is not None:
        baseline, gain = compared
        low, high = gain.interval()
        found |= {
            "best_baseline": baseline,
            "gain_mean_iou": _known(gain.value),
            "gain_mean_iou_low": _known(low),
            "gain_mean_iou_high": _known(high),
        }
    return found


def gain_over_baseline(measured: Mapping[str, Sequence[SetMeasures]]) -> tuple[str, Resampled] | None:
    """Return the best fixed baseline, and how much better the first method is; None where there is nothing to compare.

    Both are means over the sets of the mean IoU of episodes.
    """
    first = next(iter(measured), None)
    means = {name: mean_over_sets(sets, _MAIN) for name, sets in measured.items()}
    others = [name for name in means if name in BASELINES and name != first]
    if first is None or not others:
        return None
    best = max(others, key=lambda name: means[name].value)
    return best, difference(means[first], means[best])


def overview(measured: Mapping[str, Sequence[SetMeasures]]) -> list[Table]:
    """Return a table of the sets, and one of the means over them."""
    rows = [
        (name, one.name, *(_shown(one.overall.values[key], key) for key in MEASURES), one.overall.episodes)
        for name, sets in measured.items()
        for one in sets
    ]
    tables = [Table(("method", "set", *_TITLES, "episodes"), rows, "Measures, % with 95 % interval; AUROC of presence")]
    if any(len(sets) > 1 for sets in measured.values()):
        means = [
            (name, *(_shown(mean_over_sets(sets, key), key) for key in MEASURES)) for name, sets in measured.items()
        ]
        tables.append(Table(("method", *_TITLES), means, "Means over the sets"))
    return tables


_TITLES = ("mIoU", "FB-IoU", "mean IoU", "Dice", "boundary F", "AUROC")


def _report(
    run: RunFiles,
    done: Sequence[Entry],
    episodes: Mapping[str, Episode],
    scores: Mapping[str, Sequence[EpisodeScore]],
    measured: Mapping[str, Sequence[SetMeasures]],
) -> None:
    compared = gain_over_baseline(measured)
    first = next(iter(measured), "")
    level: Level = "plain"
    words = f"{len(done)} episodes."
    if first:
        value = mean_over_sets(measured[first], _MAIN).value
        words = f"{first}: mean IoU {100 * value:.1f} %, {len(done)} episodes."
    if compared is not None:
        name, gain = compared
        low, high = gain.interval()
        words += (
            f" {100 * gain.value:+.1f} points [{100 * low:.1f}, {100 * high:.1f}] against {name}, the best baseline."
        )
        level = "good" if low > 0 else "bad" if high < 0 else "caution"
    homes = {entry.id: run.home_of(entry) for entry in done}
    ranked = sorted(
        (score for score in scores.get(first, ()) if score.episode.is_present), key=lambda score: score.counts.iou
    )
    chosen = [("worst", score) for score in ranked[:_PICTURES]]
    chosen += [("best", score) for score in ranked[::-1][:_PICTURES] if score not in ranked[:_PICTURES]]
    pictures = [
        Picture(path, f"{kind}: {one.class_name}, {one.query}, IoU {100 * score.counts.iou:.1f} %", READ_EPISODE)
        for kind, score in chosen
        for one in [episodes[score.episode.id]]
        if (path := homes[one.id] / PANELS / f"{one.id}.jpg").is_file()
    ]
    run.report(
        Report(
            title="Few-shot segmentation, measured",
            verdict=words,
            level=level,
            rule=RULE if compared is not None else "",
            pictures=pictures,
            tables=overview(measured),
        )
    )


def _shown(found: Resampled, key: str) -> str:
    if not np.isfinite(found.value):
        return "n/a"
    low, high = found.interval()
    scale, places = (1, 3) if key == "presence_auroc" else (100, 1)
    bounds = f" [{scale * low:.{places}f}, {scale * high:.{places}f}]" if np.isfinite(low) else ""
    return f"{scale * found.value:.{places}f}{bounds}"


def _known(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
