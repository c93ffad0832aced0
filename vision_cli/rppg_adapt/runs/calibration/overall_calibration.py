"""Calibrate the quality of whole records: ``python -m vision_cli.rppg_adapt.runs.calibration.overall_calibration``.

The mean quality of windows is too near to the middle for a long record, whose rate is the mean of many windows. Fitted
to traces of fingers, after `calibration` of the same folder, and written to stdout for ``overall.json``.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from vision_cli.core.runs.files import json_text
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip
from vision_cli.rppg_adapt.runs.calibration.calibration import finger_clip
from vision_cli.rppg_adapt.signals.quality import CORRECT_WITHIN_BPM, fit_index, logit, overall_features

_STREAM = 73
_SECONDS = (10.0, 40.0)


def main() -> None:
    """Calibrate and write to stdout."""
    parser = argparse.ArgumentParser(description="Calibrate the quality of whole records of rppg-adapt.")
    parser.add_argument("--records", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rows, right = [], []
    for number in range(given.records):
        rng = np.random.default_rng((given.seed, _STREAM, number))
        clip, pulse = finger_clip(rng, float(rng.uniform(*_SECONDS)), is_alive=True)
        found = estimate_from_clip(clip, PulseOptions(), None)
        mean = float(np.mean([window.quality for window in found.windows]))
        rows.append(overall_features(logit(np.float64(mean)), clip.seconds / PulseOptions().window_s))
        true = None if pulse is None else pulse.rate_bpm(0, float(clip.times[-1]))
        right.append(true is not None and abs(found.bpm - true) < CORRECT_WITHIN_BPM)
    weights = fit_index(np.stack(rows), np.array(right))
    about = {"what": "intercept, slope and growth of the slope with the logarithm of independent windows"}
    shipped = {**about, "records": given.records, "seed": given.seed, "gray_trace": weights.round(4).tolist()}
    sys.stdout.write(json_text(shipped))


if __name__ == "__main__":
    main()
