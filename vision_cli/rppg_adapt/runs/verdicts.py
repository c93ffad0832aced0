"""What a run came to, in words and as a level: the first line of its report.

The level follows from mean errors by one rule, `level_of_error`; a training or an adaptation is moreover compared with
the network that it began with (`level_of_change`), and `predict` goes by how many pulses are reliable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vision_cli.core.report import Level

if TYPE_CHECKING:
    from vision_cli.core.runs.journal import Entry
    from vision_cli.rppg_adapt.evaluation.metrics import VideoScore

GOOD_BPM = 5.0
"""Mean error that is good: what ANSI/AAMI EC13 allows a heart rate meter."""

BAD_BPM = 10.0
"""Mean error above which heart rates are called wrong: twice what is good."""

FEW = 5
"""Videos that a mean error needs to be called good."""

_CLEARLY_BPM = 1.0
_RULE = f"Up to {GOOD_BPM:g} bpm is good, above {BAD_BPM:g} bpm is bad."


def level_of_error(mae_bpm: float, count: int) -> Level:
    """Return the level of a mean error (bpm) over so many videos.

    Bad above `BAD_BPM`; good up to `GOOD_BPM` over `FEW` videos or more; otherwise caution.
    """
    if not mae_bpm <= BAD_BPM:
        return "bad"
    return "good" if mae_bpm <= GOOD_BPM and count >= FEW else "caution"


def level_of_change(before_bpm: float, after_bpm: float, count: int) -> Level:
    """Return the level of a network whose mean error (bpm) over so many videos was another one before.

    Bad where the error grew by more than 1 bpm; at best caution where it grew at all; otherwise that of the error.
    """
    if after_bpm > before_bpm + _CLEARLY_BPM:
        return "bad"
    level = level_of_error(after_bpm, count)
    return "caution" if level == "good" and after_bpm > before_bpm else level


def mean_error(scores: Sequence[VideoScore]) -> float:
    """Return the mean absolute error of heart rates, bpm."""
    return float(np.mean([abs(score.predicted_bpm - score.true_bpm) for score in scores]))


def verdict_on_readings(entries: Sequence[Entry]) -> tuple[str, Level]:
    """Return what ``predict`` found in videos.

    Good where all have a reliable pulse, bad where none has, otherwise caution. Where one video was read whose true
    rate is known, good is at most what the error is.
    """
    read, reliable = readings(entries)
    if not entries:
        return "There was no video to read.", "plain"
    level: Level = "good" if len(reliable) == len(entries) else "caution" if reliable else "bad"
    if len(entries) > 1:
        rates = [entry.number("hr_bpm") for entry in reliable]
        verb = "has" if len(reliable) == 1 else "have"
        said = f"{len(reliable) or 'None'} of {len(entries)} videos {verb} a reliable pulse"
        said += f": {_span(rates)} bpm." if rates else "."
        failed = len(entries) - len(read)
        return said + (f" {failed} could not be read." if failed else ""), level
    if not read:
        return f"{entries[0].id} could not be read.", level
    (one,) = read
    low, high = one.number("hr_low_bpm"), one.number("hr_high_bpm")
    said = f"{one.id}: {one.number('hr_bpm'):.1f} bpm, 95 % interval {low:.1f} to {high:.1f}"
    quality = one.number("quality")
    said += (
        f", a reliable pulse of quality {quality:.2f}."
        if reliable
        else f". No reliable pulse: quality {quality:.2f} found, 0.5 or more expected."
    )
    if "error_bpm" in one.row:
        error = abs(one.number("error_bpm"))
        said += f" The true rate is {one.number('true_bpm'):.1f} bpm, {error:.1f} bpm away."
        if level == "good" and error > GOOD_BPM:
            level = "bad" if error > BAD_BPM else "caution"
    return said, level


def readings(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the videos that were read, and those of them with a reliable pulse."""
    read = [entry for entry in entries if entry.error is None]
    return read, [entry for entry in read if entry.row["reliable"]]


