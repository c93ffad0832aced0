"""Calibrate the quality index: ``python -m vision_cli.rppg_adapt.runs.calibration.calibration > quality.json``.

The index is fitted to generated faces as crops, to videos of photographs with an added pulse or none, which go through
files and the face detector, and to traces of fingers. With ``--photos`` the photographs are those of folders; by
default only the one that scikit-image ships. The shipped index was fitted with ``--photos neutral canada``: neutral
pictures of the Face Research Lab London Set (doi 10.6084/m9.figshare.5047666) and unchanged ones of Young Adult White
Faces (doi 10.6084/m9.figshare.4220517), of which the face detector finds 71 faces.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs.files import json_text
from vision_cli.io.faces.detection import FaceDetector
from vision_cli.io.videos.videos import CONTAINERS, PICTURE_SUFFIXES, VideoWriter, read_pixels
from vision_cli.phantoms.faces.finger_traces import make_finger_trace
from vision_cli.phantoms.faces.photo_videos import Holding, Photo, PhotoVideo
from vision_cli.phantoms.faces.pulse import Pulse
from vision_cli.phantoms.faces.pulse_clips import TRAINING, ClipStyle, make_clip
from vision_cli.rppg_adapt.faces.crops import mean_traces, skin_weights
from vision_cli.rppg_adapt.faces.extraction import FaceClip, NoFace, read_faces
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import NETWORK, PulseOptions
from vision_cli.rppg_adapt.pipeline.waves import pulse_waves
from vision_cli.rppg_adapt.pipeline.window_rates import WindowRates, rates_of_windows
from vision_cli.rppg_adapt.signals.quality import (
    CORRECT_WITHIN_BPM,
    FEATURES,
    Evidence,
    Situation,
    calibration_error,
    fit_index,
    logistic,
    logit,
    situation_of,
)
from vision_cli.rppg_adapt.signals.spectra import heart_rate_band

Samples = dict[tuple[Situation, str], list[tuple[NDArray[np.float64], bool, bool]]]
"""Features, whether the rate is correct, and whether there is a pulse, by situation and method."""

_STREAM, _PHOTO_STREAM, _FINGER_STREAM = 7, 71, 72
_SECONDS, _LEAST_SECONDS = 10.0, 5.0
_SHORT_SHARE = 0.25
_FPS = 30.0
_NO_PULSE = replace(TRAINING, strength=(1e-7, 1e-7))
_NO_PULSE_EVERY, _STILL_PHOTO_EVERY = 8, 3
_FOLDS, _REPEATS, _FITTED = 5, 10, 2 / 3
_NO_PULSE_COUNTS = 0.25
"""How often a clip without a pulse counts: many are needed to learn what they look like, but few are met."""


def crops_clip(
    rng: np.random.Generator, size: int, seconds: float, style: ClipStyle = TRAINING
) -> tuple[FaceClip, Pulse]:
    """Return a generated face as crops, as `read_faces` would return it, and its true wave."""
    clip = make_clip(rng, frames=round(seconds * _FPS), size=size, fps=_FPS, style=style)
    count = len(clip.frames)
    face = FaceClip(
        number=0,
        times=np.arange(count) / _FPS,
        frames=clip.frames,
        traces=mean_traces(clip.frames),
        boxes=np.tile(np.array([0.0, 0.0, size, size]), (count, 1)),
        is_seen=np.ones(count, bool),
        skin=skin_weights(clip.frames.mean(axis=0).astype(np.float32)),
        fps=_FPS,
        dropped=0,
        is_gray=False,
    )
    return face, clip.pulse


def photo_clip(
    rng: np.random.Generator, photo: Photo, *, is_alive: bool, holding: Holding | None = None
) -> tuple[FaceClip, Pulse | None] | None:
    """Return the face of a photograph's video, which is written and read, and its true wave; None without a face."""
    video = PhotoVideo(rng, photo, seconds=_SECONDS, is_alive=is_alive, holding=holding)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video{CONTAINERS[video.codec]}"
        with VideoWriter(path, video.size, codec=video.codec, fps=_FPS, quality=video.quality) as writer:
            for pixels in video:
                writer.write(pixels)
        try:
            return read_faces(path)[0], video.pulse
        except NoFace:
            return None


def finger_clip(rng: np.random.Generator, seconds: float, *, is_alive: bool) -> tuple[FaceClip, Pulse | None]:
    """Return a generated trace of a finger as a clip without pictures, and its true wave."""
    trace = make_finger_trace(rng, seconds, is_alive=is_alive)
    times, first = np.unique(trace.times, return_index=True)
    traces = np.repeat(trace.values[first, None], 3, axis=1)
    return _without_pictures(times, traces, is_gray=True), trace.pulse


