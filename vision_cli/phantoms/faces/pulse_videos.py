"""Whole videos of generated faces with a known pulse: filmed frame by frame, moved in three dimensions, coded.

Model: that of `vision_cli.phantoms.faces.pulse_clips`, in linear light. A pulse wave reaches places of the face more or
less strongly and a little earlier or later, and only light that has been inside the skin carries it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs import files
from vision_cli.io.videos.videos import CONTAINERS, Codec, Pixels, VideoWriter
from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.faces.face_paint import Expression, Features
from vision_cli.phantoms.faces.faces import Box, Face
from vision_cli.phantoms.faces.pose import Pose
from vision_cli.phantoms.faces.pulse import Pulse, make_pulse
from vision_cli.phantoms.faces.pulse_clips import BLOOD_COLOUR, SHIFTED, ClipStyle, lighting, openings, random_walk
from vision_cli.phantoms.faces.surroundings import Light, Skin

Preset = Literal["easy", "hard", "shift"]
PRESETS: tuple[Preset, ...] = get_args(Preset)

MANIFEST = "manifest.csv"
LABELS = "ground_truth.txt"
BOXES = "boxes.csv"

_GAMMA = 2.2
_MAP = 48
STYLES: dict[Preset, ClipStyle] = {
    "easy": ClipStyle(
        melanin=(0.0, 0.5),
        strength=(0.006, 0.012),
        motion=0.1,
        flicker=0.2,
        exposure=(0.8, 1.1),
        noise=(0.003, 0.006),
        odd_clocks=0.0,
        rates_bpm=(50.0, 140.0),
    ),
    "hard": replace(ClipStyle(), strength=(0.002, 0.01), motion=0.8),
    "shift": SHIFTED,
}
_CODECS: dict[Preset, tuple[tuple[Codec, int, int], ...]] = {
    "easy": (("h264", 12, 16),),
    "hard": (("h264", 14, 23), ("mjpeg", 2, 6), ("mpeg4", 2, 5), ("h264", 10, 18)),
    "shift": (("mjpeg", 5, 10),),
}
"""Codecs with the range of their quantisers."""


@dataclass(frozen=True)
class Filmed:
    """A frame with what is known of it.

    Attributes
    ----------
    time_s
        When it was taken.
    pixels
        ``(H, W, 3)``.
    box
        The face in it.
    """

    time_s: float
    pixels: Pixels
    box: Box


class PulseVideo:
    """A video of one generated person.

    Parameters
    ----------
    rng
        Draws everything: the same state gives the same video.
    preset
        ``easy``, ``hard`` (all skins, lights, movements, codecs) or ``shift`` (dark skin, low light, JPEG).
    seconds
        How long it lasts.
    fps
        Frames a second; ``hard`` ones may keep another clock.
    size
        Height and width in pixels.
    mean_bpm
        Mean rate of the pulse; drawn by default.

    Attributes
    ----------
    pulse
        The true wave.
    codec, quality
        How the video is to be coded.
    melanin, motion
        Of the person: the skin, and how much it moves (standard deviation of shifts, in heights of the picture).
    times
        Times of the frames in seconds.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        preset: Preset = "easy",
        *,
        seconds: float = 20.0,
        fps: float = 30.0,
        size: tuple[int, int] = (240, 320),
        mean_bpm: float | None = None,
    ) -> None:
        style = STYLES[preset]
        self.size, self.fps, self._rng = size, fps, rng
        rate = float(rng.uniform(*style.rates_bpm)) if mean_bpm is None else mean_bpm
        self.pulse: Pulse = make_pulse(rng, seconds, mean_bpm=rate)
        self.melanin = float(rng.uniform(*style.melanin))
        green, blue = rng.uniform(0.94, 1.06, 2)
        skin = Skin(self.melanin, (1.0, float(green), float(blue)))
        self._face = Face(Features.random(rng), skin, int(rng.integers(2**31)))
        self._light = Light.random(rng)
        self._exposure = float(rng.uniform(*style.exposure)) ** _GAMMA
        self._noise = float(np.exp(rng.uniform(*np.log(style.noise))))
        strength = np.exp(rng.uniform(*np.log(style.strength))) * (1 - 0.55 * self.melanin)
        colour = BLOOD_COLOUR * (1 + rng.uniform(-0.2, 0.2, 3)) / BLOOD_COLOUR[1]
        # Encoding divides relative changes by the camera's gamma.
        self._tint = (_GAMMA * strength * colour).astype(np.float32)
        self._places = _smooth_map(rng, 5, 0.4).clip(-0.9, 1.2) + 1
        self._late = _smooth_map(rng, 4, 0.3).clip(-0.8, 0.8)
        choices = _CODECS[preset]
        self.codec, low, high = choices[int(rng.integers(len(choices)))]
        self.quality = int(rng.integers(low, high + 1))
        self.times = _clock(rng, seconds, fps, style.odd_clocks)
        self.motion = style.motion * float(rng.choice([0.002, 0.01, 0.03, 0.06], p=[0.35, 0.35, 0.2, 0.1]))
        self._poses = _poses(rng, self.times, self.motion)
        self._brightness = lighting(rng, self.times, style.flicker)
        self._smile = float(rng.uniform(-0.2, 0.7))
        self._openings = openings(rng, self.times) if rng.random() < 0.35 * style.motion + 0.1 else {}

    def __iter__(self) -> Iterator[Filmed]:
        rng = np.random.default_rng(self._rng.integers(2**63))
        wave, slope = self.pulse.at(self.times), self.pulse.slope(self.times)
        grain = rng.standard_normal((self.size[0] + 64, self.size[1] + 64, 3)).astype(np.float32) * (255 * self._noise)
        for k, time_s in enumerate(self.times):
            drawn = self._face.render(self.size, pose=self._poses[k], light=self._light, expression=self._expression(k))
            strength = drawn.spread(self._places) * np.float32(wave[k])
            strength -= drawn.spread(self._places * self._late) * np.float32(slope[k])
            strength *= drawn.skin
            # Blood takes light away.
            lit = drawn.diffuse * (1 - strength[..., None] * self._tint)
            # The highlight is the lamp's, not the skin's.
            lit += drawn.specular[..., None]
            # Brightness was drawn for encoded pixels.
            lit *= self._exposure * self._brightness[k] ** _GAMMA
            encoded = 255 * np.clip(lit, 0, 1) ** np.float32(1 / _GAMMA)
            top, left = rng.integers(0, 64, 2)
            shot = grain[top : top + self.size[0], left : left + self.size[1]]
            encoded += shot * np.sqrt(0.3 + encoded * np.float32(0.7 / 255))
            yield Filmed(float(time_s), np.clip(np.rint(encoded), 0, 255).astype(np.uint8), drawn.box)

    def _expression(self, k: int) -> Expression:
        mouth, eyes = (
            # Steps keep the number of pictures to paint small.
            float(np.round(self._openings[name][k] * 8) / 8) if name in self._openings else 0.0
            for name in ("mouth", "eyes")
        )
        return Expression(smile=self._smile, mouth_open=mouth, eyes_closed=eyes)


