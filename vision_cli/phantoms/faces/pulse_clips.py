"""Small clips of faces with a known pulse, as a training needs them: thousands, each other, in milliseconds.

A face is drawn once and then moved, lit and coloured frame by frame, so a clip of 160 frames costs little more than its
noise and its codec. `vision_cli.phantoms.faces.pulse_videos` makes whole videos of the same kind.

Model: the dichromatic reflection of skin of W. Wang, A. den Brinker, S. Stuijk and G. de Haan, "Algorithmic principles
of remote PPG", IEEE TBME 2017, eq. 1-3, in encoded colour, where the camera's gamma divides all relative changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats, Labels
from vision_cli.phantoms.faces.face_paint import Expression, Features
from vision_cli.phantoms.faces.faces import Face
from vision_cli.phantoms.faces.pose import Pose
from vision_cli.phantoms.faces.pulse import Pulse, make_pulse
from vision_cli.phantoms.faces.surroundings import Light, Skin

BLOOD_COLOUR = np.array([0.33, 0.77, 0.53])
"""Relative strengths of the pulse in red, green and blue (de Haan and van Leest 2014), of unit length."""

_OVERSAMPLING = 2
_MARGIN = 0.25
_NOISE_POOL = 3
_MOTIONS = (0.002, 0.012, 0.04, 0.09)


@dataclass(frozen=True)
class ClipStyle:
    """What clips of a domain look like; every clip draws within it.

    Attributes
    ----------
    melanin
        Range of the skins.
    strength
        Range of the relative change of the green channel, before the skin is dark.
    motion
        Factor on movements.
    flicker
        Factor on changes of light.
    exposure
        Range of the exposure; 1 is well lit.
    noise
        Range of the camera's noise at white, as a share of white.
    jpeg, video
        Shares of the clips that pass through JPEG or through a video codec.
    jpeg_quality
        Range of JPEG's quality.
    video_quantiser
        Range of the quantiser of MPEG-4; greater is worse.
    odd_clocks
        Share of the clips with another frame rate, or with frames that are missing or twice.
    rates_bpm
        Range of the mean rates.
    """

    melanin: tuple[float, float] = (0.0, 1.0)
    strength: tuple[float, float] = (0.002, 0.015)
    motion: float = 1.0
    flicker: float = 1.0
    exposure: tuple[float, float] = (0.55, 1.25)
    noise: tuple[float, float] = (0.003, 0.03)
    jpeg: float = 0.25
    video: float = 0.25
    jpeg_quality: tuple[int, int] = (40, 95)
    video_quantiser: tuple[int, int] = (2, 8)
    odd_clocks: float = 0.2
    rates_bpm: tuple[float, float] = (40.0, 190.0)


TRAINING = ClipStyle()
"""Everything that a network should have seen."""

SHIFTED = ClipStyle(
    melanin=(0.65, 1.0),
    strength=(0.003, 0.01),
    motion=1.2,
    exposure=(0.35, 0.6),
    noise=(0.01, 0.035),
    jpeg=1.0,
    video=0.0,
    jpeg_quality=(35, 60),
)
"""Dark skin in low light, compressed as pictures: what a network trained elsewhere has to adapt to."""


@dataclass(frozen=True)
class Clip:
    """A clip and its truth.

    Attributes
    ----------
    frames
        ``(T, S, S, 3)`` pixels in red, green and blue.
    wave
        ``(T,)`` pulse wave at the frames.
    pulse
        The wave as a function of time.
    fps
        Frames a second.
    """

    frames: Labels
    wave: Floats
    pulse: Pulse
    fps: float


def make_clip(
    rng: np.random.Generator, *, frames: int = 160, size: int = 36, fps: float = 30.0, style: ClipStyle = TRAINING
) -> Clip:
    """Make one clip.

    Parameters
    ----------
    rng
        Draws everything: the same state gives the same clip.
    frames
        Number of frames ``T``.
    size
        Rows and columns ``S``.
    fps
        Frames a second.
    style
        What the clips of a domain look like.
    """
    pulse = make_pulse(rng, frames / fps, mean_bpm=float(rng.uniform(*style.rates_bpm)))
    wanted = np.arange(frames) / fps
    times = _camera_times(rng, wanted, style.odd_clocks)
    recorded = _record(rng, _Scene(rng, _OVERSAMPLING * size, style), pulse, times, fps, style)
    small = _shrink(recorded, size)
    return Clip(_on_clock(small, times, wanted), pulse.at(wanted).astype(np.float32), pulse, fps)


def random_walk(
    rng: np.random.Generator, times: NDArray[np.float64], correlation_s: float, amplitude: float
) -> NDArray[np.float64]:
    """Draw a smooth random function of time with a standard deviation of about ``amplitude``."""
    step = max(correlation_s / 2, 1 / 60)
    knots = np.arange(times[0] - 4 * step, times[-1] + 4 * step, step)
    values = rng.standard_normal(len(knots))
    values = np.convolve(values, np.array([0.25, 0.5, 0.25]) / 0.612, "same")
    return amplitude * np.interp(times, knots, values)


class _Scene:
    """One person in one light, drawn once: ``(Z, Z)`` with a margin around the crop."""

    def __init__(self, rng: np.random.Generator, size: int, style: ClipStyle) -> None:
        import cv2

        self.size = size
        melanin = float(rng.uniform(*style.melanin))
        tint = rng.uniform(0.92, 1.08, 3)
        self.face = Face(Features.random(rng), Skin(melanin, tuple(tint)), int(rng.integers(2**31)))
        whole = round(size * (1 + 2 * _MARGIN))
        # A detector's box is a little wider than the face and ends above its forehead.
        scale = size / whole * rng.uniform(0.5, 0.64)
        pose = Pose(
            x=0.5 + float(rng.normal(0, 0.03)),
            y=0.5 - 0.02 + float(rng.normal(0, 0.03)),
            scale=float(scale),
            yaw=float(rng.normal(0, 0.2)),
            pitch=float(rng.normal(0, 0.1)),
            roll=float(rng.normal(0, 0.07)),
        )
        light = Light.random(rng)
        smile = float(rng.uniform(-0.3, 0.8))
        drawn = self.face.render((whole, whole), pose=pose, light=light, expression=Expression(smile=smile))
        exposure = float(rng.uniform(*style.exposure)) ** 2.2
        gamma = float(rng.uniform(1.8, 2.4))
        self.light = light
        self.base = self._encoded(drawn.radiance, exposure, gamma)
        diffuse = drawn.diffuse / np.maximum(drawn.radiance, 1e-4)
        blotches = cv2.resize(rng.standard_normal((5, 5)).astype(np.float32), (48, 48), interpolation=cv2.INTER_CUBIC)
        where = drawn.spread(np.clip(1 + 0.4 * blotches, 0.1, 2.2)) * drawn.skin
        low, high = np.log(style.strength)
        strength = np.exp(rng.uniform(low, high)) * (1 - 0.55 * melanin) / BLOOD_COLOUR[1]
        colour = BLOOD_COLOUR * (1 + rng.uniform(-0.2, 0.2, 3))
        self.pulsing = self.base * where[..., None] * diffuse * (strength * colour).astype(np.float32)
        late = cv2.resize(rng.standard_normal((4, 4)).astype(np.float32), (48, 48), interpolation=cv2.INTER_CUBIC)
        self.late = self.pulsing * drawn.spread(np.clip(0.3 * late, -0.8, 0.8))[..., None]
        self.moves: dict[str, Floats] = {}
        if rng.random() < 0.35:
            for name, expression in (
                ("mouth", Expression(smile=smile, mouth_open=float(rng.uniform(0.2, 0.8)))),
                ("eyes", Expression(smile=smile, eyes_closed=1.0)),
            ):
                other = self.face.render((whole, whole), pose=pose, light=light, expression=expression)
                self.moves[name] = self._encoded(other.radiance, exposure, gamma) - self.base

    @staticmethod
    def _encoded(radiance: Floats, exposure: float, gamma: float) -> Floats:
        return np.asarray(np.clip(exposure * radiance, 0, 1.2) ** np.float32(1 / gamma), dtype=np.float32)


def _camera_times(rng: np.random.Generator, wanted: NDArray[np.float64], odd: float) -> NDArray[np.float64]:
    """Draw when the camera looks: mostly as wanted, else at another rate or with frames missing."""
    if rng.random() >= odd:
        return wanted
    if rng.random() < 0.5:
        rate = rng.uniform(14, 60)
        times = np.arange(0, wanted[-1] + 1 / rate, 1 / rate)
        return np.sort(times + rng.normal(0, 0.05 / rate, len(times)))
    lost = rng.random(len(wanted)) < rng.uniform(0.01, 0.1)
    lost[[0, -1]] = False
    return wanted[~lost]


def _on_clock(frames: Floats, times: NDArray[np.float64], wanted: NDArray[np.float64]) -> Labels:
    """Interpolate frames in time, and quantise them."""
    if times is wanted:
        return np.rint(frames).astype(np.uint8)
    after = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    share = np.clip((wanted - times[after - 1]) / (times[after] - times[after - 1] + 1e-9), 0, 1)
    weight = share.astype(np.float32)[:, None, None, None]
    return np.rint(frames[after - 1] * (1 - weight) + frames[after] * weight).astype(np.uint8)


def _record(
    rng: np.random.Generator, scene: _Scene, pulse: Pulse, times: NDArray[np.float64], fps: float, style: ClipStyle
) -> Labels | Floats:
    """Film the scene: ``(N, Z, Z, 3)`` in [0, 255]."""
    import cv2

    size, count = scene.size, len(times)
    wave, slope = pulse.at(times).astype(np.float32), pulse.slope(times).astype(np.float32)
    amplitude = style.motion * float(rng.choice(_MOTIONS, p=[0.35, 0.35, 0.2, 0.1]))
    shift = np.stack([random_walk(rng, times, rng.uniform(0.15, 1.2), amplitude) for _ in range(2)])
    if rng.random() < 0.15:
        shift[1] += 1.2 * amplitude * np.sin(2 * np.pi * rng.uniform(0.5, 2.5) * times + rng.uniform(0, 6.3))
    turn = random_walk(rng, times, 0.5, 30 * amplitude)
    zoom = 1 + random_walk(rng, times, 0.8, 0.4 * amplitude)
    light = lighting(rng, times, style.flicker)
    # Where the head turns to, the lamp lights other parts of it.
    tilt = random_walk(rng, times, 0.6, 0.02 * rng.random() * style.flicker) + 2 * rng.uniform(-1, 1) * shift[0]
    ramp = np.linspace(-1, 1, scene.base.shape[1], dtype=np.float32)[None, :, None]
    moving = openings(rng, times) if scene.moves else {}
    gaussian = float(np.exp(rng.uniform(*np.log(style.noise))))
    pool = rng.standard_normal((_NOISE_POOL, size + 48, size + 48, 3)).astype(np.float32)
    places = rng.integers(0, 48, (count, 3))
    margin = 0.5 * (scene.base.shape[0] - size)
    codec = _draw_codec(rng, style)
    out = np.empty((count, size, size, 3), np.float32)
    centre = 0.5 * scene.base.shape[0]
    lens = np.empty_like(scene.base)
    for k in range(count):
        # Blood takes light away.
        np.multiply(scene.pulsing, -wave[k], out=lens)
        lens += scene.base
        lens += scene.late * slope[k]
        for name, curve in moving.items():
            if curve[k] > 0:
                lens += scene.moves[name] * curve[k]
        lens *= 255 * light[k] * (1 + np.float32(tilt[k]) * ramp)
        matrix = cv2.getRotationMatrix2D((centre, centre), float(turn[k]), float(zoom[k]))
        matrix[:, 2] += shift[:, k] * size - margin
        frame = cv2.warpAffine(lens, matrix, (size, size), borderMode=cv2.BORDER_REFLECT)
        which, top, left = places[k]
        grain = pool[which % _NOISE_POOL, top : top + size, left : left + size]
        # The noise of light grows with its square root; the rest is the camera's own.
        frame += grain * (255 * gaussian) * np.sqrt(0.3 + frame * np.float32(0.7 / 255)).clip(0.3)
        np.clip(frame, 0, 255, out=out[k])
    return _encode_and_decode(out, codec, fps)


def lighting(rng: np.random.Generator, times: NDArray[np.float64], flicker: float) -> Floats:
    """Draw the light over time, ``(N, 3)`` around 1.

    Walks, waves in the band of the heart, lamps that are switched, casts of colour; ``flicker`` is a factor on all.
    """
    amplitude = float(rng.choice([0.001, 0.004, 0.015, 0.04], p=[0.3, 0.35, 0.25, 0.1])) * flicker
    light = 1 + random_walk(rng, times, rng.uniform(0.1, 2), amplitude)
    if rng.random() < 0.2 * flicker:
        light += rng.uniform(0.002, 0.02) * np.sin(2 * np.pi * rng.uniform(0.3, 3.5) * times + rng.uniform(0, 6.3))
    if rng.random() < 0.15 * flicker:
        # A lamp is switched, and the camera's exposure follows.
        start, factor = rng.uniform(0, times[-1]), rng.uniform(0.85, 1.15)
        settled = np.exp(-np.clip(times - start, 0, None) / rng.uniform(0.3, 2))
        light *= np.where(times > start, 1 + (factor - 1) * settled, 1)
    casts = np.stack([random_walk(rng, times, 0.8, 0.0015 * flicker) for _ in range(3)], axis=1)
    return np.asarray(light[:, None] * (1 + casts), dtype=np.float32)


def openings(rng: np.random.Generator, times: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Draw how far the ``mouth`` is open and the ``eyes`` are closed at times, ``(N,)`` in [0, 1]."""
    talks = random_walk(rng, times, 0.15, 0.5) * (random_walk(rng, times, 1.0, 1.0) > 0)
    blinks = np.zeros(len(times))
    for start in rng.uniform(0, times[-1], int(rng.poisson(times[-1] / 4))):
        blinks = np.maximum(blinks, np.clip(1 - np.abs(times - start) / 0.12, 0, 1))
    return {"mouth": np.clip(talks, 0, 1), "eyes": blinks}


