"""Seven training-free methods that estimate a pulse wave from the mean colours of skin, vectorised over time.

Traces are ``(T, 3)``: mean red, green and blue, uniformly sampled. Waves are ``(T,)`` and have their maxima where the
blood volume is largest, that is, where the skin reflects least.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from vision_cli.rppg_adapt.options import TrainingFreeMethod
from vision_cli.rppg_adapt.signals.spectra import Wave, bandpassed, detrended, heart_rate, heart_rate_band

Traces = NDArray[np.float64]

_WINDOW_S = 1.6
_BLOOD = np.array([0.33, 0.77, 0.53])
_PLANE = np.array([[0.0, 1.0, -1.0], [-2.0, 1.0, 1.0]])
_SMALL = 1e-12
_BLACK = 1e-8
"""Share of a channel's mean below which a window counts as black: the rounding error of sliding sums."""

_ICA_STEPS = 200


def green(traces: Traces, fps: float) -> Wave:
    """Return the wave of the green channel: W. Verkruysse, L. Svaasand and J. Nelson, Optics Express 2008."""
    return -_relative(traces)[:, 1]


def pos(traces: Traces, fps: float) -> Wave:
    """Return the wave of POS: W. Wang, A. den Brinker, S. Stuijk and G. de Haan, IEEE TBME 2017, algorithm 1.

    Each window contributes a weighted sum of the channels less its mean. The weights follow from the means and
    covariances of the window, and the weights of all windows over a sample add up, so that sliding sums replace the
    loop over windows.
    """
    count = len(traces)
    length = min(max(round(_WINDOW_S * fps), 2), count)
    windows = count - length + 1
    middle = traces.mean(axis=0)
    x = traces - middle
    means = _sliding_sums(x, length) / length
    pairs = _sliding_sums((x[:, :, None] * x[:, None, :]).reshape(count, 9), length) / length
    covariances = pairs.reshape(windows, 3, 3) - means[:, :, None] * means[:, None, :]
    levels = means + middle
    # A channel that is black throughout a window contributes nothing.
    scale = np.where(levels > _BLACK * middle, 1 / np.maximum(levels, _SMALL), 0)
    first, second = _PLANE[0] * scale, _PLANE[1] * scale
    spread = [np.sqrt(np.maximum(np.einsum("ni,nij,nj->n", w, covariances, w), 0)) for w in (first, second)]
    weights = first + (spread[0] / (spread[1] + _SMALL))[:, None] * second
    # Windows that cover a sample begin at it or up to a window's length before it.
    padded = np.pad(np.column_stack([weights, (weights * means).sum(axis=1)]), ((length - 1, length - 1), (0, 0)))
    over = _sliding_sums(padded, length)
    return -np.asarray((x * over[:, :3]).sum(axis=1) - over[:, 3])


def chrom(traces: Traces, fps: float) -> Wave:
    """Return the wave of CHROM: G. de Haan and V. Jeanne, IEEE TBME 2013, in windows of 1.6 s that overlap by half."""
    count = len(traces)
    length = min(max(2 * round(_WINDOW_S * fps / 2), 4), count - count % 2)
    step = length // 2
    # The last window ends with the video.
    starts = np.unique([*range(0, count - length + 1, step), count - length])
    windows = sliding_window_view(traces, length, axis=0)[starts]
    c = windows / (windows.mean(axis=2, keepdims=True) + _SMALL) - 1
    x, y = 3 * c[:, 0] - 2 * c[:, 1], 1.5 * c[:, 0] + c[:, 1] - 1.5 * c[:, 2]
    band = heart_rate_band(fps)
    if length > 12:
        x, y = bandpassed(x, fps, band), bandpassed(y, fps, band)
    ratio = x.std(axis=1, keepdims=True) / (y.std(axis=1, keepdims=True) + _SMALL)
    s = (x - ratio * y) * np.hanning(length)
    wave = np.zeros(count)
    for start, part in zip(starts, s, strict=True):
        wave[start : start + length] += part
    return wave


