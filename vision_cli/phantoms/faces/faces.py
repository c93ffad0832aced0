"""Generated faces: who, with what skin, in what light, turned how, with what expression.

A head is an ellipsoid under orthographic projection; eyes, brows, nose, mouth and hairline are painted on it. The frame
of the face has x to the right and y down in the picture, z to the camera, and half the height of the face as its unit.
Radiances are linear; `surroundings.encode_srgb` makes pixels of them. The same arguments give the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.faces.face_paint import TEXTURE_SIZE, Expression, Features, Paint
from vision_cli.phantoms.faces.pose import Pose
from vision_cli.phantoms.faces.surroundings import Light, Skin, room

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""

_DEPTH = 0.85
_SOFTNESS = 0.35


@dataclass(frozen=True)
class Rendered:
    """A picture of a face, before the camera.

    Attributes
    ----------
    diffuse
        ``(H, W, 3)`` linear radiance that left the skin after it had entered, and of everything else.
    specular
        ``(H, W)`` linear radiance that the skin reflected like a mirror, without its colour.
    skin
        ``(H, W)`` share of a pixel that shows skin of the face, in [0, 1].
    box
        Smallest box around the face, hair left out.
    eyes
        Centres of the eyes in pixels, that at the left of the picture first.
    """

    diffuse: Floats
    specular: Floats
    skin: Floats
    box: Box
    eyes: tuple[tuple[float, float], tuple[float, float]]
    _u: Floats = field(repr=False)
    _v: Floats = field(repr=False)
    _window: tuple[int, int, int, int] = field(repr=False)

    @property
    def radiance(self) -> Floats:
        """``(H, W, 3)`` linear: diffuse and specular together."""
        return self.diffuse + self.specular[..., None]

    def spread(self, texture: Floats) -> Floats:
        """Lay a function of the face over the picture.

        Parameters
        ----------
        texture
            ``(N, N)`` over the frame of the face: rows run from forehead to chin, columns from left to right.

        Returns
        -------
        ``(H, W)``; 0 outside the face.
        """
        import cv2

        size = len(texture) - 1
        half = np.float32(0.5 * size)
        u, v = (self._u + 1) * half, (self._v + 1) * half
        x0, y0, x1, y1 = self._window
        out = np.zeros(self.skin.shape, np.float32)
        out[y0:y1, x0:x1] = cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return out * (self.skin > 0)


class Face:
    """A person before a background, to be drawn as often as there are frames.

    Parameters
    ----------
    features
        Shape and colours of the face.
    skin
        Its skin.
    seed
        Of the texture of skin and background.
    """

    def __init__(self, features: Features, skin: Skin, seed: int) -> None:
        self.features, self.skin, self.seed = features, skin, seed
        self._paint = Paint(features, skin.albedo, seed)
        self._backgrounds: dict[tuple[int, int], Floats] = {}

    @staticmethod
    def random(rng: np.random.Generator) -> Face:
        """Draw a person."""
        return Face(Features.random(rng), Skin.random(rng), int(rng.integers(2**31)))

    def render(
        self,
        size: tuple[int, int],
        *,
        pose: Pose | None = None,
        light: Light | None = None,
        expression: Expression | None = None,
    ) -> Rendered:
        """Draw the face.

        Parameters
        ----------
        size
            Height and width of the picture in pixels.
        pose, light, expression
            Of this picture; by default those of a portrait.
        """
        pose, light, expression = pose or Pose(), light or Light(), expression or Expression()
        height, width = size
        diffuse = self._background(size) * np.asarray(light.colour, np.float32)
        skin = np.zeros(size, np.float32)
        specular = np.zeros(size, np.float32)
        self._paint.body(diffuse, pose, light.ambient, light.direction)
        unit = pose.scale * height
        centre = np.array([pose.x * width, pose.y * height])
        reach = 1.12 * unit
        x0, y0 = (max(0, int(np.floor(c - reach))) for c in centre)
        x1 = min(width, int(np.ceil(centre[0] + reach)) + 1)
        y1 = min(height, int(np.ceil(centre[1] + reach)) + 1)
        half_width = self.features.width
        if x0 >= x1 or y0 >= y1:
            empty = np.zeros((0, 0), np.float32)
            return Rendered(
                diffuse, specular, skin, (*centre, 0.0, 0.0), (tuple(centre),) * 2, empty, empty, (0, 0, 0, 0)
            )
        u, v, normal, cover, front = _ellipsoid((x0, y0, x1, y1), centre, unit, pose, half_width)
        colours, is_skin = self._paint.sample(u, v, expression)
        towards = light.direction
        facing = normal[0] * towards[0] + normal[1] * towards[1] + normal[2] * towards[2]
        lit = np.maximum(facing + _SOFTNESS, 0) / np.float32(1 + _SOFTNESS)
        shade = np.float32(light.ambient) + np.float32(1.25 * (1 - light.ambient)) * lit
        window = (slice(y0, y1), slice(x0, x1))
        alpha = cover[..., None]
        colours = colours * shade[..., None] * np.asarray(light.colour, np.float32)
        diffuse[window] = diffuse[window] * (1 - alpha) + colours * alpha
        skin[window] = cover * is_skin * front
        # Blinn and Phong's highlight; the half vector between lamp and camera.
        halfway = towards + np.array([0, 0, 1], np.float32)
        halfway /= np.linalg.norm(halfway)
        mirrored = np.maximum(normal[0] * halfway[0] + normal[1] * halfway[1] + normal[2] * halfway[2], 0)
        specular[window] = light.gloss * mirrored**24 * skin[window]
        return Rendered(
            diffuse,
            specular,
            skin,
            _box(centre, unit, pose, half_width),
            self._eyes(centre, unit, pose),
            u,
            v,
            (x0, y0, x1, y1),
        )

    def _background(self, size: tuple[int, int]) -> Floats:
        if size not in self._backgrounds:
            self._backgrounds[size] = room(size, self.seed)
        return self._backgrounds[size].copy()

    def _eyes(
        self, centre: NDArray[np.float64], unit: float, pose: Pose
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        found = []
        for side in (-1, 1):
            x, y = side * self.features.eye_distance, self.features.eye_height
            inside = 1 - (x / self.features.width) ** 2 - y**2
            point = pose.rotation @ np.array([x, y, _DEPTH * np.sqrt(max(inside, 0.0))])
            found.append(tuple(float(c) for c in centre + unit * (_turned(pose.roll) @ point[:2])))
        return found[0], found[1]  # type: ignore[return-value]


def _turned(angle: float) -> NDArray[np.float64]:
    s, c = np.sin(angle), np.cos(angle)
    return np.array([[c, -s], [s, c]])


def _ellipsoid(
    window: tuple[int, int, int, int], centre: NDArray[np.float64], unit: float, pose: Pose, half_width: float
) -> tuple[Floats, Floats, tuple[Floats, Floats, Floats], Floats, Floats]:
    """Meet the head along each pixel's ray.

    Returns texture coordinates in [-1, 1], unit normals of the camera, the covered share of each pixel and whether its
    front is seen.
    """
    x0, y0, x1, y1 = window
    back = _turned(-pose.roll) / unit
    px = np.arange(x0, x1, dtype=np.float32)[None] - np.float32(centre[0])
    py = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(centre[1])
    x = np.float32(back[0, 0]) * px + np.float32(back[0, 1]) * py
    y = np.float32(back[1, 0]) * px + np.float32(back[1, 1]) * py
    axes = np.array([half_width, 1.0, _DEPTH])
    turned = pose.rotation
    inverse = (turned.T / axes[:, None]).astype(np.float32)
    # |u + z v| = 1 for the point (x, y, z) of the camera in units of the ellipsoid's axes.
    ux, uy, uz = (inverse[k, 0] * x + inverse[k, 1] * y for k in range(3))
    vx, vy, vz = (float(inverse[k, 2]) for k in range(3))
    length = vx * vx + vy * vy + vz * vz
    along = ux * vx + uy * vy + uz * vz
    root = along * along - length * (ux * ux + uy * uy + uz * uz - 1)
    # The discriminant falls from 1 at the centre to 0 at the rim: about 2 (distance to the rim).
    cover = np.clip(root * np.float32(0.5 * unit / length) + 0.5, 0, 1)
    z = (np.sqrt(np.maximum(root, 0)) - along) / length
    qx, qy, qz = ux + z * vx, uy + z * vy, uz + z * vz
    gx, gy, gz = (qx / axes[0], qy / axes[1], qz / axes[2])
    a = turned.astype(np.float32)
    nx, ny, nz = (a[k, 0] * gx + a[k, 1] * gy + a[k, 2] * gz for k in range(3))
    scale = 1 / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-9))
    # The lamp is fixed in the picture, so the normals are rolled with the head.
    s, c = np.float32(np.sin(pose.roll)), np.float32(np.cos(pose.roll))
    normal = ((c * nx - s * ny) * scale, (s * nx + c * ny) * scale, nz * scale)
    return (
        qx.astype(np.float32),
        qy.astype(np.float32),
        normal,
        cover.astype(np.float32),
        np.clip(8 * qz + 0.2, 0, 1).astype(np.float32),
    )


def _box(centre: NDArray[np.float64], unit: float, pose: Pose, half_width: float) -> Box:
    axes = np.array([half_width, 1.0, _DEPTH])
    across = np.eye(3)
    across[:2, :2] = _turned(pose.roll)
    # Half extents of an ellipsoid are the norms of the rows of its matrix.
    extent = unit * np.linalg.norm((across @ pose.rotation) * axes, axis=1)[:2]
    left, top = centre - extent
    return float(left), float(top), float(2 * extent[0]), float(2 * extent[1])


TEXTURE = TEXTURE_SIZE
"""Rows and columns of the painted texture."""