def write_pulse_video(directory: Path, video: PulseVideo) -> Path:
    """Write a video, its true wave and the boxes of its face; return the video's path.

    Parameters
    ----------
    directory
        Where ``vid.*``, ``ground_truth.txt`` (three lines of the form of UBFC-rPPG: wave, heart rate in bpm, time in s)
        and ``boxes.csv`` go.
    video
        The video; it is filmed now.
    """
    path = directory / f"vid{CONTAINERS[video.codec]}"
    boxes = []
    with files.atomic_path(path) as hidden:
        writer = VideoWriter(hidden, video.size, codec=video.codec, fps=video.fps, quality=video.quality)
        with writer:
            for index, frame in enumerate(video):
                keeps_times = path.suffix in {".mp4", ".mkv"}
                writer.write(frame.pixels, frame.time_s - video.times[0] if keeps_times else None)
                boxes.append((index, *(round(value, 2) for value in frame.box)))
    files.write_csv(directory / BOXES, ("frame", "x", "y", "width", "height"), boxes)
    files.write_text(directory / LABELS, _labels(video))
    return path


def written_times(video: PulseVideo) -> NDArray[np.float64]:
    """Return the times that a written video has: containers without times keep the nominal rate alone."""
    if CONTAINERS[video.codec] in {".mp4", ".mkv"}:
        return np.asarray(video.times - video.times[0])
    return np.arange(len(video.times)) / video.fps


def _labels(video: PulseVideo) -> str:
    wave = video.pulse.at(video.times)
    rates = [video.pulse.rate_bpm(max(t - 1, 0), min(t + 1, video.pulse.seconds)) for t in video.times]
    lines = (wave, rates, written_times(video))
    return "".join("   ".join(f"{value:.7e}" for value in line) + "\n" for line in lines)


def _clock(rng: np.random.Generator, seconds: float, fps: float, odd: float) -> NDArray[np.float64]:
    """Draw when frames are taken: at a steady rate, or with jitter and frames missing."""
    times = np.arange(round(seconds * fps)) / fps
    if rng.random() < odd:
        times = times + np.clip(rng.normal(0, 0.1 / fps, len(times)), -0.3 / fps, 0.3 / fps)
        kept = rng.random(len(times)) > rng.uniform(0, 0.05)
        times = np.clip(times[kept], 0, seconds)
    return times


def _poses(rng: np.random.Generator, times: NDArray[np.float64], motion: float) -> list[Pose]:
    """Draw the movements of a head that stays in front of the camera."""
    quick = rng.uniform(0.3, 1.2)
    x, y = (random_walk(rng, times, quick, motion) for _ in range(2))
    if rng.random() < 0.15:
        y += motion * np.sin(2 * np.pi * rng.uniform(0.5, 2.5) * times)
    yaw, pitch, roll = (random_walk(rng, times, 0.8, factor * motion) for factor in (4.0, 2.0, 2.0))
    size = random_walk(rng, times, 1.0, 0.2 * motion)
    rest = rng.normal(0, [0.02, 0.02, 0.1, 0.05, 0.03])
    scale = rng.uniform(0.27, 0.36)
    return [
        Pose(
            x=float(0.5 + rest[0] + np.clip(x[k], -0.12, 0.12)),
            y=float(0.5 + rest[1] + np.clip(y[k], -0.1, 0.1)),
            scale=float(scale * (1 + np.clip(size[k], -0.1, 0.1))),
            yaw=float(rest[2] + np.clip(yaw[k], -0.35, 0.35)),
            pitch=float(rest[3] + np.clip(pitch[k], -0.2, 0.2)),
            roll=float(rest[4] + np.clip(roll[k], -0.2, 0.2)),
        )
        for k in range(len(times))
    ]


def _smooth_map(rng: np.random.Generator, cells: int, amplitude: float) -> Floats:
    import cv2

    coarse = rng.standard_normal((cells, cells)).astype(np.float32) * amplitude
    return np.asarray(cv2.resize(coarse, (_MAP, _MAP), interpolation=cv2.INTER_CUBIC), np.float32)
