"""Verdicts: the first sentence of a run's report, and its level.

The level of ``evaluate`` follows from the mean error (`error_level`), that of ``train`` and ``adapt`` also from the
error of the network before (`change_level`), and that of ``predict`` from the number of reliable pulses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vision_cli.core.report import Level
from vision_cli.rppg_adapt.signals.blood_colour import NOT_BLOOD
from vision_cli.rppg_adapt.signals.quality import RELIABLE_QUALITY

if TYPE_CHECKING:
    from vision_cli.core.runs.journal import Entry
    from vision_cli.rppg_adapt.evaluation.metrics import VideoScore

GOOD_MAE_BPM = 5.0
"""Highest mean error that is good: the tolerance of ANSI/AAMI EC13 for heart rate meters."""

BAD_MAE_BPM = 10.0
"""Mean error above which the level is bad: twice that of a good one."""

MIN_VIDEOS = 5
"""Smallest number of videos whose mean error can be good."""

_WORSE_BY_BPM = 1.0
_RULE = f"Up to {GOOD_MAE_BPM:g} bpm is good, above {BAD_MAE_BPM:g} bpm is bad."


def error_level(mae_bpm: float, count: int) -> Level:
    """Return the level of a mean error (bpm) over a number of videos.

    Bad above `BAD_MAE_BPM`; good up to `GOOD_MAE_BPM` over `MIN_VIDEOS` videos or more; otherwise caution.
    """
    if not mae_bpm <= BAD_MAE_BPM:
        return "bad"
    return "good" if mae_bpm <= GOOD_MAE_BPM and count >= MIN_VIDEOS else "caution"


def change_level(before_bpm: float, after_bpm: float, count: int) -> Level:
    """Return the level of a change of the mean error (bpm) over a number of videos.

    Bad if the error increased by more than 1 bpm; at best caution if it increased; otherwise that of the new error.
    """
    if after_bpm > before_bpm + _WORSE_BY_BPM:
        return "bad"
    level = error_level(after_bpm, count)
    return "caution" if level == "good" and after_bpm > before_bpm else level


def mean_error(scores: Sequence[VideoScore]) -> float:
    """Return the mean absolute error of heart rates, bpm."""
    return float(np.mean([abs(score.predicted_bpm - score.true_bpm) for score in scores]))


def prediction_verdict(entries: Sequence[Entry]) -> tuple[str, Level]:
    """Return the verdict of ``predict`` and its level.

    Good if all videos have a reliable pulse, bad if none has, otherwise caution. For a single video with a known true
    rate, the error may lower a good level.
    """
    read, reliable = split_read_and_reliable(entries)
    if not entries:
        return "There was no video to read.", "plain"
    level: Level = "good" if len(reliable) == len(entries) else "caution" if reliable else "bad"
    if len(entries) > 1:
        rates = [entry.number("hr_bpm") for entry in reliable]
        verb = "has" if len(reliable) == 1 else "have"
        said = f"{len(reliable) or 'None'} of {len(entries)} videos {verb} a reliable pulse"
        said += f": {span(rates)} bpm." if rates else "."
        failed = len(entries) - len(read)
        return said + (f" {failed} could not be read." if failed else ""), level
    if not read:
        return f"{entries[0].id} could not be read.", level
    (one,) = read
    low, high = one.number("hr_low_bpm"), one.number("hr_high_bpm")
    said = f"{one.id}: {one.number('hr_bpm'):.1f} bpm, 95 % interval {low:.1f} to {high:.1f}"
    quality = one.number("quality")
    if reliable:
        said += f", a reliable pulse of quality {quality:.2f}."
    elif quality >= RELIABLE_QUALITY:
        said += f". No reliable pulse: {NOT_BLOOD}."
    else:
        said += f". No reliable pulse: quality {quality:.2f} found, 0.5 or more expected."
    if "error_bpm" in one.row:
        error = abs(one.number("error_bpm"))
        said += f" The true rate is {one.number('true_bpm'):.1f} bpm, {error:.1f} bpm away."
        if level == "good" and error > GOOD_MAE_BPM:
            level = "bad" if error > BAD_MAE_BPM else "caution"
    return said, level


def split_read_and_reliable(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the videos without an error, and those of them with a reliable pulse."""
    read = [entry for entry in entries if entry.error is None]
    return read, [entry for entry in read if entry.row["reliable"]]