def verdict_on_methods(
    scores: Mapping[str, Sequence[VideoScore]], videos: int, worst_group: str | None = None
) -> tuple[str, Level]:
    """Return how methods agree with labels: by the level of the one with the smallest mean error.

    Parameters
    ----------
    scores
        Scores by method, one method or more: of whole videos, or of windows of them.
    videos
        How many videos they are of.
    worst_group
        A sentence on the group of videos with the greatest error; None without groups.
    """
    errors = ranked_errors(scores)
    (best, least), *others = errors.items()
    counted = f"{videos} video{'s' if videos > 1 else ''}"
    if len(scores[best]) > videos:
        counted = f"{len(scores[best])} windows of {counted}"
    said = f"Mean error {least:.1f} bpm over {counted}, by {best}"
    said += f"; {', '.join(f'{method} {error:.1f}' for method, error in others)}." if others else "."
    parts = [said, *([worst_group] if worst_group else []), _rule(videos, "videos")]
    return " ".join(parts), level_of_error(least, videos)


def ranked_errors(scores: Mapping[str, Sequence[VideoScore]]) -> dict[str, float]:
    """Return the mean error of every method, bpm, the smallest first."""
    errors = {method: mean_error(own) for method, own in scores.items()}
    return dict(sorted(errors.items(), key=lambda one: one[1]))


def verdict_on_training(after: float, within: float, clips: int, before: float | None = None) -> tuple[str, Level]:
    """Return what a training came to on so many held-out clips.

    Parameters
    ----------
    after, within
        Mean error of the kept weights, bpm, and the share of clips that they read within 3 bpm.
    clips
        Clips of the validation.
    before
        Mean error of the weights that the training went on from, bpm; None for a network from new.
    """
    said = f"Mean error on {_clips(clips, 'held-out')}: "
    said += f"{after:.1f} bpm" if before is None else f"{before:.1f} bpm before, {after:.1f} bpm after"
    level = level_of_error(after, clips) if before is None else level_of_change(before, after, clips)
    return f"{said}; {100 * within:.0f} % of them within 3 bpm. {_rule(clips, 'clips')}", level


def verdict_on_adaptation(
    scores: Mapping[str, Sequence[VideoScore]], *, kept_source: bool, is_held_out: bool
) -> tuple[str, Level]:
    """Return what an adaptation came to: caution where the source was kept, no level where nothing has labels.

    Parameters
    ----------
    scores
        Of the test clips, by ``source`` and ``adapted``; empty without labels.
    kept_source
        Whether the weights of the source were kept.
    is_held_out
        Whether the test clips are others than those that were adapted to.
    """
    level: Level = "plain"
    said = "No test clip has labels, so the error is not known."
    if scores:
        count = len(scores["source"])
        before, after = mean_error(scores["source"]), mean_error(scores["adapted"])
        clips = _clips(count, "held-out" if is_held_out else "adapted-to")
        change = f"{before:.1f} bpm" + ("" if kept_source else f" before, {after:.1f} bpm after the adaptation")
        said = f"Mean error on {clips}: {change}. {_rule(count, 'clips')}"
        level = level_of_change(before, after, count)
    if kept_source:
        return f"The source weights were kept: nothing adapted scored better without labels. {said}", "caution"
    return said, level


def _clips(count: int, kind: str) -> str:
    return f"the {count} {kind} clips" if count > 1 else f"the {kind} clip"


def _span(rates: Sequence[float]) -> str:
    low, high = f"{min(rates):.1f}", f"{max(rates):.1f}"
    return low if low == high else f"{low} to {high}"


def _rule(count: int, what: str) -> str:
    """Say from where an error is good and bad, and that few videos or clips leave it uncertain."""
    return _RULE + (f" So few {what} ({count}) leave it uncertain." if count < FEW else "")
