"""Videos made from a photograph of a face, with a known pulse or none: what a picture held before a camera looks like.

Real skin, hair and backgrounds, which generated faces lack; the movement is that of a plane. The pulse is the model of
`vision_cli.phantoms.faces.pulse_clips` on pixels of the colour of skin in the face.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.videos.videos import Codec, Pixels
from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.faces.pulse import RATE_RANGE_BPM, Pulse, make_pulse
from vision_cli.phantoms.faces.pulse_clips import BLOOD_COLOUR, lighting, random_walk

Holding = Literal["fixed", "hand", "sway"]

_STRENGTH = (0.002, 0.012)
_NOISE = (0.4, 4.0)
_FLICKER, _FLICKERS = (0.001, 0.015), 0.25
_MOVES, _SWAYS = 0.7, 0.4
_CODECS: tuple[tuple[Codec, int, int], ...] = (("h264", 14, 28), ("mpeg4", 2, 8), ("mjpeg", 2, 8))
_SKIN_LOW, _SKIN_HIGH = (40, 133, 77), (255, 180, 132)
_SIDES, _ABOVE, _BELOW = (0.5, 1.4), (0.35, 0.8), (0.2, 0.6)
_FPS = 30.0


@dataclass(frozen=True)
class Photo:
    """A photograph and the face in it.

    Attributes
    ----------
    pixels
        ``(H, W, 3)``.
    box
        Left, top, width and height of the face.
    """

    pixels: Pixels
    box: tuple[float, float, float, float]


class PhotoVideo:
    """A video of a photograph.

    Parameters
    ----------
    rng
        Draws everything: the same state gives the same video.
    photo
        The photograph.
    seconds
        How long it lasts.
    height
        Rows of the frames.
    is_alive
        Whether the face has a pulse.
    holding
        How the picture or the camera moves; drawn if None.

    Attributes
    ----------
    pulse
        The true wave; None of a face without a pulse.
    times
        Times of the frames in seconds.
    size
        Height and width of the frames.
    codec, quality
        How the video is to be coded.
    holding
        How the picture or the camera moves.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        photo: Photo,
        *,
        seconds: float = 10.0,
        height: int = 144,
        is_alive: bool = True,
        holding: Holding | None = None,
    ) -> None:
        import cv2

        self._rng = rng
        self.times = np.arange(round(seconds * _FPS)) / _FPS
        rate = float(rng.uniform(*RATE_RANGE_BPM))
        self.pulse: Pulse | None = make_pulse(rng, seconds, mean_bpm=rate) if is_alive else None
        self.holding: Holding = "fixed"
        if rng.random() < _MOVES:
            self.holding = "sway" if rng.random() < _SWAYS else "hand"
        # What follows is drawn as it would be without the wish.
        self.holding = holding or self.holding
        self.codec, low, high = _CODECS[int(rng.integers(len(_CODECS)))]
        self.quality = int(rng.integers(low, high + 1))
        left, top, across, down = photo.box
        first = np.array([left - rng.uniform(*_SIDES) * across, top - rng.uniform(*_ABOVE) * down])
        last = np.array([left + (1 + rng.uniform(*_SIDES)) * across, top + (1 + rng.uniform(*_BELOW)) * down])
        scale = height / (last[1] - first[1])
        self.size = height, 2 * round((last[0] - first[0]) * scale / 2)
        placed = np.array([[scale, 0, -scale * first[0]], [0, scale, -scale * first[1]]])
        picture: Pixels = np.asarray(
            cv2.warpAffine(
                photo.pixels, placed, self.size[::-1], flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
            ),
            np.uint8,
        )
        exposure = float(rng.uniform(0.6, 1.05))
        self._picture = np.clip(picture.astype(np.float32) * exposure, 0, 255)
        middle = (np.array([left + across / 2, top + down / 2]) - first) * scale
        self._skin = _skin(picture, middle, (0.42 * across * scale, 0.62 * down * scale))
        # A head moves before its background, a picture or a camera moves as a whole.
        self._is_head = is_alive and rng.random() < 0.5
        self._head = _ellipse(self.size, middle, (0.75 * across * scale, 0.95 * down * scale))
        self._motion = self._moves(across * scale)
        self._light = lighting(rng, self.times, float(rng.choice([0.1, 0.5, 1.5])))
        if rng.random() < _FLICKERS:
            # A lamp or a camera in the band of the heart.
            phase = 2 * np.pi * rng.uniform(0.7, 3.2) * self.times + rng.uniform(0, 6.3)
            self._light *= 1 + float(np.exp(rng.uniform(*np.log(_FLICKER)))) * np.sin(phase)[:, None].astype(np.float32)
        low_strength, high_strength = np.log(_STRENGTH)
        strength = float(np.exp(rng.uniform(low_strength, high_strength)))
        self._tint = strength * BLOOD_COLOUR / BLOOD_COLOUR[1] * (1 + rng.uniform(-0.2, 0.2, 3))
        self._noise = float(np.exp(rng.uniform(*np.log(_NOISE))))

    def __iter__(self) -> Iterator[Pixels]:
        import cv2

        rng = np.random.default_rng(self._rng.integers(2**63))
        wave = np.zeros(len(self.times)) if self.pulse is None else self.pulse.at(self.times)
        noise = rng.standard_normal((self.size[0] + 64, self.size[1] + 64, 3)).astype(np.float32) * self._noise
        for k in range(len(self.times)):
            alive = self._picture * (1 - (wave[k] * self._skin)[..., None] * self._tint.astype(np.float32))
            moved = cv2.warpAffine(
                alive, self._motion[k], self.size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            if self._is_head:
                moved = self._picture + self._head[..., None] * (moved - self._picture)
            top, left = rng.integers(0, 64, 2)
            shot = noise[top : top + self.size[0], left : left + self.size[1]]
            yield np.clip(np.rint(moved * self._light[k] + shot), 0, 255).astype(np.uint8)

    def _moves(self, width: float) -> NDArray[np.float64]:
        """Draw the affine maps ``(N, 2, 3)`` of the frames, for a face of a width in pixels."""
        rng, count = self._rng, len(self.times)
        maps = np.tile(np.array([[1.0, 0, 0], [0, 1, 0]]), (count, 1, 1))
        if self.holding == "fixed":
            return maps
        size = width * float(rng.choice([0.002, 0.01, 0.03]))
        shift = np.stack([random_walk(rng, self.times, rng.uniform(0.1, 1.0), size) for _ in range(2)])
        turn = random_walk(rng, self.times, 0.6, 0.3 * size / width)
        if self.holding == "sway":
            rhythm = np.sin(2 * np.pi * rng.uniform(0.6, 3.0) * self.times + rng.uniform(0, 6.3))
            shift += 2 * size * rng.uniform(-1, 1, (2, 1)) * rhythm
            turn += 0.5 * size / width * rng.uniform(-1, 1) * rhythm
        maps[:, 0, 1], maps[:, 1, 0] = -turn, turn
        maps[:, 0, 2] = shift[0] + turn * self.size[0] / 2
        maps[:, 1, 2] = shift[1] - turn * self.size[1] / 2
        return maps


def _ellipse(size: tuple[int, int], middle: NDArray[np.float64], radii: tuple[float, float]) -> Floats:
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    distance = ((columns - middle[0]) / radii[0]) ** 2 + ((rows - middle[1]) / radii[1]) ** 2
    return np.asarray(np.clip((1.1 - distance) / 0.2, 0, 1), np.float32)


def _skin(picture: Pixels, middle: NDArray[np.float64], radii: tuple[float, float]) -> Floats:
    """Return how much the pixels of a picture are skin of the face, ``(H, W)`` in [0, 1]."""
    import cv2

    toned = cv2.inRange(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb), _SKIN_LOW, _SKIN_HIGH).astype(np.float32) / 255
    inside = _ellipse((picture.shape[0], picture.shape[1]), middle, radii)
    if (toned * inside).sum() < 0.3 * inside.sum():
        toned = np.ones_like(inside)
    return np.asarray(cv2.GaussianBlur(toned * inside, (0, 0), 0.05 * radii[0]), np.float32)