def pbv(traces: Traces, fps: float) -> Wave:
    """Return the wave of PBV: G. de Haan and A. van Leest, Physiological Measurement 2014."""
    c = _relative(traces).T
    covariance = c @ c.T
    weights = np.linalg.solve(covariance + (1e-9 * np.trace(covariance) + _SMALL) * np.eye(3), _BLOOD)
    return -np.asarray(weights @ c / (weights @ _BLOOD))


def lgi(traces: Traces, fps: float) -> Wave:
    """Return the wave of LGI: C. Pilz et al., CVPR workshops 2018; the part orthogonal to the first singular vector."""
    first = np.linalg.svd(traces.T, full_matrices=False)[0][:, 0]
    return -_without(traces, first)[:, 1]


def omit(traces: Traces, fps: float) -> Wave:
    """Return the wave of OMIT: C. Alvarez Casado and M. Bordallo Lopez, Face2PPG, IEEE JBHI 2023."""
    first = np.linalg.qr(traces.T)[0][:, 0]
    return -_without(traces, first)[:, 1]


def ica(traces: Traces, fps: float) -> Wave:
    """Return the independent component with the clearest peak: M.-Z. Poh et al., Optics Express 2010.

    Components are found by FastICA (Hyvärinen 1999, symmetric, tanh), started from the identity to be deterministic.
    """
    x = detrended(traces.T)
    x = bandpassed(x / (x.std(axis=1, keepdims=True) + _SMALL), fps, heart_rate_band(fps))
    values, vectors = np.linalg.eigh(np.cov(x) + _SMALL * np.eye(3))
    white = (vectors / np.sqrt(values + _SMALL)) @ vectors.T @ x
    unmixing = np.eye(3)
    for _ in range(_ICA_STEPS):
        projected = np.tanh(unmixing @ white)
        new = projected @ white.T / white.shape[1] - np.diag((1 - projected**2).mean(axis=1)) @ unmixing
        left, _, right = np.linalg.svd(new)
        new = left @ right
        change = np.abs(np.abs((new * unmixing).sum(axis=1)) - 1).max()
        unmixing = new
        if change < 1e-8:
            break
    components = unmixing @ white
    shares = [heart_rate(one, fps).peak_share for one in components]
    best = np.asarray(components[int(np.argmax(shares))])
    # The sign of a component is arbitrary; green decreases with the blood volume.
    return best if best @ x[1] < 0 else -best


METHODS: Mapping[TrainingFreeMethod, Callable[[Traces, float], Wave]] = {
    "green": green,
    "ica": ica,
    "chrom": chrom,
    "pbv": pbv,
    "pos": pos,
    "lgi": lgi,
    "omit": omit,
}
"""The methods by name."""

NEEDS_COLOUR: frozenset[TrainingFreeMethod] = frozenset({"ica", "chrom", "pbv", "pos", "lgi", "omit"})
"""Methods that compare colour channels and cannot work on gray videos."""


def pulse_wave(traces: Traces, fps: float, method: TrainingFreeMethod, band: tuple[float, float] | None = None) -> Wave:
    """Return the pulse wave ``(T,)`` of traces ``(T, 3)``, detrended and filtered to the band of heart rates."""
    raw = METHODS[method](np.asarray(traces, dtype=np.float64), fps)
    return bandpassed(detrended(raw), fps, band or heart_rate_band(fps))


def _sliding_sums(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Return the sums of ``(T, C)`` over every window of ``length`` samples, ``(T - length + 1, C)``."""
    sums = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray(sums[length:] - sums[:-length])


def _relative(traces: Traces) -> Traces:
    return np.asarray(traces / (traces.mean(axis=0) + _SMALL) - 1)


def _without(traces: Traces, direction: NDArray[np.float64]) -> Traces:
    return np.asarray(traces - np.outer(traces @ direction, direction))
