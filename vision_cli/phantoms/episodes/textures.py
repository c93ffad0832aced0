"""Textures of generated episodes: random fields in random colours, and pieces of photographs.

The fields are made once and kept as a bank; a texture is a field with two colours of its own, so a bank of some dozen
fields gives any number of textures. A piece of a texture is a square of about 224 px of its field, whatever the size of
the picture: an episode of 96 px shows the same scene as one of 224 px.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.episodes.photographs import Split, load_photographs

Number = TypeVar("Number", np.uint8, np.float32)

FIELD_SIZE = 448
_REFERENCE = 224
_TILE = 384
_SMOOTH_EXPONENTS = (1.5, 2.5)


@dataclass(frozen=True)
class Texture:
    """An appearance that can be drawn any number of times.

    Attributes
    ----------
    field
        ``(N, N)`` uint8, the share of the first colour; or ``(N, N, 3)``, a tile of a photograph.
    colours
        ``(2, 3)`` RGB within 0 to 255; not used for a photograph.
    tint
        ``(3,)`` factors on the colours.
    """

    field: NDArray[np.uint8]
    colours: Floats
    tint: Floats

    def piece(self, rng: np.random.Generator, side: int, scales: tuple[float, float] = (0.6, 1.5)) -> Floats:
        """Return a random piece, ``(side, side, 3)`` float32 within 0 to 255.

        Parameters
        ----------
        rng
            Where the piece lies, how large it is, whether it is mirrored.
        side
            Size in px.
        scales
            Range of its size in units of 224 px of the field.
        """
        import cv2

        square = random_square(rng, self.field, _REFERENCE * rng.uniform(*scales))
        resized = cv2.resize(square, (side, side), interpolation=cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            resized = resized[:, ::-1]
        if resized.ndim == 3:
            return np.asarray(resized * self.tint, np.float32)
        share = resized[..., None] * np.float32(1 / 255)
        first, second = self.colours * self.tint
        return np.asarray(second + share * (first - second), np.float32)


@dataclass(frozen=True)
class TextureBank:
    """What textures are made of.

    Attributes
    ----------
    fields
        ``(F, N, N)`` uint8, of four kinds: power-law noise, stripes, thresholded noise, dots.
    smooth
        ``(S, N, N)`` float32 within 0 to 1, power-law noise of exponents 1.5 to 2.5: shading and deformations.
    rough
        ``(R, N, N)`` float32 within 0 to 1, power-law noise of exponents 0.3 to 1.2: grain of tissue.
    white
        ``(N, N, 3)`` float32, standard normal: noise of the camera.
    photographs
        ``(H, W, 3)`` uint8 each.
    """

    fields: NDArray[np.uint8]
    smooth: Floats
    rough: Floats
    white: Floats
    photographs: Sequence[NDArray[np.uint8]]

    @staticmethod
    def random(rng: np.random.Generator, split: Split = "train", *, fields: int = 64) -> TextureBank:
        """Return a bank of random fields, and the photographs of a split.

        Parameters
        ----------
        rng
            Of the fields.
        split
            Whose photographs; those of training and of validation are disjoint.
        fields
            How many; about 25 CPU-ms each.

        Raises
        ------
        MissingError
            If a photograph is not in the installed packages.
        """
        made = np.stack([_field(rng, kind % 4) for kind in range(fields)])
        few = max(2, fields // 8)
        smooth = np.stack([power_noise(rng, FIELD_SIZE, rng.uniform(*_SMOOTH_EXPONENTS)) for _ in range(few)])
        rough = np.stack([power_noise(rng, FIELD_SIZE, rng.uniform(0.3, 1.2)) for _ in range(few)])
        white = rng.standard_normal((FIELD_SIZE, FIELD_SIZE, 3), np.float32)
        return TextureBank(made, smooth, rough, white, load_photographs(split, FIELD_SIZE))

    def texture(self, rng: np.random.Generator, *, photographic: float = 0.5) -> Texture:
        """Return a random texture; ``photographic`` is the probability that it is a tile of a photograph."""
        if rng.random() < photographic:
            photograph = self.photographs[int(rng.integers(len(self.photographs)))]
            tint = np.exp(rng.normal(0, 0.15, 3)).astype(np.float32)
            return Texture(random_square(rng, photograph, _TILE), np.zeros((2, 3), np.float32), tint)
        first = rng.random(3)
        second = np.clip(first + rng.normal(0, rng.uniform(0.05, 0.4), 3), 0, 1)
        colours = np.array([first, second], np.float32) * 255
        return Texture(self.fields[rng.integers(len(self.fields))], colours, np.ones(3, np.float32))

    def smooth_noise(self, rng: np.random.Generator, side: int) -> Floats:
        """Return a smooth random function, ``(side, side)`` within 0 to 1, both reached."""
        return _stretched(rng, self.smooth, side)

    def rough_noise(self, rng: np.random.Generator, side: int) -> Floats:
        """Return a rough random function, ``(side, side)`` within 0 to 1, both reached."""
        return _stretched(rng, self.rough, side)

    def white_noise(self, rng: np.random.Generator, side: int) -> Floats:
        """Return standard normal noise, ``(side, side, 3)``, independent from pixel to pixel up to 448 px."""
        if side > FIELD_SIZE:
            return rng.standard_normal((side, side, 3), np.float32)
        return random_square(rng, self.white, side)


def random_square(rng: np.random.Generator, field: NDArray[Number], side: float) -> NDArray[Number]:
    """Return a random square of a field ``(H, W, ...)``; no larger than the field."""
    size = max(2, min(int(side), *field.shape[:2]))
    top, left = (int(rng.integers(length - size + 1)) for length in field.shape[:2])
    return field[top : top + size, left : left + size]


def power_noise(rng: np.random.Generator, side: int, exponent: float) -> Floats:
    """Return noise whose amplitude falls with frequency to the power ``exponent``, ``(side, side)`` within 0 to 1."""
    import scipy.fft

    across = np.fft.rfftfreq(side).astype(np.float32)[None]
    down = np.fft.fftfreq(side).astype(np.float32)[:, None] * np.float32(rng.uniform(0.5, 2))
    frequency = np.sqrt(across**2 + down**2) + np.float32(1 / side)
    real, imaginary = rng.standard_normal((2, side, side // 2 + 1), np.float32)
    values = scipy.fft.irfft2((real + 1j * imaginary) / frequency**exponent, s=(side, side))
    return _unit_range(np.asarray(values, np.float32))


def _field(rng: np.random.Generator, kind: int) -> NDArray[np.uint8]:
    import cv2

    base = power_noise(rng, FIELD_SIZE, rng.uniform(0.3, 2.2))
    if kind == 1:
        angle, rate = rng.uniform(0, np.pi), rng.uniform(0.03, 0.5)
        along = np.arange(FIELD_SIZE, dtype=np.float32)
        phase = rate * (np.cos(angle) * along[None] + np.sin(angle) * along[:, None])
        base = 0.5 + 0.5 * np.sin(phase + 4 * power_noise(rng, FIELD_SIZE, 1.8))
    elif kind == 2:
        base = 0.7 * (base > rng.uniform(0.35, 0.65)) + 0.3 * power_noise(rng, FIELD_SIZE, 0.5)
    elif kind == 3:
        base = np.full((FIELD_SIZE, FIELD_SIZE), 0.5, np.float32)
        for _ in range(int(rng.integers(50, 270))):
            centre = [int(value) for value in rng.integers(0, FIELD_SIZE, 2)]
            cv2.circle(base, centre, int(rng.integers(3, 30)), float(rng.random()), -1)
    return np.asarray(np.clip(base, 0, 1) * 255, np.uint8)


def _stretched(rng: np.random.Generator, fields: Floats, side: int) -> Floats:
    import cv2

    square = random_square(rng, fields[rng.integers(len(fields))], _REFERENCE)
    if rng.random() < 0.5:
        square = square.T
    return _unit_range(np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_LINEAR), np.float32))


def _unit_range(values: Floats) -> Floats:
    low, high = values.min(), values.max()
    return np.asarray((values - low) / (high - low + np.float32(1e-6)), np.float32)
