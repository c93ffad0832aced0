"""Pulse waves from mean colours of skin, without training: seven methods of the literature, vectorised over time.

Traces are ``(T, 3)``: mean red, green and blue at equal steps of time. Waves are ``(T,)`` and greatest where there is
most blood, that is where least light comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from vision_cli.rppg_adapt.options import Classical
from vision_cli.rppg_adapt.signals.spectra import Wave, bandpassed, detrended, heart_rate, rate_band

Traces = NDArray[np.float64]

_WINDOW_S = 1.6
_BLOOD = np.array([0.33, 0.77, 0.53])
_PLANE = np.array([[0.0, 1.0, -1.0], [-2.0, 1.0, 1.0]])
_SMALL = 1e-12
_BLACK = 1e-8
"""Share of a channel's mean below which a window is black: sliding sums leave as much of nothing."""

_ICA_STEPS = 200


def green(traces: Traces, fps: float) -> Wave:
    """Green channel alone: W. Verkruysse, L. Svaasand and J. Nelson, Optics Express 2008."""
    return -_relative(traces)[:, 1]


def pos(traces: Traces, fps: float) -> Wave:
    """Plane orthogonal to skin: W. Wang, A. den Brinker, S. Stuijk and G. de Haan, IEEE TBME 2017, algorithm 1.

    What a window adds is a weighted sum of the channels less its mean: the weights follow from the window's means and
    covariances, and the windows over a sample add up by their weights. All of these are sliding sums.
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
    # A channel that is black all through a window adds nothing.
    scale = np.where(levels > _BLACK * middle, 1 / np.maximum(levels, _SMALL), 0)
    first, second = _PLANE[0] * scale, _PLANE[1] * scale
    spread = [np.sqrt(np.maximum(np.einsum("ni,nij,nj->n", w, covariances, w), 0)) for w in (first, second)]
    weights = first + (spread[0] / (spread[1] + _SMALL))[:, None] * second
    # The windows over a sample: as many as begin at it or up to a window's length before it.
    padded = np.pad(np.column_stack([weights, (weights * means).sum(axis=1)]), ((length - 1, length - 1), (0, 0)))
    over = _sliding_sums(padded, length)
    return -np.asarray((x * over[:, :3]).sum(axis=1) - over[:, 3])


def chrom(traces: Traces, fps: float) -> Wave:
    """Chrominance: G. de Haan and V. Jeanne, IEEE TBME 2013, in windows of 1.6 s that overlap by half."""
    count = len(traces)
    length = min(max(2 * round(_WINDOW_S * fps / 2), 4), count - count % 2)
    step = length // 2
    # The last window ends with the video.
    starts = np.unique([*range(0, count - length + 1, step), count - length])
    windows = sliding_window_view(traces, length, axis=0)[starts]
    c = windows / (windows.mean(axis=2, keepdims=True) + _SMALL) - 1
    x, y = 3 * c[:, 0] - 2 * c[:, 1], 1.5 * c[:, 0] + c[:, 1] - 1.5 * c[:, 2]
    band = rate_band(fps)
    if length > 12:
        x, y = bandpassed(x, fps, band), bandpassed(y, fps, band)
    ratio = x.std(axis=1, keepdims=True) / (y.std(axis=1, keepdims=True) + _SMALL)
    s = (x - ratio * y) * np.hanning(length)
    wave = np.zeros(count)
    for start, part in zip(starts, s, strict=True):
        wave[start : start + length] += part
    return wave


def pbv(traces: Traces, fps: float) -> Wave:
    """Signature of the blood volume pulse: G. de Haan and A. van Leest, Physiological Measurement 2014."""
    c = _relative(traces).T
    covariance = c @ c.T
    weights = np.linalg.solve(covariance + (1e-9 * np.trace(covariance) + _SMALL) * np.eye(3), _BLOOD)
    return -np.asarray(weights @ c / (weights @ _BLOOD))


def lgi(traces: Traces, fps: float) -> Wave:
    """Local group invariance: C. Pilz et al., CVPR workshops 2018; what is not along the first singular vector."""
    first = np.linalg.svd(traces.T, full_matrices=False)[0][:, 0]
    return -_without(traces, first)[:, 1]


def omit(traces: Traces, fps: float) -> Wave:
    """Orthogonal matrix image transformation: C. Alvarez Casado and M. Bordallo Lopez, Face2PPG, IEEE JBHI 2023."""
    first = np.linalg.qr(traces.T)[0][:, 0]
    return -_without(traces, first)[:, 1]


def ica(traces: Traces, fps: float) -> Wave:
    """Independent components: M.-Z. Poh, D. McDuff and R. Picard, Optics Express 2010; the one with the clearest peak.

    Components are found by FastICA (Hyvärinen 1999, symmetric, tanh) from the identity, so that nothing is random.
    """
    x = detrended(traces.T)
    x = bandpassed(x / (x.std(axis=1, keepdims=True) + _SMALL), fps, rate_band(fps))
    values, vectors = np.linalg.eigh(np.cov(x) + _SMALL * np.eye(3))
    white = (vectors / np.sqrt(values + _SMALL)) @ vectors.T @ x
    turn = np.eye(3)
    for _ in range(_ICA_STEPS):
        projected = np.tanh(turn @ white)
        new = projected @ white.T / white.shape[1] - np.diag((1 - projected**2).mean(axis=1)) @ turn
        left, _, right = np.linalg.svd(new)
        new = left @ right
        moved = np.abs(np.abs((new * turn).sum(axis=1)) - 1).max()
        turn = new
        if moved < 1e-8:
            break
    components = turn @ white
    shares = [heart_rate(one, fps).peak_share for one in components]
    best = np.asarray(components[int(np.argmax(shares))])
    # A component has no sign; green falls where there is blood.
    return best if best @ x[1] < 0 else -best


METHODS: Mapping[Classical, Callable[[Traces, float], Wave]] = {
    "green": green,
    "ica": ica,
    "chrom": chrom,
    "pbv": pbv,
    "pos": pos,
    "lgi": lgi,
    "omit": omit,
}
"""The methods by their names."""

NEEDS_COLOUR: frozenset[Classical] = frozenset({"ica", "chrom", "pbv", "pos", "lgi", "omit"})
"""Methods that compare channels: of a gray video they see nothing."""


def pulse_wave(traces: Traces, fps: float, method: Classical, band: tuple[float, float] | None = None) -> Wave:
    """Read a pulse wave from traces ``(T, 3)``, filtered to the band of the heart, ``(T,)``."""
    raw = METHODS[method](np.asarray(traces, dtype=np.float64), fps)
    return bandpassed(detrended(raw), fps, band or rate_band(fps))


def _sliding_sums(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Sum ``(T, C)`` over every window of ``length``, ``(T - length + 1, C)``."""
    sums = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray(sums[length:] - sums[:-length])


def _relative(traces: Traces) -> Traces:
    return np.asarray(traces / (traces.mean(axis=0) + _SMALL) - 1)


def _without(traces: Traces, direction: NDArray[np.float64]) -> Traces:
    return np.asarray(traces - np.outer(traces @ direction, direction))