def read_photos(folders: Sequence[Path]) -> list[Photo]:
    """Return the photographs of folders in which a face is found; without folders, the one of scikit-image."""
    detect = FaceDetector("haar", None)
    if folders:
        paths = sorted(path for folder in folders for path in folder.iterdir())
        pictures = [read_pixels(path) for path in paths if path.suffix.lower() in PICTURE_SUFFIXES]
    else:
        from skimage.data import astronaut

        pictures = [astronaut()]
    found = []
    for pixels in pictures:
        faces = [] if pixels is None else detect(pixels)
        if pixels is not None and faces:
            left, top, width, height = max(faces, key=lambda face: float(face.box[2])).box.tolist()
            found.append(Photo(pixels, (left, top, width, height)))
    return found


def collect(model: PulseModel, clips: int, photos: Sequence[Photo], films: int, fingers: int, seed: int) -> Samples:
    """Return samples of generated faces, videos of photographs and traces of fingers.

    Every eighth has no pulse, and every third photograph, because a network that was trained on pulses predicts one for
    any clip, and nothing else shows what the motion and the background are witnesses of.
    """
    samples: Samples = {}
    for face, pulse in _clips(model.settings.size, clips, photos, films, seed):
        _add(samples, face, pulse, model)
    for number in range(fingers):
        rng = np.random.default_rng((seed, _FINGER_STREAM, number))
        _add(samples, *finger_clip(rng, _drawn_seconds(rng), is_alive=number % _NO_PULSE_EVERY != 0), None)
    return samples


def _clips(
    size: int, clips: int, photos: Sequence[Photo], films: int, seed: int
) -> Iterator[tuple[FaceClip, Pulse | None]]:
    for number in range(clips):
        rng = np.random.default_rng((seed, _STREAM, number))
        is_alive = number % _NO_PULSE_EVERY != 0
        face, pulse = crops_clip(rng, size, _drawn_seconds(rng), TRAINING if is_alive else _NO_PULSE)
        yield face, pulse if is_alive else None
    for number in range(films):
        rng = np.random.default_rng((seed, _PHOTO_STREAM, number))
        found = photo_clip(rng, photos[number % len(photos)], is_alive=number % _STILL_PHOTO_EVERY != 0)
        if found is not None:
            yield found
        if number % 20 == 0:
            print(f"{number} of {films} videos of photographs", file=sys.stderr, flush=True)


def _drawn_seconds(rng: np.random.Generator) -> float:
    return float(rng.uniform(_LEAST_SECONDS, _SECONDS)) if rng.random() < _SHORT_SHARE else _SECONDS


def _add(samples: Samples, clip: FaceClip, pulse: Pulse | None, model: PulseModel | None) -> None:
    """Add the samples of a clip in each situation that it can be in: with fewer witnesses, channels and methods."""
    band = heart_rate_band(clip.fps)
    for view in [clip] if clip.is_gray else views_of(clip)[:2]:
        waves = pulse_waves(view, PulseOptions(), None if view.is_gray else model, band)
        for window in rates_of_windows(view, waves, PulseOptions(), band):
            true = None if pulse is None else pulse.rate_bpm(window.start_s, window.end_s)
            rates = {method: rate for method, rate in window.rates.items() if method != NETWORK}
            nothing = dict.fromkeys(rates, Evidence())
            seen: dict[Situation, WindowRates] = {
                situation_of(network=False, gray=view.is_gray, pictures=False): replace(
                    window, rates=rates, evidence=nothing
                )
            }
            if view.has_pictures:
                seen[situation_of(network=False, gray=view.is_gray, pictures=True)] = replace(window, rates=rates)
            if NETWORK in waves:
                seen["network"] = window
            for situation, own in seen.items():
                for method, rate in own.rates.items():
                    right = true is not None and abs(rate.bpm - true) < CORRECT_WITHIN_BPM
                    samples.setdefault((situation, method), []).append((own.features(method), right, pulse is not None))


def views_of(clip: FaceClip) -> list[FaceClip]:
    """Return a clip, and if it has colours the clips that a gray camera and tables of its traces would give."""
    if clip.is_gray:
        return [clip]
    gray = np.repeat(clip.traces.mean(axis=1, keepdims=True), 3, axis=1)
    pictures = np.repeat(clip.frames.mean(axis=3, keepdims=True).astype(np.uint8), 3, axis=3)
    return [
        clip,
        replace(clip, traces=gray, frames=pictures, is_gray=True),
        _without_pictures(clip.times, clip.traces, is_gray=False),
        _without_pictures(clip.times, gray, is_gray=True),
    ]


def _without_pictures(times: NDArray[np.float64], traces: NDArray[np.float64], *, is_gray: bool) -> FaceClip:
    count = len(times)
    return FaceClip(
        number=0,
        times=times,
        frames=np.zeros((count, 1, 1, 3), np.uint8),
        traces=traces,
        boxes=np.zeros((count, 4)),
        is_seen=np.ones(count, bool),
        skin=np.ones((1, 1), np.float32),
        fps=1 / float(np.median(np.diff(times))),
        dropped=0,
        is_gray=is_gray,
    )


