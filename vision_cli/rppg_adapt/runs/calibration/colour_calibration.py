"""Calibrate the witness of the blood's colour: ``python -m vision_cli.rppg_adapt.runs.calibration.colour_calibration``.

Fitted to generated faces as crops and to videos of photographs, of which a quarter have a pulse and half sway, after
`calibration` of the same folder, and written to stdout for ``blood_colour.json``. Half of the photographs are real, by
default the one that scikit-image ships, half are frames of generated faces. Right rates are told from all rates of
photographs without a pulse; both count as much in all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs.files import json_text
from vision_cli.io.faces.detection import FaceDetector
from vision_cli.phantoms.faces.photo_videos import Holding, Photo
from vision_cli.phantoms.faces.pulse import Pulse
from vision_cli.phantoms.faces.pulse_clips import TRAINING
from vision_cli.phantoms.faces.pulse_videos import STYLES, Preset, PulseVideo
from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.waves import pulse_waves
from vision_cli.rppg_adapt.pipeline.window_rates import choose_rates, rates_of_windows
from vision_cli.rppg_adapt.pipeline.witnesses import Witnesses
from vision_cli.rppg_adapt.runs.calibration.calibration import crops_clip, photo_clip, read_photos
from vision_cli.rppg_adapt.signals.blood_colour import COLOUR_FEATURES
from vision_cli.rppg_adapt.signals.quality import AUTO_METHODS, CORRECT_WITHIN_BPM, fit_index
from vision_cli.rppg_adapt.signals.spectra import heart_rate_band

_CROPS_STREAM, _FILMS_STREAM, _PHOTOS_STREAM = 74, 75, 76
_SECONDS = 10.0
_PHOTO_SIZE = (480, 480)
_GENERATED = 8
_PULSE_EVERY, _SWAY_EVERY = 4, 3


def generated_photos(count: int, seed: int) -> list[Photo]:
    """Return photographs of generated faces, easy and hard ones by turns, in which the detector finds a face."""
    detect = FaceDetector("haar", None)
    found: list[Photo] = []
    presets: tuple[Preset, ...] = ("easy", "hard")
    number = 0
    while len(found) < count:
        rng = np.random.default_rng((seed, _PHOTOS_STREAM, number))
        video = PulseVideo(rng, presets[number % 2], seconds=0.2, size=_PHOTO_SIZE)
        pixels = np.ascontiguousarray(next(iter(video)).pixels)
        faces = detect(pixels)
        if faces:
            left, top, width, height = max(faces, key=lambda face: float(face.box[2])).box.tolist()
            found.append(Photo(pixels, (left, top, width, height)))
        number += 1
    return found


def _clips(
    size: int, crops: int, films: int, photos: tuple[list[Photo], list[Photo]], seed: int
) -> Iterator[tuple[FaceClip, Pulse | None]]:
    for number in range(crops):
        rng = np.random.default_rng((seed, _CROPS_STREAM, number))
        yield crops_clip(rng, size, _SECONDS, TRAINING if number % 2 else STYLES["hard"])
    for number in range(films):
        rng = np.random.default_rng((seed, _FILMS_STREAM, number))
        some = photos[number % 2]
        is_alive = number // 2 % _PULSE_EVERY == 0
        holding: Holding | None = "sway" if number % _SWAY_EVERY == 0 else None
        found = photo_clip(rng, some[number // 2 % len(some)], is_alive=is_alive, holding=holding)
        if found is not None:
            yield found
        if number % 20 == 0:
            print(f"{number} of {films} videos of photographs", file=sys.stderr, flush=True)


def features_of(clip: FaceClip, pulse: Pulse | None, model: PulseModel) -> list[NDArray[np.float64]]:
    """Return the colour features ``(7,)`` of the rates that are chosen in a clip without the witness of the colours.

    If the clip has a pulse, only those of rates near it.
    """
    options, band = PulseOptions(), heart_rate_band(clip.fps)
    waves = pulse_waves(clip, options, model, band)
    rates = [
        replace(one, evidence={method: replace(said, blood=None) for method, said in one.evidence.items()})
        for one in rates_of_windows(clip, waves, options, band)
    ]
    sampled = waves[AUTO_METHODS[1]]
    witnesses = Witnesses.of(clip, sampled.times, sampled.fps, band)
    found = []
    for window in choose_rates(clip, rates, [one for one in AUTO_METHODS if one in waves], "network"):
        is_near = pulse is None or (
            abs(window.rate.bpm - pulse.rate_bpm(window.start_s, window.end_s)) < CORRECT_WITHIN_BPM
        )
        inside = (sampled.times >= window.start_s - 1e-9) & (sampled.times <= window.end_s + 1e-9)
        features = witnesses.colour_features(inside, window.rate.bpm) if is_near else None
        if features is not None:
            found.append(features)
    return found


def fit(pulses: list[NDArray[np.float64]], others: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the coefficients ``(7,)`` of features of pulses and of other rhythms, which count as much in all."""
    x = np.stack([*pulses, *others])
    is_pulse = np.arange(len(x)) < len(pulses)
    counts = np.where(is_pulse, 1 / len(pulses), 1 / len(others)) * len(x) / 2
    return fit_index(x, is_pulse, counts)


def main() -> None:
    """Calibrate and write to stdout."""
    parser = argparse.ArgumentParser(description="Calibrate the witness of the blood's colour of rppg-adapt.")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--clips", type=int, default=80, help="generated faces as crops")
    parser.add_argument("--films", type=int, default=240, help="videos of photographs")
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="folders of portraits")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    model = load_model(given.weights)
    photos = read_photos(given.photos), generated_photos(_GENERATED, given.seed)
    pulses: list[NDArray[np.float64]] = []
    others: list[NDArray[np.float64]] = []
    for clip, pulse in _clips(model.settings.size, given.clips, given.films, photos, given.seed):
        (others if pulse is None else pulses).extend(features_of(clip, pulse, model))
    weights = fit(pulses, others)
    document = {
        "what": "probability that colours change as by blood, by logistic regression, as many pulses as others",
        "clips": given.clips,
        "videos_of_photographs": given.films,
        "seed": given.seed,
        "weights_sha256": model.sha256,
        "pulses": len(pulses),
        "others": len(others),
        "coefficients": {name: round(float(value), 4) for name, value in zip(COLOUR_FEATURES, weights, strict=True)},
    }
    sys.stdout.write(json_text(document))


if __name__ == "__main__":
    main()
