"""One scene: a few solids before a wall, under a point light, as linear radiance with boxes, classes and masks.

The wall is the plane z = 0 with a photograph on it; the picture shows x and y from -1 to 1. Light falls off with the
square of the distance, the solids reflect it as matt bodies with a highlight (Blinn, "Models of light reflection for
computer synthesized pictures", SIGGRAPH 1977), and cast soft shadows on the wall: their outline, moved away from the
light. They cast none on each other. A slight blur stands for the lens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.scenes.backdrops import draw_backdrop
from vision_cli.phantoms.scenes.solids import CLASSES, SOLIDS
from vision_cli.phantoms.scenes.tracing import Patch, trace

SIZE = 128
"""Rows and columns of a scene; the sizes of its objects are for this one, and grow with it."""

_MOST = 4
_SIZES = (34, 72)
_OVER_THE_EDGE = 4
_TRIES = 12
_OVERLAP = 0.15
_STRIPED = 0.5
_SHADOW, _SHADOW_SOFTNESS, _SHADOW_REACH = 0.6, 3.0, 0.12
_HIGHLIGHT, _GLOSS = 0.4, 30
_WHITE, _WHITE_PERCENTILE = 0.85, 98
_LENS_PX = 0.5


@dataclass(frozen=True)
class Scene:
    """A scene and its truth.

    Attributes
    ----------
    radiance
        ``(S, S, 3)`` float32, linear RGB; 1 is the white of sRGB, highlights may be brighter.
    boxes
        ``(N, 4)`` float32 ``x1 y1 x2 y2`` in pixels, the extent of what is seen of each object, far ends excluded.
    labels
        ``(N,)`` int64, positions in `vision_cli.phantoms.scenes.CLASSES`.
    instances
        ``(S, S)`` int64, position of the object that a pixel sees, -1 for the wall.
    """

    radiance: NDArray[np.float32]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    instances: NDArray[np.int64]


@dataclass(frozen=True)
class _Place:
    left: int
    top: int
    size: int


def make_scene(rng: np.random.Generator, photos: Sequence[NDArray[np.float32]], *, size: int = SIZE) -> Scene:
    """Return a scene of one to four objects.

    Parameters
    ----------
    rng
        Of everything in it.
    photos
        Photographs to draw the wall from, as `vision_cli.phantoms.scenes.load_photos` gives them.
    size
        Rows and columns.
    """
    wall = draw_backdrop(rng, photos, size)
    lamp = np.array([rng.uniform(-1.2, 1.2), rng.uniform(0.2, 1.4), rng.uniform(0.6, 1.8)], dtype=np.float32)
    places = _draw_places(rng, int(rng.integers(1, _MOST + 1)), size)
    labels = rng.integers(len(CLASSES), size=len(places))
    normals = np.zeros((size, size, 3), dtype=np.float32)
    normals[..., 2] = 1
    reflectance, lit = wall.copy(), np.ones((size, size), dtype=np.float32)
    instances = np.full((size, size), -1, dtype=np.int64)
    for position, (place, label) in enumerate(zip(places, labels, strict=True)):
        patch = trace(SOLIDS[CLASSES[label]], _draw_rotation(rng), place.size)
        rows, columns = patch.rows + place.top, patch.columns + place.left
        lit *= _shadow(rows, columns, place.size, lamp, size)
        inside = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
        at = rows[inside], columns[inside]
        reflectance[at] = _draw_paint(rng, patch)[inside]
        normals[at] = patch.normals[inside]
        instances[at] = position
    lit[instances >= 0] = 1
    radiance = _shade(rng, reflectance, normals, lit, instances >= 0, lamp)
    return Scene(radiance, _extents(instances, len(places)), labels.astype(np.int64), instances)


def _draw_places(rng: np.random.Generator, count: int, size: int) -> list[_Place]:
    """Draw squares that hardly overlap; fewer than ``count`` where there is no room for more."""
    scale = size / SIZE
    least, most, margin = (round(value * scale) for value in (*_SIZES, _OVER_THE_EDGE))
    places: list[_Place] = []
    for _ in range(count):
        for _ in range(_TRIES):
            side = int(rng.integers(least, most))
            left, top = (int(rng.integers(-margin, size - side + margin + 1)) for _ in range(2))
            place = _Place(left, top, side)
            if all(_overlap(place, other) <= _OVERLAP for other in places):
                places.append(place)
                break
    return places


def _overlap(one: _Place, other: _Place) -> float:
    """Return the share of the smaller square that the other one covers."""
    width = min(one.left + one.size, other.left + other.size) - max(one.left, other.left)
    height = min(one.top + one.size, other.top + other.size) - max(one.top, other.top)
    return max(width, 0) * max(height, 0) / min(one.size, other.size) ** 2


def _draw_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw how a solid stands: any side to the front, seen from slightly below to well above, tilted a little."""
    pitch, yaw, roll = rng.uniform(-0.5, 0.9), rng.uniform(0, 2 * np.pi), rng.uniform(-0.35, 0.35)
    (cp, cy, cr), (sp, sy, sr) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    rotation: NDArray[np.float64] = about_x @ about_z @ about_y
    return rotation