@dataclass(frozen=True)
class _Windows:
    """Samples of a situation by method.

    Features ``(M, N, K)``, whether rates are correct, ``(M, N)``, and how often windows count, ``(N,)``.
    """

    methods: tuple[str, ...]
    x: NDArray[np.float64]
    right: NDArray[np.bool_]
    counts: NDArray[np.float64]

    @staticmethod
    def of(samples: Samples, situation: Situation) -> _Windows:
        """Return the samples of a situation; each window has one of each method."""
        own = {method: rows for (where, method), rows in sorted(samples.items()) if where == situation}
        x = np.stack([np.stack([features for features, _, _ in rows]) for rows in own.values()])
        right = np.array([[is_right for _, is_right, _ in rows] for rows in own.values()])
        has_pulse = np.array([alive for _, _, alive in next(iter(own.values()))])
        return _Windows(tuple(own), x, right, np.where(has_pulse, 1.0, _NO_PULSE_COUNTS))

    def take(self, places: NDArray[np.bool_]) -> _Windows:
        """Return the samples of some windows."""
        return _Windows(self.methods, self.x[:, places], self.right[:, places], self.counts[places])

    def design(self) -> NDArray[np.float64]:
        """Return the features and an intercept a method, ``(M * N, K + M)``."""
        count, size = len(self.methods), self.x.shape[1]
        return np.hstack([self.x.reshape(count * size, -1), np.repeat(np.eye(count), size, axis=0)])

    def fit(self) -> NDArray[np.float64]:
        """Return the coefficients of the features and of the methods, ``(K + M,)``."""
        return fit_index(self.design(), self.right.ravel(), np.tile(self.counts, len(self.methods)))

    def probabilities(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities ``(M, N)`` by these coefficients."""
        return logistic(self.design() @ weights).reshape(self.right.shape)

    def chosen(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the highest probability in each window, ``(N,)``, and whether its rate is correct."""
        found = self.probabilities(weights)
        return found.max(axis=0), self.right[found.argmax(axis=0), np.arange(found.shape[1])]


def fit_situation(windows: _Windows, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coefficients ``(K + M,)``, and intercept and slope ``(2,)`` of the logit of the highest probability.

    Those two are fitted to probabilities by coefficients that were fitted to other windows, over ten divisions.
    """
    folds = rng.integers(0, _FOLDS, (_REPEATS, windows.right.shape[1]))
    is_left_out = [np.asarray(own == k) for own in folds for k in range(_FOLDS)]
    pairs = [windows.take(own).chosen(windows.take(~own).fit()) for own in is_left_out]
    highest, right = (np.concatenate(column) for column in zip(*pairs, strict=True))
    counts = np.concatenate([windows.counts[own] for own in is_left_out])
    return windows.fit(), fit_index(np.stack([np.ones(len(highest)), logit(highest)], axis=1), right, counts)


def fit(samples: Samples, rng: np.random.Generator) -> dict[str, object]:
    """Return coefficients by situation, with calibration errors and shares within 3 bpm on a held-out third."""
    document: dict[str, object] = {}
    for situation in sorted({where for where, _ in samples}):
        windows = _Windows.of(samples, situation)
        is_fitted = np.asarray(rng.random(windows.right.shape[1]) < _FITTED)
        held_out = windows.take(~is_fitted)
        weights, line = fit_situation(windows.take(is_fitted), rng)
        found = held_out.probabilities(weights)
        highest, right = held_out.chosen(weights)
        errors = [calibration_error(*pair) for pair in zip(found, held_out.right, strict=True)]
        # What is shipped is fitted to all.
        weights, line_of_all = fit_situation(windows, rng)
        document[situation] = {
            "coefficients": _named(FEATURES, weights),
            "intercepts": _named(windows.methods, weights[len(FEATURES) :]),
            "chosen": [round(float(value), 5) for value in line_of_all],
            "windows": windows.right.shape[1],
            "share_within_3_bpm": _named(windows.methods, windows.right.mean(axis=1)),
            "calibration_error": _named(windows.methods, errors),
            "share_of_chosen_within_3_bpm": round(float(right.mean()), 4),
            "calibration_error_of_chosen": round(
                calibration_error(logistic(line[0] + line[1] * logit(highest)), right), 4
            ),
        }
    return document


def _named(names: Sequence[str], values: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(value), 5) for name, value in zip(names, values, strict=False)}


def main() -> None:
    """Calibrate the index and write its file to stdout."""
    parser = argparse.ArgumentParser(description="Calibrate the quality index of rppg-adapt.")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--films", type=int, default=60, help="videos of photographs")
    parser.add_argument("--fingers", type=int, default=800)
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="folders of portraits")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    model = load_model(given.weights)
    samples = collect(model, given.clips, read_photos(given.photos), given.films, given.fingers, given.seed)
    about = {
        "what": "probability that a rate is within 3 bpm of the truth, by logistic regression; few have no pulse",
        "clips": given.clips,
        "videos_of_photographs": given.films,
        "finger_traces": given.fingers,
        "seed": given.seed,
        "weights_sha256": model.sha256,
    }
    sys.stdout.write(json_text({**about, "situations": fit(samples, np.random.default_rng(given.seed))}))


if __name__ == "__main__":
    main()
