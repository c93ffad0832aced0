"""Errors of the network, `auto` and all training-free methods on hard generated faces.

    uv run python tests/bench/rppg_hard.py -n 600 --errors hard.jsonl

Draws 20 s of each person with the skins, lights, movements and codecs of the preset `hard`, as crops; with --videos
they are filmed, written as video files, and their faces detected, at twenty times the cost. Prints a row a method and
what is required. With --errors the errors are appended to a file, and a later call with the same seed and weights goes
on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from vision_cli.phantoms.faces.pulse_clips import make_clip
from vision_cli.phantoms.faces.pulse_videos import STYLES, PulseVideo, write_pulse_video
from vision_cli.rppg_adapt.faces.crops import mean_traces
from vision_cli.rppg_adapt.faces.extraction import FaceClip, NoFace, read_faces
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import NETWORK, PulseOptions
from vision_cli.rppg_adapt.pipeline.joining import overall_rate
from vision_cli.rppg_adapt.pipeline.waves import pulse_waves
from vision_cli.rppg_adapt.pipeline.window_rates import choose_rates, rates_of_windows
from vision_cli.rppg_adapt.signals.classical import METHODS
from vision_cli.rppg_adapt.signals.quality import AUTO_METHODS
from vision_cli.rppg_adapt.signals.spectra import heart_rate_band

FPS = 30.0
STREAM = 43
AUTO = "auto"


def drawn(seed: int, number: int, seconds: float, size: int) -> tuple[FaceClip, float]:
    """Return generated crops of a face, and the true rate in bpm."""
    rng = np.random.default_rng((seed, STREAM, number))
    clip = make_clip(rng, frames=round(seconds * FPS), size=size, fps=FPS, style=STYLES["hard"])
    count = len(clip.frames)
    face = FaceClip(
        number=0,
        times=np.arange(count) / FPS,
        frames=clip.frames,
        traces=mean_traces(clip.frames),
        boxes=np.tile(np.array([0.0, 0.0, size, size]), (count, 1)),
        is_seen=np.ones(count, bool),
        skin=np.ones((size, size), np.float32),
        fps=FPS,
        dropped=0,
        is_gray=False,
    )
    return face, clip.pulse.rate_bpm(0, seconds)


def filmed(seed: int, number: int, seconds: float) -> tuple[FaceClip | None, float]:
    """Return the face of a generated video file, and the true rate in bpm; None if the detector misses the face."""
    video = PulseVideo(np.random.default_rng((seed, STREAM, number)), "hard", seconds=seconds)
    with tempfile.TemporaryDirectory() as folder:
        path = write_pulse_video(Path(folder), video)
        try:
            face = read_faces(path)[0]
        except NoFace:
            face = None
    return face, video.pulse.rate_bpm(0, seconds)


def errors_of(face: FaceClip, true_bpm: float, model: PulseModel) -> dict[str, float]:
    """Return the absolute errors by method."""
    options, band = PulseOptions(), heart_rate_band(face.fps)
    waves = pulse_waves(face, options, model, band)
    rates = list(rates_of_windows(face, waves, options, band))
    # A training-free method alone knows nothing of the network.
    alone = [replace(one, rates={name: rate for name, rate in one.rates.items() if name != NETWORK}) for one in rates]
    errors = {}
    for name, candidates in {**{one: [one] for one in (*METHODS, NETWORK)}, AUTO: list(AUTO_METHODS)}.items():
        windows = choose_rates(
            face, alone if name in METHODS else rates, candidates, "colour" if name in METHODS else "network"
        )
        used = [window.method for window in windows]
        whole = {one: waves[one].rate(band) for one in candidates}
        clearest = max(candidates, key=lambda one: (used.count(one), whole[one].snr_db))
        errors[name] = abs(overall_rate([windows], whole[clearest])[0] - true_bpm)
    return errors


def report(errors: dict[str, list[float]]) -> None:
    """Print the table and what is required."""
    mean = {method: float(np.mean(values)) for method, values in errors.items()}
    within = {method: float(np.mean(np.array(values) < 3)) for method, values in errors.items()}
    for method in sorted(mean, key=lambda one: mean[one]):
        middle = np.median(errors[method])
        error = np.sqrt(within[method] * (1 - within[method]) / len(errors[method]))
        share = f"{within[method]:.3f} +- {error:.3f}"
        print(f"{method:6}  {mean[method]:6.2f} bpm   median {middle:5.2f}   within 3 bpm {share}")
    best = min(METHODS, key=lambda method: mean[method])
    single = min((method for method in mean if method != AUTO), key=lambda method: mean[method])
    required = (
        (f"network over {best}, the best without training", mean[NETWORK] / mean[best], "<=", 0.6),
        ("share of the network within 3 bpm", within[NETWORK], ">=", 0.85),
        (f"auto behind {single}, the best single one, bpm", mean[AUTO] - mean[single], "<=", 0.3),
    )
    for name, value, relation, bound in required:
        met = value <= bound if relation == "<=" else value >= bound
        print(f"{name}: {value:.3f} (required: {relation} {bound:g}) {'met' if met else 'missed'}")


def read_errors(path: Path | None) -> dict[int, dict[str, float]]:
    """Return the errors by person and method that an earlier call wrote, if it did; none of a person without a face."""
    if path is None or not path.is_file():
        return {}
    return dict(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def main() -> None:
    """Generate, read, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--count", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--videos", action="store_true", help="through files and the face detector")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--errors", type=Path, help="file of the errors, which is gone on with")
    words = parser.parse_args()
    model = load_model(words.weights)
    found = read_errors(words.errors)
    for number in range(words.count):
        if number in found:
            continue
        if words.videos:
            face, true_bpm = filmed(words.seed, number, words.seconds)
        else:
            face, true_bpm = drawn(words.seed, number, words.seconds, model.settings.size)
        found[number] = {} if face is None else errors_of(face, true_bpm, model)
        if words.errors is not None:
            with words.errors.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([number, found[number]]) + "\n")
        if (number + 1) % 10 == 0:
            print(f"{number + 1} of {words.count}", file=sys.stderr, flush=True)
    rows = [found[number] for number in range(words.count) if found[number]]
    print(f"{len(rows)} read, {words.count - len(rows)} without a face that the detector finds")
    report({method: [row[method] for row in rows] for method in rows[0]})


if __name__ == "__main__":
    main()
