"""Calibrate the quality index: ``python -m vision_cli.rppg_adapt.training.calibration > quality.json``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs.files import json_text
from vision_cli.phantoms.faces.pulse_clips import TRAINING, make_clip
from vision_cli.rppg_adapt.faces.crops import mean_traces
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import NETWORK
from vision_cli.rppg_adapt.signals.classical import pulse_wave
from vision_cli.rppg_adapt.signals.quality import (
    AUTO_METHODS,
    COMPARED_METHODS,
    CORRECT_WITHIN_BPM,
    calibration_error,
    coefficients_by_name,
    fit_index,
    quality_features,
)
from vision_cli.rppg_adapt.signals.spectra import HeartRate, heart_rate, heart_rate_band, heart_rate_of_derivative

_STREAM = 7
_SECONDS = 10.0
_FPS = 30.0
_NO_PULSE = replace(TRAINING, strength=(1e-7, 1e-7))
_NO_PULSE_EVERY = 6


def collect_features(
    model: PulseModel, count: int, seed: int
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Return features ``(N, K)`` and whether rates are correct ``(N,)``, by method, of generated clips of ten seconds.

    Every sixth clip has no pulse, because a network that was trained on pulses predicts one for any clip.
    """
    rows: dict[str, list[tuple[NDArray[np.float64], bool]]] = {}
    band = heart_rate_band(_FPS)
    for number in range(count):
        rng = np.random.default_rng((seed, _STREAM, number))
        style = _NO_PULSE if number % _NO_PULSE_EVERY == 0 else TRAINING
        clip = make_clip(rng, frames=round(_SECONDS * _FPS), size=model.settings.size, fps=_FPS, style=style)
        traces = mean_traces(clip.frames)
        rates: dict[str, HeartRate] = {
            method: heart_rate(pulse_wave(traces, _FPS, method, band), _FPS, band) for method in COMPARED_METHODS
        }
        rates[NETWORK] = heart_rate_of_derivative(model.predict_clip(clip.frames), _FPS)
        true = clip.pulse.rate_bpm(0, _SECONDS)
        for method in {*AUTO_METHODS, *COMPARED_METHODS}:
            right = style is TRAINING and abs(rates[method].bpm - true) < CORRECT_WITHIN_BPM
            rows.setdefault(method, []).append((quality_features(method, rates), right))
    return {
        method: (np.stack([x for x, _ in found]), np.array([right for _, right in found]))
        for method, found in rows.items()
    }


def calibrate(model: PulseModel, count: int, seed: int) -> dict[str, object]:
    """Return the document of ``quality.json``: fitted to two thirds of the clips, evaluated on the rest."""
    coefficients, errors, shares = {}, {}, {}
    for method, (x, right) in sorted(collect_features(model, count, seed).items()):
        cut = 2 * len(x) // 3
        weights = fit_index(x[:cut], right[:cut])
        probabilities = 1 / (1 + np.exp(-x[cut:] @ weights))
        coefficients[method] = coefficients_by_name(weights)
        errors[method] = round(calibration_error(probabilities, right[cut:]), 4)
        shares[method] = round(float(right.mean()), 4)
    return {
        "what": "probability that a rate is within 3 bpm of the truth, by logistic regression; a sixth has no pulse",
        "clips": count,
        "seed": seed,
        "weights_sha256": model.sha256,
        "coefficients": coefficients,
        "expected_calibration_error": errors,
        "share_within_3_bpm": shares,
    }


def main() -> None:
    """Calibrate the index and write its file to stdout."""
    parser = argparse.ArgumentParser(description="Calibrate the quality index of rppg-adapt.")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--clips", type=int, default=900)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.stdout.write(json_text(calibrate(load_model(given.weights), given.clips, given.seed)))


if __name__ == "__main__":
    main()