def _draw_paint(rng: np.random.Generator, patch: Patch) -> NDArray[np.float32]:
    """Draw the reflectance of an object's pixels, ``(P, 3)``: one colour, or stripes along one of its axes."""
    colour = np.clip(rng.uniform(0.1, 0.8) * np.exp(rng.normal(0, 0.5, 3)), 0.03, 0.95).astype(np.float32)
    paint = np.broadcast_to(colour, (len(patch.rows), 3))
    if rng.random() < _STRIPED:
        axis, frequency = int(rng.integers(3)), rng.uniform(4, 12)
        stripes = np.sign(np.sin(patch.places[:, axis] * np.float32(frequency)))
        paint = paint * (1 + np.float32(0.5) * stripes[:, None])
    return paint


def _shadow(
    rows: NDArray[np.intp], columns: NDArray[np.intp], side: int, lamp: NDArray[np.float32], size: int
) -> NDArray[np.float32]:
    """Return the share of the lamp's light that an object lets through to the wall."""
    import cv2

    reach = side * _SHADOW_REACH
    outline = np.zeros((size, size), dtype=np.float32)
    down, right = rows + round(float(lamp[1]) * reach), columns - round(float(lamp[0]) * reach)
    inside = (down >= 0) & (down < size) & (right >= 0) & (right < size)
    outline[down[inside], right[inside]] = 1
    soft = cv2.GaussianBlur(outline, (0, 0), _SHADOW_SOFTNESS * size / SIZE)
    return 1 - np.float32(_SHADOW) * np.asarray(soft, dtype=np.float32)


def _shade(
    rng: np.random.Generator,
    reflectance: NDArray[np.float32],
    normals: NDArray[np.float32],
    lit: NDArray[np.float32],
    glossy: NDArray[np.bool_],
    lamp: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the radiance, exposed so that nearly all of it is below white."""
    import cv2

    size = len(lit)
    ticks = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    towards = np.empty((size, size, 3), dtype=np.float32)
    towards[..., 0], towards[..., 1], towards[..., 2] = lamp[0] - ticks, (lamp[1] + ticks)[:, None], lamp[2]
    squared = np.einsum("ijk,ijk->ij", towards, towards)
    towards /= np.sqrt(squared)[..., None]
    facing = np.maximum(np.einsum("ijk,ijk->ij", normals, towards), 0)
    direct = facing / (squared + np.float32(0.3)) * np.float32(1.6)
    halfway = towards + np.array([0, 0, 1], dtype=np.float32)
    halfway /= np.sqrt(np.einsum("ijk,ijk->ij", halfway, halfway))[..., None]
    mirrored = np.maximum(np.einsum("ijk,ijk->ij", normals, halfway), 0) ** _GLOSS * glossy * np.float32(_HIGHLIGHT)
    ambient = np.float32(rng.uniform(0.15, 0.5))
    colour = np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    radiance = (reflectance * (ambient + direct * lit)[..., None] + (mirrored * direct)[..., None]) * colour
    blurred = np.asarray(cv2.GaussianBlur(radiance, (0, 0), _LENS_PX), dtype=np.float32)
    return blurred * np.float32(_WHITE / np.percentile(blurred, _WHITE_PERCENTILE))


def _extents(instances: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    """Return the boxes of the objects; each is seen, because objects hardly overlap."""
    boxes = np.zeros((count, 4), dtype=np.float32)
    for position in range(count):
        rows, columns = np.nonzero(instances == position)
        boxes[position] = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return boxes
