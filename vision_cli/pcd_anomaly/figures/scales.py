"""Scales of colours of a scan: scores, which turn hot at the threshold, and signed deviations about a tolerance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.figures.style import SLATE
from vision_cli.pcd_anomaly.figures.sheets import MISSING

Colours = Sequence[tuple[float, float, float]]

_BELOW: Colours = ((0.66, 0.71, 0.76), (0.50, 0.66, 0.78), (0.47, 0.74, 0.72))
_ABOVE: Colours = ((1.0, 0.80, 0.25), (0.98, 0.47, 0.15), (0.85, 0.12, 0.18), (0.60, 0.02, 0.30))
_HIGHEST = 2.5
"""Upper end of the scale of scores in thresholds, or the highest score if that is less."""

_INWARDS: Colours = ((0.03, 0.19, 0.50), (0.10, 0.45, 0.75), (0.45, 0.72, 0.86))
_WITHIN: Colours = ((0.84, 0.87, 0.86),)
_OUTWARDS: Colours = ((0.97, 0.72, 0.45), (0.88, 0.38, 0.20), (0.55, 0.05, 0.10))
_FARTHEST = 2.0
"""Ends of the scale of deviations in tolerances, or the largest deviation if that is less."""

_WHITE = "#ffffff"


@dataclass(frozen=True)
class ColourScale:
    """Colours of values, and the bar that explains them.

    Attributes
    ----------
    name
        Heading of the panel.
    colours
        Returns the colours ``(N, 3)`` in [0, 1] of values ``(N,)``.
    low, top
        Ends of the bar.
    ticks
        Values written below the bar, with their text.
    marks
        Values with a line across the bar.
    mark_colour
        Colour of these lines.
    note
        Line below the bar; may be empty.
    """

    name: str
    colours: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    low: float
    top: float
    ticks: tuple[tuple[float, str], ...]
    marks: tuple[float, ...]
    mark_colour: str
    note: str = ""


def score_scale(scores: NDArray[np.floating], threshold: float) -> ColourScale:
    """Return the scale of scores ``(N,)``, cool below the threshold and hot above."""
    known = np.asarray(scores, np.float64)
    known = known[np.isfinite(known)]
    highest = float(known.max()) if len(known) else threshold
    top = max(min(highest, _HIGHEST * threshold if threshold > 0 else highest), threshold + 1e-9)
    return ColourScale(
        "score",
        lambda values: score_colours(values, threshold, top),
        0.0,
        top,
        ((0.0, "0"), (threshold, f"{threshold:.3g} threshold"), (top, f"{top:.3g}")),
        (threshold,),
        _WHITE,
    )


def deviation_scale(deviation: NDArray[np.floating], tolerance: float, unit: str = "mm") -> ColourScale:
    """Return the scale of signed deviations ``(N,)``, pale within the tolerance and strong beyond it."""
    known = np.abs(np.asarray(deviation, np.float64))
    known = known[np.isfinite(known)]
    largest = float(known.max()) if len(known) else tolerance
    top = min(max(largest, 1.05 * tolerance), _FARTHEST * tolerance)
    places = [-top, -tolerance, 0.0, tolerance, top]
    if top - tolerance < 0.25 * top:
        places = places[1:-1]
    return ColourScale(
        "signed deviation",
        lambda values: deviation_colours(values, tolerance, top),
        -top,
        top,
        tuple((place, f"{place:+.3g}" if place else "0") for place in places),
        (-tolerance, tolerance),
        SLATE.ink,
        f"deviation in {unit}, + outwards; lines: tolerance",
    )


def score_colours(scores: NDArray[np.float64], threshold: float, top: float) -> NDArray[np.float64]:
    """Return the colours ``(N, 3)`` in [0, 1] of scores: cool below the threshold, hot above, grey for NaN."""
    colours = np.full((len(scores), 3), MISSING)
    below, above = scores < threshold, scores >= threshold
    colours[below] = _ramp(_BELOW, np.linspace(0, max(threshold, 1e-12), len(_BELOW)), scores[below])
    colours[above] = _ramp(_ABOVE, np.linspace(threshold, max(top, threshold + 1e-12), len(_ABOVE)), scores[above])
    return colours


def deviation_colours(deviation: NDArray[np.float64], tolerance: float, top: float) -> NDArray[np.float64]:
    """Return the colours ``(N, 3)`` in [0, 1] of signed deviations.

    Blue is inwards and red outwards, pale within the tolerance and strong beyond it; the scale ends at ``top``, NaN is
    grey.
    """
    colours = np.full((len(deviation), 3), MISSING)
    known = np.isfinite(deviation)
    between = (top + tolerance) / 2
    places = np.array([-top, -between, -tolerance, 0, tolerance, between, top])
    colours[known] = _ramp((*_INWARDS, *_WITHIN, *_OUTWARDS), places, deviation[known])
    return colours


def _ramp(stops: Colours, places: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the colours of values ``(N,)`` between those of given places; beyond the ends, those of the ends."""
    return np.stack([np.interp(values, places, [stop[k] for stop in stops]) for k in range(3)], axis=-1)
