"""``report.html`` of ``predict``, ``evaluate``, ``train`` and ``adapt``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.core.report import Picture, Report
from vision_cli.rppg_adapt import figures
from vision_cli.rppg_adapt.runs import verdicts

if TYPE_CHECKING:
    from vision_cli.core.runs.journal import Entry
    from vision_cli.core.runs.run_files import RunFiles
    from vision_cli.core.runs.runs import Run
    from vision_cli.rppg_adapt.adaptation.adaptation import AdaptationResult
    from vision_cli.rppg_adapt.evaluation.metrics import VideoScore

BEFORE_AFTER = "before_after.png"
HISTORY_PICTURE = "history.png"

_ONE_FACE = (
    "White skin should cover the face without eyes, hair and background; a pulse is one narrow peak that the methods "
    "share, an even wave and yellow dots at one height. Spectra of many peaks and dark dots that jump are noise."
)
_TRAINING_CURVES = "The loss should fall and level off, the scores rise; a loss that climbs again is a rate too high."
_BEFORE_AFTER = "Filled dots should lie nearer to the line than the open ones of the source; farther ones became worse."
_BLAND_ALTMAN = "Dots should lie close around zero at all rates; a slope or a bias far from zero is a systematic error."
_SCATTER = "Dots should lie on the line; a level row of dots is one rate that is read whatever the true one is."
_AGREEMENT = (
    ("scatter", figures.scatter, "predicted against true heart rates", _SCATTER),
    ("bland_altman", figures.bland_altman, "differences against means, with limits of agreement", _BLAND_ALTMAN),
)


def report_predictions(
    run: RunFiles, entries: Sequence[Entry], table: Table, pictures: Mapping[str, Sequence[Path]]
) -> None:
    """Write the report of ``predict``: the rates, and a picture of each face, without a reliable pulse first.

    Parameters
    ----------
    run
        The run.
    entries
        Its videos.
    table
        Table of their rates.
    pictures
        Pictures of the faces of each video, by name of the video.
    """
    read, reliable = verdicts.split_read_and_reliable(entries)
    doubtful_first = sorted(entries, key=lambda entry: entry in reliable)
    verdict, level = verdicts.prediction_verdict(entries)
    run.report(
        Report(
            "rppg-adapt: heart rates",
            verdict,
            level,
            summary=_numbers(entries, read, reliable),
            pictures=[
                Picture(file, _caption(entry.id, file, is_reliable=entry in reliable), _ONE_FACE)
                for entry in doubtful_first
                for file in sorted(pictures.get(entry.id, ()), key=lambda file: len(file.parts))
            ],
            tables=[table] if read else [],
        )
    )


def report_evaluation(
    run: RunFiles,
    scores: Mapping[str, Sequence[VideoScore]],
    tables: Sequence[Table],
    *,
    videos: int,
    worst_group: str | None = None,
) -> None:
    """Write the report of ``evaluate``: measures by method, scatter and Bland-Altman plots.

    Parameters
    ----------
    run
        The run; two pictures per method are added to it.
    scores
        Scores by method, one method or more.
    tables
        Measures of the methods, and of groups of videos.
    videos
        Number of videos.
    worst_group
        A sentence on the group of videos with the largest error; None without groups.
    """
    errors = verdicts.mean_errors_by_method(scores)
    verdict, level = verdicts.evaluation_verdict(scores, videos, worst_group)
    best = next(iter(errors))
    best_errors = np.array([abs(score.predicted_bpm - score.true_bpm) for score in scores[best]])
    pictures = []
    for method in errors:
        for name, draw, caption, reading in _AGREEMENT:
            with run.output(f"{name}_{method}.png") as path:
                draw(path, scores[method])
            pictures.append(Picture(run.directory / f"{name}_{method}.png", f"{method}: {caption}", reading))
    run.report(
        Report(
            "rppg-adapt: agreement with labels",
            verdict,
            level,
            summary={
                "best method": best,
                "mean error": f"{errors[best]:.1f} bpm",
                "median error": f"{np.median(best_errors):.1f} bpm",
                "within 3 bpm": _percent(float(np.mean(best_errors < 3))),
            },
            pictures=pictures,
            tables=tables,
        )
    )


def report_training(
    run: RunFiles,
    measures: Mapping[str, float],
    history: Sequence[Mapping[str, str]],
    *,
    clips: int,
    before: float | None,
) -> None:
    """Write the report of ``train``: loss and validation curves, and the error on held-out clips.

    Parameters
    ----------
    run
        The run; a picture is added to it.
    measures
        Validation measures of the kept weights.
    history
        Rows of ``history.csv``.
    clips
        Number of held-out clips.
    before
        Mean error of the weights that the training started from, bpm; None for a new network.
    """
    after, within = measures["mae_bpm"], measures["within_3_bpm"]
    verdict, level = verdicts.training_verdict(after, within, clips, before)
    errors: dict[str, object] = {"mean error": f"{after:.1f} bpm"}
    if before is not None:
        errors = {"mean error before": f"{before:.1f} bpm", "mean error after": f"{after:.1f} bpm"}
    run.report(
        Report(
            "rppg-adapt: training",
            verdict,
            level,
            summary={**errors, "within 3 bpm": _percent(within), "steps": len(history)},
            pictures=[_curves(run, history, "Loss of each step, and what the validations measured.")],
            tables=[Table(("measure of the kept weights", "value"), list(measures.items()))],
        )
    )


def report_adaptation(
    run: Run,
    result: AdaptationResult,
    metrics: Mapping[str, float | int | str | None],
    history: Sequence[Mapping[str, str]],
    scores: Mapping[str, Sequence[VideoScore]],
    *,
    is_held_out: bool,
) -> None:
    """Write the report of ``adapt``: loss and score curves, and the rates of the test clips before and after.

    Parameters
    ----------
    run
        The open run; pictures are added to it.
    result
        Result of the adaptation.
    metrics
        Its measures.
    history
        Rows of ``history.csv``.
    scores
        Scores of the test clips, by ``source`` and ``adapted``; empty without labels.
    is_held_out
        Whether the test clips are of other subjects than the clips that were adapted to.
    """
    verdict, level = verdicts.adaptation_verdict(scores, reason_to_keep=result.reason_to_keep, is_held_out=is_held_out)
    pictures = []
    summary: dict[str, object] = {}
    if scores:
        before, after = (verdicts.mean_error(scores[name]) for name in ("source", "adapted"))
        summary = {"mean error before": f"{before:.1f} bpm", "mean error after": f"{after:.1f} bpm"}
        with run.output(BEFORE_AFTER) as path:
            figures.before_after(path, scores["source"], scores["adapted"])
        pictures.append(
            Picture(run.directory / BEFORE_AFTER, "Test clips, read before and after the adaptation.", _BEFORE_AFTER)
        )
    summary |= {"label-free score before": result.source_score, "label-free score after": result.adapted_score}
    if history:
        pictures.append(_curves(run, history, "Loss of each step, and the score that needs no labels."))
    run.report(
        Report(
            "rppg-adapt: adaptation",
            verdict,
            level,
            summary=summary,
            pictures=pictures,
            tables=[Table(("measure", "value"), list(metrics.items()))],
        )
    )


def _numbers(entries: Sequence[Entry], read: Sequence[Entry], reliable: Sequence[Entry]) -> dict[str, object]:
    """Return the summary of one video, or the range of the reliable rates of several and their counts."""
    if len(entries) > 1 or not read:
        counts: dict[str, object] = {"videos": len(entries), "read": len(read), "with a reliable pulse": len(reliable)}
        rates = verdicts.span([entry.number("hr_bpm") for entry in reliable]) + " bpm" if reliable else "none reliable"
        return {"heart rates": rates, **counts} if read else counts
    row = read[0].row
    return {
        "heart rate": f"{read[0].number('hr_bpm'):.1f} bpm" + ("" if reliable else ", not reliable"),
        "quality": row["quality"],
        "method": row["method"],
        "frames": row["frames"],
    }


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _caption(video: str, file: Path, *, is_reliable: bool) -> str:
    """Return the name of a video, and whether its pulse is not reliable.

    Pictures of faces after the first are in sub-folders; their numbers are in the caption, their verdicts in the
    pictures.
    """
    if file.parent.name == Path(video).name:
        return video if is_reliable else f"{video}, not reliable"
    return f"{video}, {file.parent.name.replace('-', ' ')}"


def _curves(run: RunFiles, history: Sequence[Mapping[str, str]], caption: str) -> Picture:
    with run.output(HISTORY_PICTURE) as path:
        figures.history(path, history)
    return Picture(run.directory / HISTORY_PICTURE, caption, _TRAINING_CURVES)
