"""Reliability diagram: the stated quality of heart rates against the share within 3 bpm, over clips of known rate.

    uv run python tests/bench/rppg_reliability.py --video face.mp4

Faces are generated ones as crops, and semi-real ones: the given video with its own pulse taken out and a pulse of a
known rate put in, of half to three times the strength of its own, with noise, by three codecs, through files and the
face detector. One channel is generated traces of fingers. None is of the seeds or of the photographs that the index was
calibrated on. Prints a row a bin of quality: clips, mean quality, share within 3 bpm and its standard error; ``--csv``
writes every reading. Last come videos of a photograph without a pulse, fixed, in a hand or swaying, some in a
flickering light: the share that is called reliable.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vision_cli.io.videos.videos import CONTAINERS, Codec, VideoReader, VideoWriter
from vision_cli.phantoms.faces.photo_videos import PhotoVideo
from vision_cli.phantoms.faces.pulse import Pulse, make_pulse
from vision_cli.phantoms.faces.pulse_clips import BLOOD_COLOUR, TRAINING
from vision_cli.phantoms.faces.pulse_videos import STYLES
from vision_cli.rppg_adapt.faces.extraction import NoFace
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip, estimate_from_video
from vision_cli.rppg_adapt.runs.calibration.calibration import crops_clip, finger_clip, read_photos
from vision_cli.rppg_adapt.signals.quality import CORRECT_WITHIN_BPM
from vision_cli.rppg_adapt.signals.spectra import bandpassed

STREAM, REPLACED_STREAM, FINGER_STREAM, STILL_STREAM = 91, 92, 93, 94
FPS = 30.0
BAND = (0.6, 3.8)
STRENGTHS = (0.5, 3.0)
"""Strengths of a pulse that is put in, relative to the one that is taken out."""
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0001)
SKIN_LOW, SKIN_HIGH = (0, 133, 77), (255, 173, 127)
CODECS: tuple[tuple[Codec, int, int], ...] = (("h264", 14, 28), ("mpeg4", 2, 8), ("mjpeg", 2, 8))
Reading = tuple[float, bool, bool]
"""Stated quality, whether the rate is within 3 bpm, and whether it is reliable."""


class ReplacedPulse:
    """A video of a face whose own pulse can be replaced by another.

    Parameters
    ----------
    path
        The video.
    height
        Rows that its frames are reduced to.
    """

    def __init__(self, path: Path, height: int = 200) -> None:
        with VideoReader(path) as video:
            read = list(video)
        scale = height / read[0].pixels.shape[0]
        size = 2 * round(read[0].pixels.shape[1] * scale / 2), height
        self.frames = np.stack([cv2.resize(one.pixels, size, interpolation=cv2.INTER_AREA) for one in read])
        self.times = np.array([frame.time_s for frame in read])
        self.fps = 1 / float(np.median(np.diff(self.times)))
        toned = cv2.inRange(cv2.cvtColor(self.frames[0], cv2.COLOR_RGB2YCrCb), SKIN_LOW, SKIN_HIGH)
        self.mask = cv2.GaussianBlur(toned.astype(np.float32) / 255, (0, 0), 0.02 * height)
        trace = np.tensordot(self.frames.astype(np.float32), self.mask, axes=((1, 2), (0, 1))) / self.mask.sum()
        self.own = bandpassed((trace / trace.mean(axis=0) - 1).T.astype(np.float64), self.fps, BAND).T
        self.strength = float(np.sqrt(2) * self.own[:, 1].std() / BLOOD_COLOUR[1])

    def write(self, path: Path, codec: Codec, quality: int, rng: np.random.Generator) -> Pulse:
        """Write the video with a pulse that is drawn, and return it."""
        pulse = make_pulse(rng, float(self.times[-1]), mean_bpm=float(rng.uniform(45, 160)))
        strength = self.strength * float(np.exp(rng.uniform(*np.log(STRENGTHS))))
        noise = float(np.exp(rng.uniform(*np.log((0.3, 6.0)))))
        change = strength * pulse.at(self.times)[:, None] * BLOOD_COLOUR - self.own
        grain = rng.standard_normal((self.frames.shape[1] + 64, self.frames.shape[2] + 64, 3)).astype(np.float32)
        with VideoWriter(path, self.frames.shape[1:3], codec=codec, fps=self.fps, quality=quality) as writer:
            for frame, factor in zip(self.frames, change.astype(np.float32), strict=True):
                top, left = rng.integers(0, 64, 2)
                shot = grain[top : top + frame.shape[0], left : left + frame.shape[1]] * noise
                pixels = frame * (1 + self.mask[..., None] * factor) + shot
                writer.write(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
        return pulse


def generated_faces(model: PulseModel, count: int, seed: int) -> Iterator[Reading]:
    """Iterate over the readings of faces of the training's styles and of the preset `hard`, 10 s, a sixth 20 s."""
    for number in range(count):
        rng = np.random.default_rng((seed, STREAM, number))
        seconds = 10.0 if number % 6 else 20.0
        clip, pulse = crops_clip(rng, model.settings.size, seconds, TRAINING if number % 2 else STYLES["hard"])
        found = estimate_from_clip(clip, PulseOptions(), model)
        yield found.quality, abs(found.bpm - pulse.rate_bpm(0, seconds)) < CORRECT_WITHIN_BPM, found.is_reliable


