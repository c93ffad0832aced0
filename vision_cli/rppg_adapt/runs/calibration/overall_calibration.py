"""Calibrate the quality of whole records: ``python -m vision_cli.rppg_adapt.runs.calibration.overall_calibration``.

The mean quality of windows is too near to the middle for a long record, whose rate is the mean of many windows. Fitted
to traces of fingers and to generated faces as crops, after `calibration` of the same folder, and written to stdout for
``overall.json``.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs.files import json_text
from vision_cli.phantoms.faces.pulse import Pulse
from vision_cli.phantoms.faces.pulse_clips import TRAINING
from vision_cli.phantoms.faces.pulse_videos import STYLES
from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.joining import overall_quality
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip
from vision_cli.rppg_adapt.runs.calibration.calibration import crops_clip, finger_clip
from vision_cli.rppg_adapt.signals.quality import CORRECT_WITHIN_BPM, fit_index, logit, overall_features

Sample = tuple[NDArray[np.float64], bool]
"""Features ``(3,)`` of a record's quality, and whether its rate is correct."""

_STREAM, _FACE_STREAM, _SHORT_STREAM = 73, 77, 78
_SECONDS, _FACE_SECONDS, _SHORT_SECONDS = (10.0, 40.0), (10.0, 30.0), 10.0


def finger_sample(seed: int, number: int) -> Sample:
    """Return the sample of a trace of a finger, 10 to 40 s."""
    rng = np.random.default_rng((seed, _STREAM, number))
    return _sample(*finger_clip(rng, float(rng.uniform(*_SECONDS)), is_alive=True), None)


def face_sample(seed: int, number: int, model: PulseModel, *, is_short: bool) -> Sample:
    """Return the sample of a generated face of the training's styles or of the preset `hard`, 10 to 30 s or 10 s."""
    rng = np.random.default_rng((seed, _SHORT_STREAM if is_short else _FACE_STREAM, number))
    seconds = _SHORT_SECONDS if is_short else float(rng.uniform(*_FACE_SECONDS))
    style = TRAINING if number % 2 else STYLES["hard"]
    return _sample(*crops_clip(rng, model.settings.size, seconds, style), model)


def _sample(clip: FaceClip, pulse: Pulse | None, model: PulseModel | None) -> Sample:
    found = estimate_from_clip(clip, PulseOptions(), model)
    mean = overall_quality([found.windows])
    true = None if pulse is None else pulse.rate_bpm(0, float(clip.times[-1]))
    is_right = true is not None and abs(found.bpm - true) < CORRECT_WITHIN_BPM
    return overall_features(logit(np.float64(mean)), clip.seconds / PulseOptions().window_s), is_right


def fit(samples: list[Sample]) -> list[float]:
    """Return intercept, slope and growth of the slope."""
    features, right = zip(*samples, strict=True)
    return [round(float(value), 4) for value in fit_index(np.stack(features), np.array(right))]


def main() -> None:
    """Calibrate and write to stdout."""
    parser = argparse.ArgumentParser(description="Calibrate the quality of whole records of rppg-adapt.")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--records", type=int, default=1500, help="traces of fingers")
    parser.add_argument("--faces", type=int, default=600, help="generated faces of 10 to 30 s, and as many of 10 s")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    model = load_model(given.weights)
    about = {"what": "intercept, slope and growth of the slope with the logarithm of independent windows"}
    shipped = {
        **about,
        "records": given.records,
        "faces": given.faces,
        "seed": given.seed,
        "weights_sha256": model.sha256,
        "gray_trace": fit([finger_sample(given.seed, number) for number in range(given.records)]),
        "network": fit(
            [
                face_sample(given.seed, number, model, is_short=is_short)
                for is_short in (False, True)
                for number in range(given.faces)
            ]
        ),
    }
    sys.stdout.write(json_text(shipped))


if __name__ == "__main__":
    main()
