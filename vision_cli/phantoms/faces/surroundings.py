"""Skin, light, camera and room: what all generated faces share, however they are drawn.

Radiances are linear; `encode_srgb` makes pixels of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_cli.phantoms.arrays import Floats, Labels

GAMMA = 2.2
"""Exponent of the camera; sRGB's is close to it."""

_LIGHTEST = np.array([0.88, 0.68, 0.58])
_DARKEST = np.array([0.34, 0.21, 0.16])


@dataclass(frozen=True)
class Skin:
    """Colour of a skin.

    Attributes
    ----------
    melanin
        0 (lightest) to 1 (darkest).
    tint
        Factors on red, green and blue, for what melanin does not explain.
    """

    melanin: float = 0.3
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @staticmethod
    def random(rng: np.random.Generator) -> Skin:
        """Draw a skin; all shades are equally likely."""
        red, green, blue = rng.uniform(0.92, 1.08, 3)
        return Skin(float(rng.uniform(0, 1)), (float(red), float(green), float(blue)))

    @property
    def albedo(self) -> Floats:
        """Linear reflectance in red, green and blue, ``(3,)``."""
        encoded = (_LIGHTEST * (1 - self.melanin) + _DARKEST * self.melanin) * np.array(self.tint)
        return np.asarray(np.clip(encoded, 0.02, 0.97) ** GAMMA, dtype=np.float32)


@dataclass(frozen=True)
class Light:
    """One distant lamp and light from everywhere.

    Attributes
    ----------
    azimuth, elevation
        Where the lamp is, in radians: 0, 0 is at the camera; positive is right of it in the picture, and above it.
    ambient
        Share of the light that comes from everywhere.
    gloss
        Strength of mirror-like reflections from the skin.
    colour
        Factors on red, green and blue.
    """

    azimuth: float = 0.2
    elevation: float = 0.35
    ambient: float = 0.45
    gloss: float = 0.06
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @staticmethod
    def random(rng: np.random.Generator) -> Light:
        """Draw a light like those of rooms."""
        warm = rng.uniform(-0.12, 0.12)
        return Light(
            azimuth=float(rng.uniform(-0.8, 0.8)),
            elevation=float(rng.uniform(-0.1, 0.8)),
            ambient=float(rng.uniform(0.35, 0.75)),
            gloss=float(rng.uniform(0.0, 0.15)),
            colour=(float(1 + warm), 1.0, float(1 - warm)),
        )

    @property
    def direction(self) -> Floats:
        """Unit vector to the lamp, ``(3,)``."""
        flat = np.cos(self.elevation)
        towards = [flat * np.sin(self.azimuth), -np.sin(self.elevation), flat * np.cos(self.azimuth)]
        return np.asarray(towards, dtype=np.float32)


def encode_srgb(radiance: Floats, *, gamma: float = GAMMA) -> Labels:
    """Make pixels of linear radiance: 8 bits, brighter than 1 is white.

    Parameters
    ----------
    radiance
        ``(..., 3)``.
    gamma
        Exponent of the camera; sRGB's is close to 2.2.
    """
    pixels: Labels = np.rint(255 * np.clip(radiance, 0, 1) ** np.float32(1 / gamma)).astype(np.uint8)
    return pixels


def room(size: tuple[int, int], seed: int) -> Floats:
    """Draw what is behind a person: walls and furniture, out of focus; ``(H, W, 3)`` linear."""
    import cv2

    rng = np.random.default_rng((seed, 1))
    height, width = size
    base = rng.uniform(0.05, 0.7) * rng.uniform(0.8, 1.2, 3)
    # One pattern of brightness, and a little of each colour.
    coarse = 0.2 * rng.standard_normal((4, 5, 1)) + 0.05 * rng.standard_normal((4, 5, 3))
    room = cv2.resize((base * (1 + coarse)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(rng.integers(0, 4))):
        left, top = rng.uniform(0, width), rng.uniform(0, height)
        corner = (int(left + rng.uniform(0.1, 0.5) * width), int(top + rng.uniform(0.1, 0.6) * height))
        colour = rng.uniform(0.02, 0.7) * rng.uniform(0.7, 1.2, 3)
        cv2.rectangle(room, (int(left), int(top)), corner, [float(c) for c in colour], -1)
    blurred = cv2.GaussianBlur(room, (0, 0), 0.015 * height + 0.5)
    return np.asarray(np.clip(blurred, 0.01, 1), dtype=np.float32)