def evaluation_verdict(
    scores: Mapping[str, Sequence[VideoScore]], videos: int, worst_group: str | None = None
) -> tuple[str, Level]:
    """Return the verdict of ``evaluate``, and the level of the method with the smallest mean error.

    Parameters
    ----------
    scores
        Scores by method, one method or more: of whole videos, or of windows of them.
    videos
        Number of videos.
    worst_group
        A sentence on the group of videos with the largest error; None without groups.
    """
    errors = mean_errors_by_method(scores)
    (best, least), *others = errors.items()
    counted = f"{videos} video{'s' if videos > 1 else ''}"
    if len(scores[best]) > videos:
        counted = f"{len(scores[best])} windows of {counted}"
    said = f"Mean error {least:.1f} bpm over {counted}, by {best}"
    said += f"; {', '.join(f'{method} {error:.1f}' for method, error in others)}." if others else "."
    parts = [said, *([worst_group] if worst_group else []), _rule(videos, "videos")]
    return " ".join(parts), error_level(least, videos)


def mean_errors_by_method(scores: Mapping[str, Sequence[VideoScore]]) -> dict[str, float]:
    """Return the mean error of each method in bpm, smallest first."""
    errors = {method: mean_error(own) for method, own in scores.items()}
    return dict(sorted(errors.items(), key=lambda one: one[1]))


def training_verdict(after: float, within: float, clips: int, before: float | None = None) -> tuple[str, Level]:
    """Return the verdict of ``train`` and its level.

    Parameters
    ----------
    after, within
        Mean error of the kept weights on held-out clips, bpm, and the share of clips within 3 bpm.
    clips
        Number of held-out clips.
    before
        Mean error of the weights that the training started from, bpm; None for a new network.
    """
    said = f"Mean error on {_clips(clips, 'held-out')}: "
    said += f"{after:.1f} bpm" if before is None else f"{before:.1f} bpm before, {after:.1f} bpm after"
    level = error_level(after, clips) if before is None else change_level(before, after, clips)
    return f"{said}; {100 * within:.0f} % of them within 3 bpm. {_rule(clips, 'clips')}", level


def adaptation_verdict(
    scores: Mapping[str, Sequence[VideoScore]], *, reason_to_keep: str | None, is_held_out: bool
) -> tuple[str, Level]:
    """Return the verdict of ``adapt`` and its level: caution if the source was kept, plain without labels.

    Parameters
    ----------
    scores
        Scores of the test clips, by ``source`` and ``adapted``; empty without labels.
    reason_to_keep
        Why the source weights were kept; None if they were not.
    is_held_out
        Whether the test clips are of other subjects than the clips that were adapted to.
    """
    level: Level = "plain"
    said = "No test clip has labels, so the error is not known."
    if scores:
        count = len(scores["source"])
        before, after = mean_error(scores["source"]), mean_error(scores["adapted"])
        clips = _clips(count, "held-out" if is_held_out else "adapted-to")
        change = f"{before:.1f} bpm" + ("" if reason_to_keep else f" before, {after:.1f} bpm after the adaptation")
        said = f"Mean error on {clips}: {change}. {_rule(count, 'clips')}"
        level = change_level(before, after, count)
    if reason_to_keep:
        return f"The source weights were kept: {reason_to_keep}. {said}", "caution"
    return said, level


def _clips(count: int, kind: str) -> str:
    return f"the {count} {kind} clips" if count > 1 else f"the {kind} clip"


def span(rates: Sequence[float]) -> str:
    """Return the lowest and the highest of rates."""
    low, high = f"{min(rates):.1f}", f"{max(rates):.1f}"
    return low if low == high else f"{low} to {high}"


def _rule(count: int, what: str) -> str:
    """Return the sentences on the limits of the levels, and on the uncertainty of few videos or clips."""
    return _RULE + (f" So few {what} ({count}) leave it uncertain." if count < MIN_VIDEOS else "")
