"""Figures of a pulse estimate, a training and an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vision_cli.core.escapes import picture_text
from vision_cli.figures.charts import new_chart, new_figure, quiet
from vision_cli.figures.saving import save_figure
from vision_cli.figures.style import CHART, COLOURS
from vision_cli.rppg_adapt.signals.spectra import Wave, power_spectrum

if TYPE_CHECKING:
    from vision_cli.rppg_adapt.evaluation.metrics import VideoScore
    from vision_cli.rppg_adapt.pipeline.results import PulseEstimate

_SHOWN_S = 15.0
_SPECTROGRAM_S = 6.0
_RATES = (35.0, 210.0)
_LEAST_SPAN_BPM = 20.0
_SCORES = {"val_score": "score", "val_within_3_bpm": "share within 3 bpm"}
"""Labels of the validation scores in the figure of a training, by column of the history."""


def pulse_estimate(path: Path, shown: PulseEstimate, title: str) -> None:
    """Draw the face and its skin, the pulse wave, the spectra of the methods, and the rates over time."""
    figure = new_figure(10, 7)
    grid = figure.add_gridspec(3, 4)
    face, skin = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    spectra, wave_axes = figure.add_subplot(grid[0, 2:]), figure.add_subplot(grid[1, :])
    track = figure.add_subplot(grid[2, :])
    for axes in (spectra, wave_axes, track):
        quiet(axes)
    verdict = "" if shown.is_reliable else ", not reliable"
    figure.suptitle(
        f"{picture_text(title)}: {shown.bpm:.1f} bpm, quality {shown.quality:.2f}{verdict}, "
        f"{picture_text(shown.method)}",
        color=CHART.ink,
    )
    face.imshow(shown.clip.frames[len(shown.clip.frames) // 2])
    skin.imshow(shown.clip.skin, cmap="gray", vmin=0, vmax=1)
    for axes, name in ((face, "face"), (skin, "skin")):
        axes.set_axis_off()
        axes.set_title(name, fontsize=9, color=CHART.faint)
    for number, (method, wave) in enumerate(shown.waves.items()):
        longest = max(wave.parts, key=lambda part: part.stop - part.start)
        frequencies, power = power_spectrum(wave.values[longest], wave.fps)
        inside = (60 * frequencies > _RATES[0]) & (60 * frequencies < _RATES[1])
        colour = COLOURS[number % len(COLOURS)]
        width = 1.6 if method == shown.method else 0.8
        spectra.plot(
            60 * frequencies[inside],
            power[inside] / power[inside].max(),
            color=colour,
            lw=width,
            label=picture_text(method),
        )
    spectra.legend(frameon=False, fontsize=8)
    spectra.set_xlabel("bpm")
    spectra.set_ylabel("power, of its peak")
    chosen = shown.waves[shown.method]
    until = chosen.times <= chosen.times[0] + _SHOWN_S
    wave_axes.plot(chosen.times[until], chosen.values[until], color=COLOURS[0], lw=1)
    wave_axes.set_xlabel("s")
    wave_axes.set_ylabel("blood volume pulse")
    middles = [(window.start_s + window.end_s) / 2 for window in shown.windows]
    rates = np.array([window.rate.bpm for window in shown.windows])
    half = np.array([window.rate.half_width_bpm for window in shown.windows])
    track.errorbar(middles, rates, yerr=half, fmt=".", color=CHART.line, ecolor=CHART.line, lw=1)
    dots = track.scatter(middles, rates, c=[w.quality for w in shown.windows], vmin=0, vmax=1, cmap="viridis", zorder=3)
    figure.colorbar(dots, ax=track, label="quality")
    # A range of at least 20 bpm, so that a constant rate does not look variable.
    track.set_xlim(chosen.times[0], chosen.times[-1])
    low, high = (rates - half).min(), (rates + half).max()
    missing = max(0.0, _LEAST_SPAN_BPM - (high - low)) / 2 + 1
    track.set_ylim(low - missing, high + missing)
    track.set_xlabel("s, middle of the window")
    track.set_ylabel("bpm")
    save_figure(figure, path)


def spectrogram(path: Path, wave: Wave, fps: float) -> None:
    """Draw the spectrogram of a wave ``(T,)``."""
    from scipy import signal

    length = min(len(wave), round(_SPECTROGRAM_S * fps))
    frequencies, times, power = signal.spectrogram(
        wave, fps, window="hann", nperseg=length, noverlap=int(0.9 * length), nfft=max(2048, length), mode="psd"
    )
    inside = (60 * frequencies > _RATES[0]) & (60 * frequencies < _RATES[1])
    figure, axes = new_chart(8, 3.4)
    axes.pcolormesh(times, 60 * frequencies[inside], 10 * np.log10(power[inside] + 1e-12), cmap="magma", shading="auto")
    axes.set_xlabel("s")
    axes.set_ylabel("bpm")
    save_figure(figure, path)


def st_map(path: Path, values: Any) -> None:
    """Draw the red, green and blue channels of a spatio-temporal map ``(64, T, 6)``."""
    figure, axes = new_chart(9, 3)
    axes.imshow(values[..., :3], aspect="auto", interpolation="nearest")
    axes.set_xlabel("frame")
    axes.set_ylabel("block of the face")
    save_figure(figure, path)


def bland_altman(path: Path, scores: Sequence[VideoScore]) -> None:
    """Draw differences of heart rates against their means, with the limits of agreement.

    Source: J. Bland and D. Altman, "Statistical methods for assessing agreement", Lancet 1986.
    """
    true, predicted = _rates(scores)
    difference = predicted - true
    bias, spread = float(difference.mean()), float(difference.std(ddof=1)) if len(difference) > 1 else 0.0
    figure, axes = new_chart(5.5, 4)
    axes.scatter((true + predicted) / 2, difference, s=14, color=COLOURS[0], alpha=0.8)
    axes.axhline(0, color=CHART.line, lw=1, zorder=0)
    for level, name in ((bias, "bias"), (bias + 1.96 * spread, "+1.96 SD"), (bias - 1.96 * spread, "−1.96 SD")):
        axes.axhline(level, color=CHART.faint, lw=1, ls="-" if name == "bias" else "--")
        axes.text(axes.get_xlim()[1], level, f" {name} {level:.2f}", va="center", fontsize=8, color=CHART.faint)
    axes.set_xlabel("mean of predicted and true rate, bpm")
    axes.set_ylabel("predicted − true, bpm")
    save_figure(figure, path)


def scatter(path: Path, scores: Sequence[VideoScore]) -> None:
    """Draw predicted against true heart rates."""
    true, predicted = _rates(scores)
    figure, axes = _agreement_chart(true, predicted)
    axes.scatter(true, predicted, s=14, color=COLOURS[0], alpha=0.8)
    save_figure(figure, path)


def before_after(path: Path, before: Sequence[VideoScore], after: Sequence[VideoScore]) -> None:
    """Draw predicted against true heart rates of the same clips, before and after an adaptation."""
    true, first = _rates(before)
    _, second = _rates(after)
    figure, axes = _agreement_chart(true, first, second)
    axes.vlines(true, first, second, color=CHART.line, lw=1)
    axes.scatter(true, first, s=16, facecolors="none", edgecolors=COLOURS[1], label="source")
    axes.scatter(true, second, s=16, color=COLOURS[0], label="adapted")
    axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def history(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Draw the loss and the validation scores of a training, from the rows of its ``history.csv``."""
    figure = new_figure(8.5, 3.4)
    left, right = figure.subplots(1, 2)
    steps = np.array([float(row["step"]) for row in rows])
    right.sharex(left)
    left.plot(steps, [float(row["loss"]) for row in rows], color=COLOURS[0], lw=0.8)
    left.set_ylabel("loss")
    for number, (name, shown) in enumerate(_SCORES.items()):
        points = [(step, float(row[name])) for step, row in zip(steps, rows, strict=True) if row.get(name)]
        if points:
            right.plot(*zip(*points, strict=True), ".-", color=COLOURS[number], label=shown)
    right.set_ylabel("validation")
    if right.lines:
        # Scores are at most 1; a fixed upper limit keeps small changes small.
        right.set_ylim(min(0.0, right.get_ylim()[0]), 1.02)
        right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.set_xlabel("step")
        quiet(axes)
    save_figure(figure, path)


def _rates(scores: Sequence[VideoScore]) -> tuple[Wave, Wave]:
    return np.array([s.true_bpm for s in scores]), np.array([s.predicted_bpm for s in scores])


def _agreement_chart(true: Wave, *predicted: Wave) -> tuple[Any, Any]:
    """Return a figure and axes for predicted against true rates, with the line of equality."""
    figure, axes = new_chart(4.6, 4.4)
    shown = np.concatenate([true, *predicted])
    ends = [shown.min() - 5, shown.max() + 5]
    axes.plot(ends, ends, color=CHART.line, lw=1, zorder=0)
    axes.set_aspect("equal")
    axes.set_xlabel("true rate, bpm")
    axes.set_ylabel("predicted rate, bpm")
    return figure, axes
