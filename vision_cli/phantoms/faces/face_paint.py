"""What is painted on a generated head: brows, eyes, nose, mouth, hairline, pores; and neck, hair and shoulders.

Coordinates are those of the face: half its height is 1, x to the right and y down. Columns of the texture run over its
width, rows over its height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.faces.pose import Pose

TEXTURE_SIZE = 192
_WHITE = np.array([0.62, 0.60, 0.58], np.float32)
_PUPIL = np.array([0.015, 0.013, 0.012], np.float32)
_TEETH = np.array([0.6, 0.57, 0.5], np.float32)
_CAVITY = np.array([0.05, 0.015, 0.015], np.float32)
_FRACTION_BITS = 6


@dataclass(frozen=True)
class Features:
    """Shape and colours of a face.

    Attributes
    ----------
    width
        Half the width of the face.
    eye_distance, eye_height
        Centres of the eyes: half their distance, and their y.
    eye_size
        Half the width of an eye.
    brow, brow_gap
        Half the thickness of the brows, and how far they are above the eyes.
    nose_width, nose_length
        Half its width, and its length below the eyes.
    mouth_width, mouth_height
        Half the width of the mouth and its y.
    lips
        Half the thickness of the closed lips.
    hairline
        y where hair begins in the middle.
    hair
        Linear colour of hair and brows.
    lip_tint
        Factors on the colour of the skin at the lips.
    hair_volume
        How far the hair stands off the head.
    long_hair
        Whether it falls beside the face.
    iris
        Linear colour of the irises.
    shirt
        Linear colour of what is worn.
    """

    width: float = 0.76
    eye_distance: float = 0.32
    eye_height: float = -0.1
    eye_size: float = 0.135
    brow: float = 0.035
    brow_gap: float = 0.16
    nose_width: float = 0.13
    nose_length: float = 0.42
    mouth_width: float = 0.25
    mouth_height: float = 0.53
    lips: float = 0.06
    hairline: float = -0.72
    hair: tuple[float, float, float] = (0.03, 0.02, 0.015)
    lip_tint: tuple[float, float, float] = (0.8, 0.45, 0.45)
    hair_volume: float = 0.12
    long_hair: bool = False
    iris: tuple[float, float, float] = (0.08, 0.05, 0.03)
    shirt: tuple[float, float, float] = (0.1, 0.15, 0.3)

    @staticmethod
    def random(rng: np.random.Generator) -> Features:
        """Draw a face."""
        darkness = rng.uniform(0.005, 0.06) if rng.random() < 0.75 else rng.uniform(0.06, 0.25)
        hair = darkness * np.array([1.0, rng.uniform(0.6, 0.95), rng.uniform(0.35, 0.85)])
        iris = [(0.06, 0.035, 0.02), (0.09, 0.11, 0.14), (0.07, 0.1, 0.05)][int(rng.integers(3))]
        shirt = rng.uniform(0.02, 0.7) * rng.uniform(0.4, 1.3, 3)
        return Features(
            width=float(rng.uniform(0.7, 0.82)),
            eye_distance=float(rng.uniform(0.29, 0.35)),
            eye_height=float(rng.uniform(-0.14, -0.05)),
            eye_size=float(rng.uniform(0.12, 0.155)),
            brow=float(rng.uniform(0.025, 0.05)),
            brow_gap=float(rng.uniform(0.135, 0.18)),
            nose_width=float(rng.uniform(0.1, 0.16)),
            nose_length=float(rng.uniform(0.36, 0.46)),
            mouth_width=float(rng.uniform(0.2, 0.3)),
            mouth_height=float(rng.uniform(0.48, 0.58)),
            lips=float(rng.uniform(0.04, 0.08)),
            hairline=float(rng.uniform(-0.85, -0.6)),
            hair=(float(hair[0]), float(hair[1]), float(hair[2])),
            lip_tint=(float(rng.uniform(0.7, 0.9)), float(rng.uniform(0.35, 0.6)), float(rng.uniform(0.35, 0.6))),
            hair_volume=float(rng.uniform(0.03, 0.2)),
            long_hair=bool(rng.random() < 0.4),
            iris=iris,
            shirt=(float(shirt[0]), float(shirt[1]), float(shirt[2])),
        )


@dataclass(frozen=True)
class Expression:
    """What moves in a face.

    Attributes
    ----------
    smile
        -1 (corners of the mouth down) to 1 (up).
    mouth_open
        0 to 1.
    eyes_closed
        0 to 1; a blink passes through 1.
    brows
        -1 (frown) to 1 (raised).
    gaze
        Where the eyes look: shares of the room that the iris has, to the right and down.
    """

    smile: float = 0.0
    mouth_open: float = 0.0
    eyes_closed: float = 0.0
    brows: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


class Paint:
    """The texture of one person.

    Parameters
    ----------
    features
        Shape and colours.
    albedo
        Of the skin, linear, ``(3,)``.
    seed
        Of what is irregular in the skin.
    """

    def __init__(self, features: Features, albedo: Floats, seed: int) -> None:
        self.features, self.albedo = features, albedo
        side = np.linspace(-1, 1, TEXTURE_SIZE, dtype=np.float32)
        self._x, self._y = side[None] * np.float32(features.width), side[:, None]
        self._still = self._unmoved(np.random.default_rng((seed, 2)))
        self._last: tuple[Expression, Floats] | None = None

    def sample(self, u: Floats, v: Floats, expression: Expression) -> tuple[Floats, Floats]:
        """Return colours ``(h, w, 3)`` and shares of skin ``(h, w)`` at texture coordinates in [-1, 1], ``(h, w)``."""
        import cv2

        if self._last is None or self._last[0] != expression:
            self._last = expression, self._moved(expression)
        half = np.float32(0.5 * (TEXTURE_SIZE - 1))
        # From a large texture to a small picture every pixel is a mean, as the lens makes it.
        texture = self._last[1]
        shrink = int(TEXTURE_SIZE / max(2.2 * min(u.shape), 8))
        if shrink > 1:
            texture = np.asarray(cv2.blur(texture, (shrink, shrink)), np.float32)
        places = (u + 1) * half, (v + 1) * half
        found: Floats = np.asarray(
            cv2.remap(texture, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )
        return found[..., :3], found[..., 3]

    def body(self, picture: Floats, pose: Pose, ambient: float, lamp: Floats) -> None:
        """Draw hair, neck, ears and shoulders behind the face into a picture ``(H, W, 3)``."""
        import cv2

        height, width = picture.shape[:2]
        f, unit = self.features, pose.scale * height
        # The lamp is above: what is below the chin is in its shadow.
        skin = self.albedo * np.float32(ambient + 0.5 * (1 - ambient) * max(float(lamp[2]), 0))
        one = 1 << _FRACTION_BITS
        s, c = np.sin(pose.roll), np.cos(pose.roll)
        across = 0.35 * np.sin(pose.yaw)

        def place(x: float, y: float) -> tuple[float, float]:
            return pose.x * width + unit * (c * x - s * y), pose.y * height + unit * (s * x + c * y)

        def ellipse(x: float, y: float, rx: float, ry: float, colour: NDArray[np.float32]) -> None:
            at = tuple(round(one * value) for value in place(x, y))
            half = (round(one * unit * rx), round(one * unit * ry))
            ink = [float(value) for value in colour]
            angle = float(np.degrees(pose.roll))
            cv2.ellipse(picture, at, half, angle, 0, 360, ink, -1, cv2.LINE_8, _FRACTION_BITS)

        hair = np.asarray(f.hair, np.float32)
        v = f.hair_volume
        if f.long_hair:
            ellipse(-across * 0.3, 0.35, f.width + 0.12 + v, 1.1, hair)
        neck = [place(x, y) for x, y in ((-0.42, 0.5), (0.42, 0.5), (0.5, 1.6), (-0.5, 1.6))]
        corners = np.rint(np.array(neck) * one).astype(np.int32)
        cv2.fillPoly(picture, [corners], [float(value) for value in 0.7 * skin], cv2.LINE_8, _FRACTION_BITS)
        shoulders = [(-0.45, 1.25), (0.45, 1.25), (1.5, 1.6), (1.9, 4.0), (-1.9, 4.0), (-1.5, 1.6)]
        outline = [(pose.x * width + unit * x, pose.y * height + unit * y) for x, y in shoulders]
        corners = np.rint(np.array(outline) * one).astype(np.int32)
        cv2.fillPoly(picture, [corners], [float(value) for value in f.shirt], cv2.LINE_8, _FRACTION_BITS)
        ellipse(-across * 0.3, -0.22 - 0.5 * v, f.width + 0.06 + v, 0.86 + v, hair)
        for side in (-1, 1):
            if side * pose.yaw < 0.5:
                ellipse(side * (f.width + 0.02) * np.cos(pose.yaw), f.eye_height + 0.15, 0.08, 0.2, 0.85 * skin)

    def _unmoved(self, rng: np.random.Generator) -> Floats:
        """Paint what no expression changes: ``(N, N, 4)``, the last is the share of skin."""
        import cv2

        f = self.features
        texture = np.empty((TEXTURE_SIZE, TEXTURE_SIZE, 4), np.float32)
        blotches = _noise(rng, 10) * 0.03 + _noise(rng, 40) * 0.015 + _noise(rng, 96) * 0.01
        # Cheeks, nose and ears hold more blood than the forehead.
        flush = np.exp(-(((np.abs(self._x) - 0.36) / 0.22) ** 2) - ((self._y - 0.25) / 0.2) ** 2)
        flush = flush * np.float32(rng.uniform(0, 0.12))
        texture[..., :3] = self.albedo * (1 + blotches[..., None])
        texture[..., 1:3] *= (1 - flush)[..., None]
        texture[..., 3] = 1.0
        shade = np.ones((TEXTURE_SIZE, TEXTURE_SIZE), np.float32)
        tip = f.eye_height + f.nose_length
        # Sockets and the sides of the nose are in shadow, its ridge and the cheekbones catch light.
        for side in (-1, 1):
            shade -= 0.42 * self._blob(side * f.eye_distance * 0.97, f.eye_height - 0.03, 0.24, 0.15)
            shade -= 0.16 * self._blob(side * f.nose_width * 1.1, tip - 0.12, 0.05, 0.16)
            shade += 0.16 * self._blob(side * (f.eye_distance + 0.03), f.eye_height + 0.27, 0.2, 0.12)
            shade -= 0.35 * self._blob(side * 0.55 * f.nose_width, tip + 0.015, 0.035, 0.022)
        shade += 0.26 * self._blob(0, f.eye_height + 0.1, 0.065, 0.3)
        shade -= 0.2 * self._blob(0, tip + 0.055, f.nose_width, 0.03)
        shade += 0.08 * self._blob(0, f.hairline + 0.25, 0.35, 0.15)
        shade -= 0.15 * self._blob(0, f.mouth_height + 0.16, 0.16, 0.045)
        texture[..., :3] *= shade[..., None]
        waves = _noise(rng, 24)[0] * 0.02
        line = f.hairline + 0.32 * (self._x[0] / f.width) ** 2 * (1.6 if f.long_hair else 1.0) + waves
        hair = np.clip((line[None] - self._y) * 30, 0, 1)[..., None].astype(np.float32)
        strands = np.asarray(f.hair, np.float32) * (1 + 0.25 * _noise(rng, 96)[..., None])
        texture[..., :3] = texture[..., :3] * (1 - hair) + strands * hair
        texture[..., 3] *= 1 - hair[..., 0]
        return np.asarray(cv2.GaussianBlur(texture, (0, 0), 0.6), dtype=np.float32)

    def _moved(self, expression: Expression) -> Floats:
        f = self.features
        texture = self._still.copy()
        hair = np.asarray(f.hair, np.float32)
        # Eyes lie in the shadow of lids and lashes: a detector looks for them darker than the cheeks.
        coloured = np.minimum(np.asarray(f.iris, np.float32), 0.6 * self.albedo.mean())
        white = np.minimum(_WHITE * 0.55, 0.9 * self.albedo.mean() + 0.05).astype(np.float32)
        for side in (-1, 1):
            x, y = side * f.eye_distance, f.eye_height
            lift = 0.05 * expression.brows
            inner = 0.02 * min(expression.brows, 0.0)
            for k in range(5):
                bx = x + side * (k - 2) * 0.075
                by = y - f.brow_gap - lift - inner * (2 - k) - 0.016 * (2 - abs(k - 2))
                self._lay(texture, bx, by, 0.062, f.brow * (1.15 - 0.12 * k), np.minimum(hair, 0.12), 0.85, keep=0.2)
            openness = max(1 - expression.eyes_closed, 0.0)
            high = 0.5 * f.eye_size * openness
            self._lay(texture, x, y, f.eye_size * 1.15, high + 0.03, 0.3 * self.albedo, 0.8, keep=0.3)
            if high > 0.012:
                self._lay(texture, x, y, f.eye_size, high, white, 1.0, keep=0.0)
                ix = x + 0.3 * f.eye_size * expression.gaze[0]
                iy = y + 0.2 * high * expression.gaze[1]
                iris = 0.46 * f.eye_size
                self._lay(texture, ix, iy, iris, min(iris, high), coloured, 1.0, keep=0.0)
                self._lay(texture, ix, iy, 0.5 * iris, min(0.5 * iris, high), _PUPIL, 1.0, keep=0.0)
            self._lay(texture, x, y - high, f.eye_size * 1.1, 0.02, 0.12 * self.albedo, 0.9, keep=0.2)
        self._mouth(texture, expression)
        return texture

    def _mouth(self, texture: Floats, expression: Expression) -> None:
        f = self.features
        lips = self.albedo * np.asarray(f.lip_tint, np.float32)
        gap = 0.12 * expression.mouth_open
        wide = f.mouth_width * (1 + 0.18 * expression.smile - 0.15 * expression.mouth_open)
        steps = 7
        for k in range(steps):
            share = 2 * k / (steps - 1) - 1
            x = share * wide * 0.85
            y = f.mouth_height - 0.09 * expression.smile * (share**2 - 0.35) + 0.4 * gap
            thick = f.lips * (1 - 0.5 * share**2)
            open_ = gap * (1 - share**2)
            self._lay(texture, x, y, 0.24 * wide, thick + open_, lips, 0.85, keep=0.6)
        for k in range(steps):
            share = 2 * k / (steps - 1) - 1
            x = share * wide * 0.85
            y = f.mouth_height - 0.09 * expression.smile * (share**2 - 0.35) + 0.4 * gap
            open_ = gap * (1 - share**2)
            self._lay(texture, x, y, 0.2 * wide, 0.012 + open_, _CAVITY, 0.8, keep=0.0)
            if open_ > 0.03:
                self._lay(texture, x, y - 0.6 * open_, 0.16 * wide, 0.35 * open_, _TEETH, 0.8, keep=0.0)

    def _blob(self, x: float, y: float, rx: float, ry: float) -> Floats:
        return np.exp(-(((self._x - x) / rx) ** 2) - ((self._y - y) / ry) ** 2).astype(np.float32)

    def _lay(
        self,
        texture: Floats,
        x: float,
        y: float,
        rx: float,
        ry: float,
        colour: Floats,
        strength: float,
        *,
        keep: float,
    ) -> None:
        """Lay a soft ellipse of a colour over the texture; ``keep`` is the share of it that still counts as skin."""
        scale = 0.5 * (TEXTURE_SIZE - 1)
        cx, cy = (x / self.features.width + 1) * scale, (y + 1) * scale
        px, py = 1.35 * rx / self.features.width * scale + 2, 1.35 * ry * scale + 2
        x0, x1 = max(int(cx - px), 0), min(int(cx + px) + 2, TEXTURE_SIZE)
        y0, y1 = max(int(cy - py), 0), min(int(cy + py) + 2, TEXTURE_SIZE)
        if x0 >= x1 or y0 >= y1:
            return
        distance = ((self._x[:, x0:x1] - x) / rx) ** 2 + ((self._y[y0:y1] - y) / ry) ** 2
        alpha = np.float32(strength) * np.clip((1.5 - distance) / 0.9, 0, 1)[..., None]
        part = texture[y0:y1, x0:x1]
        part[..., :3] = part[..., :3] * (1 - alpha) + colour * alpha
        part[..., 3] *= 1 - np.float32(1 - keep) * alpha[..., 0]


def _noise(rng: np.random.Generator, cells: int) -> Floats:
    """Draw a smooth function of unit variance over the texture, ``(N, N)``."""
    import cv2

    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (TEXTURE_SIZE, TEXTURE_SIZE), interpolation=cv2.INTER_CUBIC))
