"""Probability that heart rate variability and a respiration rate are right, by logistic regression.

Beats of a face may be noise where its heart rate is right: a rate is one peak of a spectrum, and a beat is a point in
time. What tells them apart: the beats' rate against the spectrum's, and the scatter of the beats between methods and
between the halves of the face. Coefficients are in ``beats.json``, which
``python -m vision_cli.rppg_adapt.runs.calibration.beat_calibration`` writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.signals.hrv import Beats, Respiration, Variability
from vision_cli.rppg_adapt.signals.quality import logistic

BeatSituation = Literal["face", "gray", "colour_trace", "gray_trace"]
"""What beats are found in: colour or gray pictures of a face, or a table of three channels or one."""

Measure = Literal["sdnn", "rmssd", "respiration"]

SDNN_WITHIN_MS, RMSSD_WITHIN_MS = 10.0, 15.0
LEAST_PROBABILITY = 0.5

FEATURES = (
    "rate_gap",
    "rejected",
    "methods_scatter",
    "halves_scatter",
    "spread",
    "roughness",
    "snr",
    "duration",
    "breath_share",
    "breath_gap",
)
_FILE = Path(__file__).with_name("beats.json")
_MOST_SCATTER_MS = 200.0
_SCATTER_MS, _SPREAD_MS = 10.0, 30.0
_MOST_GAP_BPM = 10.0
_USUAL_S = 30.0


@dataclass(frozen=True)
class BeatIndex:
    """Logistic regression of one measure.

    Attributes
    ----------
    coefficients
        ``(10,)`` of the features.
    intercepts
        By situation.
    """

    coefficients: NDArray[np.float64]
    intercepts: Mapping[BeatSituation, float]

    def probability(self, situation: BeatSituation, features: NDArray[np.float64]) -> float:
        """Return the probability that the measure is right, from its `beat_features` ``(10,)``."""
        return float(logistic(np.float64(features @ self.coefficients + self.intercepts[situation])))


def beat_scatter_ms(beats: Beats, others: Beats) -> float:
    """Return the robust standard deviation of the differences of two series of beats, ms; at most 200.

    Each beat is compared with the nearest of the others; a constant delay does not count, a beat without another within
    a quarter of an interval does.
    """
    if len(beats.times_s) < 3 or len(others.times_s) < 3:
        return _MOST_SCATTER_MS
    after = np.clip(np.searchsorted(others.times_s, beats.times_s), 1, len(others.times_s) - 1)
    pairs = np.stack([others.times_s[after - 1], others.times_s[after]])
    nearest = np.abs(pairs - beats.times_s).argmin(axis=0)
    differences = 1000 * (beats.times_s - pairs[nearest, np.arange(len(nearest))])
    away = np.abs(differences - np.median(differences))
    away[away > 0.25 * np.median(beats.intervals_ms)] = _MOST_SCATTER_MS
    return float(min(np.sqrt(np.mean(np.minimum(away, _MOST_SCATTER_MS) ** 2)), _MOST_SCATTER_MS))


def beat_features(
    measured: Variability,
    breaths: Respiration | None,
    *,
    bpm: float,
    snr_db: float,
    seconds: float,
    methods_scatter_ms: float | None,
    halves_scatter_ms: float | None,
) -> NDArray[np.float64]:
    """Return the features of variability and respiration, named in `FEATURES`, ``(10,)``.

    Parameters
    ----------
    measured, breaths
        What was measured.
    bpm, snr_db
        Heart rate and signal-to-noise ratio of the spectrum.
    seconds
        Length of the wave.
    methods_scatter_ms, halves_scatter_ms
        `beat_scatter_ms` to the other methods, and between the halves of the face; None without any.
    """

    def scatter(value: float | None) -> float:
        return 0.0 if value is None else float(np.log1p(value / _SCATTER_MS))

    sdnn, rmssd = measured.sdnn_ms or _SPREAD_MS, measured.rmssd_ms or _SPREAD_MS
    gap = _MOST_GAP_BPM if measured.mean_bpm is None else min(abs(measured.mean_bpm - bpm), _MOST_GAP_BPM)
    return np.array(
        [
            gap / 3,
            measured.rejected_share,
            scatter(methods_scatter_ms),
            scatter(halves_scatter_ms),
            np.log(max(sdnn, 1.0) / _SPREAD_MS),
            min(rmssd / max(sdnn, 1.0), 2.0),
            float(np.clip(snr_db, -15, 20)) / 10,
            np.log(seconds / _USUAL_S),
            0.0 if breaths is None else breaths.share,
            0.0 if breaths is None else min(breaths.gap_bpm, _MOST_GAP_BPM) / 3,
        ]
    )


@lru_cache(maxsize=1)
def default_beat_index() -> Mapping[Measure, BeatIndex]:
    """Return the indices of ``beats.json`` by measure."""
    document = json.loads(_FILE.read_text(encoding="utf-8"))["measures"]
    return {
        measure: BeatIndex(
            np.array([document[measure]["coefficients"][name] for name in FEATURES], dtype=np.float64),
            document[measure]["intercepts"],
        )
        for measure in get_args(Measure)
    }
