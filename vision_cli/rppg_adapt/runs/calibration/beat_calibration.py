"""Calibrate the probabilities of beats, for ``beats.json``.

Run ``python -m vision_cli.rppg_adapt.runs.calibration.beat_calibration > beats.json``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs.files import json_text
from vision_cli.phantoms.faces.pulse import Pulse
from vision_cli.phantoms.faces.pulse_clips import TRAINING
from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.beats import BeatReading, read_beats
from vision_cli.rppg_adapt.pipeline.waves import pulse_waves
from vision_cli.rppg_adapt.pipeline.window_rates import estimate_windows
from vision_cli.rppg_adapt.runs.calibration.calibration import crops_clip, finger_clip, views_of
from vision_cli.rppg_adapt.signals.beat_quality import (
    FEATURES,
    RMSSD_WITHIN_MS,
    SDNN_WITHIN_MS,
    BeatSituation,
    Measure,
)
from vision_cli.rppg_adapt.signals.hrv import BREATHS_WITHIN
from vision_cli.rppg_adapt.signals.quality import AUTO_METHODS, calibration_error, fit_index, logistic
from vision_cli.rppg_adapt.signals.spectra import heart_rate_band

Samples = dict[tuple[BeatSituation, Measure], list[tuple[NDArray[np.float64], bool]]]

_STREAM, _FINGER_STREAM = 81, 82
_STYLE = replace(TRAINING, strength=(0.004, 0.02), noise=(0.002, 0.02))
"""Clearer pulses than those of `TRAINING`, of which hardly any has beats that can be timed."""
_SECONDS, _FACE_SECONDS = (20.0, 60.0), (20.0, 35.0)
_FITTED = 2 / 3


def true_measures(pulse: Pulse, end_s: float) -> Mapping[Measure, float]:
    """Return SDNN and RMSSD in ms and the respiration rate of a pulse from 0 to ``end_s``."""
    intervals = 1000 * np.diff(pulse.beats_s[pulse.beats_s <= end_s])
    return {
        "sdnn": float(intervals.std(ddof=1)),
        "rmssd": float(np.sqrt(np.mean(np.diff(intervals) ** 2))),
        "respiration": 60 * pulse.variability.breathing_hz,
    }


def read_clip(clip: FaceClip, model: PulseModel | None) -> BeatReading:
    """Return the beats of a clip at the heart rate that ``auto`` estimates."""
    band = heart_rate_band(clip.fps)
    waves = pulse_waves(clip, PulseOptions(), model, band)
    windows = estimate_windows(clip, waves, [one for one in AUTO_METHODS if one in waves], PulseOptions(step_s=5), band)
    return read_beats(clip, waves, float(np.median([window.rate.bpm for window in windows])), band)


def collect(model: PulseModel, clips: int, fingers: int, seed: int) -> Samples:
    """Return samples of generated faces and traces of fingers."""
    samples: Samples = {}
    for number in range(clips):
        rng = np.random.default_rng((seed, _STREAM, number))
        seconds = float(rng.uniform(*_FACE_SECONDS))
        face, pulse = crops_clip(rng, model.settings.size, seconds, _STYLE)
        for view in views_of(face):
            _add(samples, read_clip(view, model if view is face else None), pulse, float(view.times[-1]))
        if number % 20 == 0:
            print(f"{number} of {clips} clips", file=sys.stderr, flush=True)
    for number in range(fingers):
        rng = np.random.default_rng((seed, _FINGER_STREAM, number))
        clip, true = finger_clip(rng, float(rng.uniform(*_SECONDS)), is_alive=True)
        if true is not None:
            _add(samples, read_clip(clip, None), true, float(clip.times[-1]))
    return samples


def _add(samples: Samples, found: BeatReading, pulse: Pulse, end_s: float) -> None:
    true = true_measures(pulse, end_s)
    measured = {
        "sdnn": (found.variability.sdnn_ms, SDNN_WITHIN_MS),
        "rmssd": (found.variability.rmssd_ms, RMSSD_WITHIN_MS),
        "respiration": (None if found.respiration is None else found.respiration.bpm, BREATHS_WITHIN),
    }
    for measure in get_args(Measure):
        value, tolerance = measured[measure]
        if value is not None:
            right = abs(value - true[measure]) < tolerance
            samples.setdefault((found.situation, measure), []).append((found.features, right))


def fit(samples: Samples, rng: np.random.Generator) -> dict[str, object]:
    """Return coefficients, calibration errors and shares of right measures, evaluated on a held-out third.

    All situations have the same coefficients but for the intercept, because beats that scatter are wrong in each.
    """
    situations = get_args(BeatSituation)
    document: dict[str, object] = {}
    for measure in get_args(Measure):
        rows = [(where, *row) for where in situations for row in samples.get((where, measure), [])]
        places = np.array([situations.index(where) for where, _, _ in rows])
        x = np.hstack([np.stack([features for _, features, _ in rows]), np.eye(len(situations))[places]])
        right = np.array([is_right for _, _, is_right in rows])
        is_fitted = np.asarray(rng.random(len(x)) < _FITTED)
        weights = fit_index(x[is_fitted], right[is_fitted])
        probabilities = logistic(x[~is_fitted] @ weights)
        # What is shipped is fitted to all.
        shipped = fit_index(x, right)
        document[measure] = {
            "coefficients": _named(FEATURES, shipped),
            "intercepts": _named(situations, shipped[len(FEATURES) :]),
            "readings": {where: int(np.sum(places == k)) for k, where in enumerate(situations)},
            "share_right": _named(situations, [float(right[places == k].mean()) for k in range(len(situations))]),
            "calibration_error": round(calibration_error(probabilities, right[~is_fitted]), 4),
        }
    return document


def _named(names: Sequence[str], values: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(value), 5) for name, value in zip(names, values, strict=False)}


def main() -> None:
    """Calibrate the index and write its file to stdout."""
    parser = argparse.ArgumentParser(description="Calibrate the probabilities of beats of rppg-adapt.")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--clips", type=int, default=30)
    parser.add_argument("--fingers", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    model = load_model(given.weights)
    samples = collect(model, given.clips, given.fingers, given.seed)
    about = {
        "what": "probability that a measure is right, by logistic regression",
        "tolerance": {"sdnn_ms": SDNN_WITHIN_MS, "rmssd_ms": RMSSD_WITHIN_MS, "respiration_bpm": BREATHS_WITHIN},
        "clips": given.clips,
        "finger_traces": given.fingers,
        "seed": given.seed,
        "weights_sha256": model.sha256,
    }
    sys.stdout.write(json_text({**about, "measures": fit(samples, np.random.default_rng(given.seed))}))


if __name__ == "__main__":
    main()
