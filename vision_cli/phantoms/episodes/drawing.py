"""What the families of episodes draw with: shapes, soft edges, shading, and the camera.

Lengths are in px of a picture of 224 px and are scaled to its size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.episodes.textures import Texture, TextureBank

Mask = NDArray[np.bool_]

REFERENCE_SIDE = 224


@dataclass(frozen=True)
class Studio:
    """Drawing at one size.

    Attributes
    ----------
    bank
        Of textures.
    side
        Of the pictures, px.
    """

    bank: TextureBank
    side: int

    @property
    def unit(self) -> float:
        """How many px of the picture one px of a picture of 224 px is."""
        return self.side / REFERENCE_SIDE

    def grid(self) -> tuple[Floats, Floats]:
        """Return the rows ``(side, 1)`` and columns ``(1, side)`` in px of 224."""
        line = np.arange(self.side, dtype=np.float32) / np.float32(self.unit)
        return line[:, None], line[None]

    def texture(self, rng: np.random.Generator, *, photographic: float = 0.5) -> Texture:
        """Return a random texture."""
        return self.bank.texture(rng, photographic=photographic)

    def empty(self) -> Mask:
        """Return an empty mask."""
        return np.zeros((self.side, self.side), np.bool_)

    def centre(self, rng: np.random.Generator, low: float, high: float) -> Floats:
        """Return a random point ``(x, y)`` in px of 224, each within these shares of the picture."""
        return np.asarray(rng.uniform(low, high, 2) * REFERENCE_SIDE, np.float32)

    def blob(self, rng: np.random.Generator, centre: Floats, radius: float, smoothing: float | None = None) -> Mask:
        """Return a random star-shaped region: a polygon of 4 to 13 corners, its corners rounded by ``smoothing``."""
        import cv2

        angles = np.sort(rng.random(int(rng.integers(4, 14)))) * 2 * np.pi
        radii = rng.uniform(0.6, 1.0, len(angles)) * radius
        corners = np.stack([radii * np.cos(angles) * rng.uniform(0.6, 1.4), radii * np.sin(angles)], 1) + centre
        drawn = np.zeros((self.side, self.side), np.uint8)
        cv2.fillPoly(drawn, [np.rint(corners * self.unit).astype(np.int32)], 255)
        width = rng.uniform(2, 9) if smoothing is None else smoothing
        return np.asarray(self.soften(drawn, width) > 0.5) if width > 0 else drawn > 0

    def ellipse(self, centre: Floats, axes: Floats, angle: float) -> Mask:
        """Return a filled ellipse; ``axes`` are half its lengths, ``angle`` in degrees."""
        import cv2

        drawn = np.zeros((self.side, self.side), np.uint8)
        at = tuple(int(value * self.unit) for value in centre)
        half = tuple(max(1, round(float(value) * self.unit)) for value in axes)
        cv2.ellipse(drawn, at, half, float(angle), 0, 360, 1, -1)
        return drawn > 0

    def path(
        self, rng: np.random.Generator, mask: Mask, *, steps: int, step: float, heading: float, bend: float, width: int
    ) -> None:
        """Draw a random walk as a line into a mask."""
        import cv2

        turns = np.cumsum(rng.normal(0, bend, steps)) + heading
        moves = step * np.stack([np.cos(turns), np.sin(turns)], 1)
        points = rng.random(2) * REFERENCE_SIDE + np.concatenate([np.zeros((1, 2)), np.cumsum(moves, 0)])
        drawn = mask.view(np.uint8)
        pixels = np.rint(points * self.unit).astype(np.int32)
        cv2.polylines(drawn, [pixels], False, 1, max(1, round(width * self.unit)))

    def soften(self, mask: NDArray[np.generic], width: float) -> Floats:
        """Return a mask (bool, or uint8 of 0 and 255) blurred by a Gaussian, within 0 to 1."""
        import cv2

        values = mask.astype(np.float32)
        if mask.dtype == np.uint8:
            values *= np.float32(1 / 255)
        return np.asarray(cv2.GaussianBlur(values, (0, 0), max(width * self.unit, 0.3)), np.float32)

    def blur(self, picture: Floats, width: float) -> Floats:
        """Return a picture blurred by a Gaussian."""
        import cv2

        return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(width * self.unit, 0.3)), np.float32)

    def paste(self, below: Floats, above: Floats, mask: Mask, edge: float) -> Floats:
        """Return a picture laid over another where a mask is, with an edge of this width."""
        return self.blend(below, above, self.soften(mask, edge))

    def blend(self, below: Floats, above: Floats, share: Floats) -> Floats:
        """Return the mean of two pictures ``(side, side, 3)``, ``share`` ``(side, side)`` being that of the second."""
        import cv2

        return np.asarray(cv2.blendLinear(below, above, 1 - share, share), np.float32)

    def shade(self, rng: np.random.Generator, picture: Floats) -> Floats:
        """Return a picture under uneven light, factors 0.75 to 1.25."""
        import cv2

        lights = cv2.GaussianBlur(rng.random((4, 4), np.float32), (0, 0), 1)
        light = 0.75 + 0.5 * cv2.resize(lights, (self.side, self.side), interpolation=cv2.INTER_LINEAR)
        return np.asarray(picture * light[..., None], np.float32)

    def warp(self, rng: np.random.Generator, strength: float) -> tuple[Floats, Floats]:
        """Return where each pixel of a deformed picture comes from: rows and columns in px of 224, both square."""
        rows, columns = self.grid()
        return tuple(  # type: ignore[return-value]
            along + np.float32(strength) * (self.bank.smooth_noise(rng, self.side) - np.float32(0.5))
            for along in (rows, columns)
        )

    def photograph(self, rng: np.random.Generator, scene: Floats, variation: float = 1.0) -> NDArray[np.uint8]:
        """Return what a camera makes of a scene: gamma, cast, blur, noise and JPEG, drawn for this picture alone.

        Parameters
        ----------
        rng
            Of the camera.
        scene
            ``(side, side, 3)`` within 0 to 255.
        variation
            Factor on the spread of gamma, brightness and cast.
        """
        import cv2

        gamma = np.exp(rng.normal(0, 0.2 * variation))
        gains = 1 + variation * (rng.uniform(-0.15, 0.15) + rng.uniform(-0.05, 0.05, 3))
        curve = 255 * (np.arange(256) / 255) ** gamma
        table = np.clip(curve[:, None] * gains, 0, 255).astype(np.uint8)[None]
        seen = cv2.LUT(np.clip(scene, 0, 255).astype(np.uint8), table)
        if rng.random() < 0.4:
            seen = cv2.GaussianBlur(seen, (0, 0), max(rng.uniform(0.4, 1.2) * self.unit, 0.3))
        noisy = seen + np.float32(rng.uniform(0, 6)) * self.bank.white_noise(rng, self.side)
        picture = np.clip(noisy, 0, 255).astype(np.uint8)
        if rng.random() < 0.5:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 95))]
            packed = cv2.imencode(".jpg", picture[..., ::-1], quality)[1]
            picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
        return np.ascontiguousarray(picture)


def grey_scene(values: Floats) -> Floats:
    """Return a grey picture ``(side, side)`` as RGB."""
    return np.repeat(values[..., None], 3, axis=2)
