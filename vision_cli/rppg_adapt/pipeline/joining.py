"""The overall rate of a video, from the rates of its windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.pipeline.results import WindowEstimate
from vision_cli.rppg_adapt.signals.quality import RELIABLE_QUALITY, logistic, logit, robust_mean
from vision_cli.rppg_adapt.signals.spectra import HeartRate, Wave

_GAP_BPM = 6.0
_WHOLE = 0.3
"""Weight of the whole wave's rate, relative to all windows: chosen on 300 hard faces that no figure is of."""


def seconds_of_windows(parts: Sequence[Sequence[WindowEstimate]]) -> Wave:
    """Return the time that each window stands for, s: the duration of its part by the number of the part's windows."""
    return np.concatenate(
        [np.full(len(part), (part[-1].end_s - part[0].start_s) / len(part)) for part in parts if part]
    )


def overall_quality(parts: Sequence[Sequence[WindowEstimate]]) -> float:
    """Return the mean quality of the windows of parts, weighted by their time."""
    return float(np.average([w.quality for part in parts for w in part], weights=seconds_of_windows(parts)))


def overall_blood(parts: Sequence[Sequence[WindowEstimate]]) -> float | None:
    """Return the mean, on the scale of logits, of the windows' probabilities of blood; None if none is known."""
    known = [window.blood for part in parts for window in part if window.blood is not None]
    return float(logistic(logit(np.array(known)).mean())) if known else None


def lasting_groups(
    bpm: Wave, qualities: Wave, seconds: Wave, window_s: float, whole_bpm: float | None
) -> list[NDArray[np.intp]]:
    """Return the indices of the windows of a part in groups of like rates, without groups that are probably errors.

    Rates with gaps of more than 6 bpm between them are of different groups. The group of most weight is kept. The rate
    may have changed, so another group is kept too if it is reliable and lasts as long as a window: what is shorter is
    seen by windows that overlap with those of other groups.

    Parameters
    ----------
    bpm, qualities, seconds
        ``(W,)`` rates of the windows, their qualities, and the time that each stands for.
    window_s
        Length of a window.
    whole_bpm
        Rate of the whole wave, which votes for its group; None if there is none.
    """
    order = np.argsort(bpm)
    groups = np.empty(len(bpm), np.intp)
    groups[order] = np.concatenate([[0], np.cumsum(np.diff(bpm[order]) > _GAP_BPM)])
    weights, lengths = _weights(seconds, qualities), np.bincount(groups, seconds)
    votes = np.bincount(groups, weights)
    if whole_bpm is not None:
        nearest = order[np.abs(bpm[order] - whole_bpm).argmin()]
        if abs(bpm[nearest] - whole_bpm) <= _GAP_BPM:
            votes[groups[nearest]] += _WHOLE * weights.sum()
    is_kept = (lengths >= window_s) & (np.bincount(groups, seconds * qualities) >= RELIABLE_QUALITY * lengths)
    is_kept[votes.argmax()] = True
    return [np.flatnonzero(groups == k) for k in np.flatnonzero(is_kept)]


def overall_rate(parts: Sequence[Sequence[WindowEstimate]], whole_wave: HeartRate) -> tuple[float, float]:
    """Return the overall rate of a video and half of the width of its 95 % interval, bpm.

    Of one or two windows of one part the best rate is taken, or that of the whole wave if both agree within 1 bpm. Of
    more windows the robust means of the `lasting_groups` of the parts are averaged, weighted by time and squared
    quality; the interval combines the spread of all rates with their median interval. A low quality widens it.

    Parameters
    ----------
    parts
        Windows of the parts of the video between pauses.
    whole_wave
        Rate of the whole wave.
    """
    windows = [window for part in parts for window in part]
    if len(parts) == 1 and len(windows) <= 2:
        best = windows[0] if len(windows) == 1 else max(windows, key=lambda window: window.quality)
        rate = whole_wave if abs(whole_wave.bpm - best.rate.bpm) < 1 else best.rate
        return rate.bpm, rate.half_width_bpm / max(best.quality, 0.1)
    rates = np.array([window.rate.bpm for window in windows])
    qualities = np.array([window.quality for window in windows])
    seconds = seconds_of_windows(parts)
    weights = _weights(seconds, qualities)
    # An outlier is one among the windows of its part: over a pause the rate itself may change.
    edges = np.cumsum([len(part) for part in parts])[:-1]
    window_s = windows[0].end_s - windows[0].start_s
    whole_bpm = whole_wave.bpm if len(parts) == 1 else None
    means: list[tuple[float, float]] = []
    of_parts = (np.split(values, edges) for values in (rates, weights, qualities, seconds))
    for bpm, weight, quality, lasts in zip(*of_parts, strict=True):
        groups = lasting_groups(bpm, quality, lasts, window_s, whole_bpm)
        means.extend((robust_mean(bpm[group], weight[group]), float(weight[group].sum())) for group in groups)
    mean = float(np.average([rate for rate, _ in means], weights=[weight for _, weight in means]))
    spread = float(np.sqrt(np.average((rates - mean) ** 2, weights=weights)))
    # Windows overlap: only one per window length is independent.
    independent = max(1.0, float(seconds.sum()) / window_s)
    half_width = float(
        np.hypot(1.96 * spread / np.sqrt(independent), np.median([w.rate.half_width_bpm for w in windows]))
    )
    return mean, half_width / max(float(np.average(qualities, weights=weights)), 0.1)


def _weights(seconds: Wave, qualities: Wave) -> Wave:
    return np.asarray(seconds * (qualities**2 + 1e-6))