def _draw_codec(rng: np.random.Generator, style: ClipStyle) -> tuple[str, int]:
    chance = rng.random()
    if chance < style.jpeg:
        return "jpeg", int(rng.integers(style.jpeg_quality[0], style.jpeg_quality[1] + 1))
    if chance < style.jpeg + style.video:
        return "mpeg4", int(rng.integers(style.video_quantiser[0], style.video_quantiser[1] + 1))
    return "none", 0


def _encode_and_decode(frames: Floats, codec: tuple[str, int], fps: float) -> Labels | Floats:
    import cv2

    kind, quality = codec
    pixels = np.rint(frames).astype(np.uint8)
    if kind == "jpeg":
        settings = [cv2.IMWRITE_JPEG_QUALITY, quality]
        coded = [cv2.imencode(".jpg", frame[..., ::-1], settings)[1] for frame in pixels]
        decoded = [np.asarray(cv2.imdecode(one, cv2.IMREAD_COLOR), np.uint8) for one in coded]
        return np.stack(decoded)[..., ::-1]
    if kind == "mpeg4":
        from vision_cli.io.videos.videos import encode_and_decode

        return encode_and_decode(pixels, "mpeg4", fps=fps, quantiser=quality)
    return pixels


def _shrink(frames: Labels | Floats, size: int) -> Floats:
    """Average blocks of pixels: ``(N, Z, Z, 3)`` to ``(N, size, size, 3)``."""
    import cv2

    return np.stack(
        [cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA) for frame in frames.astype(np.float32)]
    )