def replaced_faces(model: PulseModel, video: Path, count: int, seed: int) -> Iterator[Reading]:
    """Iterate over the readings of a video whose pulse is replaced."""
    source = ReplacedPulse(video)
    for number in range(count):
        rng = np.random.default_rng((seed, REPLACED_STREAM, number))
        codec, low, high = CODECS[number % len(CODECS)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"video{CONTAINERS[codec]}"
            pulse = source.write(path, codec, int(rng.integers(low, high + 1)), rng)
            (found,) = estimate_from_video(path, PulseOptions(), model)
        true = pulse.rate_bpm(0, float(source.times[-1]))
        yield found.quality, abs(found.bpm - true) < CORRECT_WITHIN_BPM, found.is_reliable


def one_channel(count: int, seed: int) -> Iterator[Reading]:
    """Iterate over the readings of traces of fingers, 10 to 30 s."""
    for number in range(count):
        rng = np.random.default_rng((seed, FINGER_STREAM, number))
        clip, pulse = finger_clip(rng, float(rng.uniform(10, 30)), is_alive=True)
        assert pulse is not None
        found = estimate_from_clip(clip, PulseOptions(), None)
        true = pulse.rate_bpm(0, float(clip.times[-1]))
        yield found.quality, abs(found.bpm - true) < CORRECT_WITHIN_BPM, found.is_reliable


def still_photographs(model: PulseModel, count: int, seed: int) -> Iterator[tuple[str, bool]]:
    """Iterate over how a photograph without a pulse moves, and whether its reading is reliable."""
    (photo,) = read_photos([])
    for number in range(count):
        video = PhotoVideo(np.random.default_rng((seed, STILL_STREAM, number)), photo, is_alive=False)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"video{CONTAINERS[video.codec]}"
            with VideoWriter(path, video.size, codec=video.codec, fps=FPS, quality=video.quality) as writer:
                for pixels in video:
                    writer.write(pixels)
            try:
                (found,) = estimate_from_video(path, PulseOptions(), model)
            except NoFace:
                continue
        yield video.holding, found.is_reliable


def print_diagram(name: str, readings: list[Reading]) -> None:
    """Print the bins of a reliability diagram, if there are readings."""
    if not readings:
        return
    quality, right, reliable = (np.array(column, np.float64) for column in zip(*readings, strict=True))
    print(f"{name}: {len(right)} clips, {right.mean():.3f} within 3 bpm, mean quality {quality.mean():.3f}")
    print(f"  reliable: {reliable.mean():.3f} of the clips, of these {_share(right[reliable > 0])}")
    for low, high in itertools.pairwise(EDGES):
        inside = (quality >= low) & (quality < high)
        if not inside.any():
            print(f"  {low:.1f} to {min(high, 1):.1f}: no clip")
            continue
        share, stated = right[inside].mean(), quality[inside].mean()
        away = "within 10 points" if abs(share - stated) <= 0.1 else "farther than 10 points"
        print(f"  {low:.1f} to {min(high, 1):.1f}: {_share(right[inside])}, stated {stated:.3f}: {away}", flush=True)


def _share(right: NDArray[np.float64]) -> str:
    if not len(right):
        return "none"
    share = right.mean()
    return f"{share:.3f} +- {np.sqrt(share * (1 - share) / len(right)):.3f} within 3 bpm of {len(right)}"


def main() -> None:
    """Generate, read, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, help="a video of a face whose pulse is replaced")
    parser.add_argument("--faces", type=int, default=400)
    parser.add_argument("--replaced", type=int, default=40)
    parser.add_argument("--fingers", type=int, default=800)
    parser.add_argument("--stills", type=int, default=48, help="videos of a photograph without a pulse")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--csv", type=Path, help="file for the readings")
    words = parser.parse_args()
    model = load_model(words.weights)
    kinds = {"one channel": one_channel(words.fingers, words.seed)}
    if words.video is not None:
        kinds["semi-real faces"] = replaced_faces(model, words.video, words.replaced, words.seed)
    kinds["generated faces"] = generated_faces(model, words.faces, words.seed)
    readings: dict[str, list[Reading]] = {}
    for kind, found in kinds.items():
        readings[kind] = []
        for reading in found:
            readings[kind].append(reading)
            if words.csv is not None:
                with words.csv.open("a", encoding="utf-8") as stream:
                    stream.write(f"{kind},{reading[0]:.4f},{int(reading[1])},{int(reading[2])}\n")
        print_diagram(kind, readings[kind])
    print_diagram("all faces", [one for kind, found in readings.items() if kind != "one channel" for one in found])
    stills = list(still_photographs(model, words.stills, words.seed))
    for holding in sorted({one for one, _ in stills}):
        reliable = [found for one, found in stills if one == holding]
        print(f"photograph, {holding}: {sum(reliable)} of {len(reliable)} reliable")


if __name__ == "__main__":
    main()
