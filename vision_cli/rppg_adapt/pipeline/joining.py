"""The overall rate of a video, from the rates of its windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.rppg_adapt.pipeline.results import WindowEstimate
from vision_cli.rppg_adapt.signals.quality import logistic, logit, robust_mean
from vision_cli.rppg_adapt.signals.spectra import HeartRate, Wave


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


def overall_rate(parts: Sequence[Sequence[WindowEstimate]], whole_wave: HeartRate) -> tuple[float, float]:
    """Return the overall rate of a video and half of the width of its 95 % interval, bpm.

    Of one or two windows of one part the best rate is taken, or that of the whole wave if both agree within 1 bpm. Of
    more windows the robust means of the parts are averaged, weighted by time and squared quality; the interval combines
    the spread of the rates with their median interval. A low quality widens the interval.

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
    weights = seconds * (qualities**2 + 1e-6)
    # An outlier is one among the windows of its part: over a pause the rate itself may change.
    edges = np.cumsum([len(part) for part in parts])[:-1]
    own = [
        (robust_mean(*pair), pair[1].sum())
        for pair in zip(np.split(rates, edges), np.split(weights, edges), strict=True)
    ]
    mean = float(np.average([rate for rate, _ in own], weights=[weight for _, weight in own]))
    spread = float(np.sqrt(np.average((rates - mean) ** 2, weights=weights)))
    # Windows overlap: only one per window length is independent.
    independent = max(1.0, float(seconds.sum()) / (windows[0].end_s - windows[0].start_s))
    half_width = float(
        np.hypot(1.96 * spread / np.sqrt(independent), np.median([w.rate.half_width_bpm for w in windows]))
    )
    return mean, half_width / max(float(np.average(qualities, weights=weights)), 0.1)
