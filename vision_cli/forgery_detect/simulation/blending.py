"""Forgeries of a part of a face, with masks: self-blended images, and parts that a generator painted again.

A self-blended image (Shiohara and Yamasaki 2022, section 3) lays a face over itself after changes of colour, frequency
and place that differ between the two: what is left is the seam of any face swap, whatever made the face.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.simulation.camera import Photograph
from vision_cli.forgery_detect.simulation.pixels import Planes, blurred, resized, rounded, sharpened
from vision_cli.forgery_detect.values import Floats, Picture

Mask = NDArray[np.float32]
"""``(N, N)`` in 0 to 1."""

Part = Literal["mouth", "background"]

_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
_FACE_PX = 256
"""Width of the face in the pictures that the constants in pixels are for."""

_FEWEST_POINTS = 8


def self_blend(photograph: Photograph, rng: np.random.Generator) -> tuple[Picture, Mask]:
    """Return a self-blended image of a photograph, and how far each pixel is of the face laid over it."""
    scale = float(photograph.box[2]) / _FACE_PX
    source: Planes = photograph.picture.astype(np.float32)
    target: Planes = photograph.picture.astype(np.float32)
    # One of the two differs from the photograph, as swaps lay a face of another picture over this one.
    if rng.random() < 0.5:
        source = _changed(source, rng, scale)
    else:
        target = _changed(target, rng, scale)
    source_to_target = _placement(photograph.box, rng)
    mask = _deformed(face_mask(photograph), rng, scale)
    source, mask = _warped(source, source_to_target), _warped(mask, source_to_target)
    mask = _softened(mask, rng, scale) * np.float32(rng.choice(_RATIOS))
    blended = mask[..., None] * source + (1 - mask[..., None]) * target
    return rounded(blended), mask


def replace_part(
    photograph: Photograph, painted: Picture, part: Part, rng: np.random.Generator
) -> tuple[Picture, Mask]:
    """Return a photograph with one part from a forgery of it, and the mask of the part.

    Parameters
    ----------
    photograph
        The real picture.
    painted
        ``(M, M, 3)`` forgery of all of it, of any side.
    part
        The mouth, or all but the face.
    rng
        Source of the width of the seam.
    """
    scale = float(photograph.box[2]) / _FACE_PX
    forged = resized(painted, photograph.picture.shape[0]).astype(np.float32)
    if part == "mouth":
        left, top, width, height = photograph.box
        centre = (left + width / 2, top + 0.79 * height)
        axes = (rng.uniform(0.22, 0.32) * width, rng.uniform(0.12, 0.19) * height)
        mask = _ellipse(photograph.picture.shape[0], centre, axes)
    else:
        mask = 1 - face_mask(photograph)
    mask = blurred(mask, rng.uniform(1, 6) * scale)
    blended = mask[..., None] * forged + (1 - mask[..., None]) * photograph.picture
    return rounded(blended), np.clip(mask, 0, 1)


def face_mask(photograph: Photograph) -> Mask:
    """Return the face as 0 and 1: the hull of the landmarks around it, or an ellipse in its box where there are few."""
    import cv2

    side = photograph.picture.shape[0]
    left, top, width, height = photograph.box
    ellipse = _ellipse(side, (left + width / 2, top + 0.56 * height), (0.40 * width, 0.54 * height))
    if photograph.landmarks is None:
        return ellipse
    # Templates also outline hair, neck and shoulders.
    centre, reach = np.array([left + width / 2, top + 0.56 * height]), np.array([0.46 * width, 0.60 * height])
    near = photograph.landmarks[(((photograph.landmarks - centre) / reach) ** 2).sum(axis=1) < 1]
    if len(near) < _FEWEST_POINTS:
        return ellipse
    mask = np.zeros((side, side), np.float32)
    hull = np.asarray(cv2.convexHull(np.rint(near).astype(np.int32)), np.int32)
    return np.asarray(cv2.fillConvexPoly(mask, hull, 1.0), np.float32)


def _ellipse(side: int, centre: tuple[float, float], axes: tuple[float, float]) -> Mask:
    y, x = np.mgrid[:side, :side].astype(np.float32)
    inside = ((x - centre[0]) / axes[0]) ** 2 + ((y - centre[1]) / axes[1]) ** 2 < 1
    return np.asarray(inside, np.float32)


def _changed(planes: Planes, rng: np.random.Generator, scale: float) -> Planes:
    """Return planes of another colour, brightness and contrast, and less or more sharp."""
    import cv2

    values = planes + rng.uniform(-20, 20, 3).astype(np.float32)
    levels = np.clip(values, 0, 255) / np.float32(255)
    hsv = np.asarray(cv2.cvtColor(levels, cv2.COLOR_RGB2HSV), np.float32)
    # The published limits are 0.3 of a level, which changes nothing: hue moves by up to 10 degrees, saturation by 30 %.
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-10, 10)) % 360
    hsv[..., 1] *= np.float32(1 + rng.uniform(-0.3, 0.3))
    values = np.float32(255) * np.asarray(
        cv2.cvtColor(np.clip(hsv, 0, (360, 1, 1)).astype(np.float32), cv2.COLOR_HSV2RGB), np.float32
    )
    contrast, brightness = np.float32(1 + rng.uniform(-0.1, 0.1)), np.float32(255 * rng.uniform(-0.1, 0.1))
    mean = values.mean()
    values = mean + (values - mean) * contrast + brightness
    if rng.random() < 0.5:
        side = planes.shape[0]
        coarse = resized(np.asarray(values, np.float32), side // int(rng.choice([2, 4])))
        return resized(coarse, side)
    return sharpened(values, rng.uniform(0.2, 0.5), 0.8 * scale)


def _placement(box: Floats, rng: np.random.Generator) -> Floats:
    """Return the affine transform of the face that is laid over: moved by up to 3 and 1.5 %, scaled by up to 5 %."""
    size = rng.uniform(0.95, 1.05)
    shift = rng.uniform(-1, 1, 2) * (0.03 * box[2], 0.015 * box[3])
    centre = box[:2] + box[2:] / 2
    return np.concatenate([size * np.eye(2), (centre - size * centre + shift)[:, None]], axis=1)


def _warped(planes: Planes, transform: Floats) -> Planes:
    import cv2

    size = planes.shape[1], planes.shape[0]
    warped = cv2.warpAffine(planes, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, np.float32)


def _deformed(mask: Mask, rng: np.random.Generator, scale: float) -> Mask:
    """Return an elastically deformed mask: strength 50 and smoothness 7 at the size that the constants are for."""
    import cv2

    # Noise of the small size, smoothed there: displacements are as smooth and cost less.
    small = max(8, round(mask.shape[0] / scale))
    fields = [
        resized(50 * blurred(rng.uniform(-1, 1, (small, small)), 7), mask.shape[0]).astype(np.float32)
        * np.float32(scale)
        for _ in range(2)
    ]
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    return np.asarray(cv2.remap(mask, x + fields[0], y + fields[1], cv2.INTER_LINEAR), np.float32)


def _softened(mask: Mask, rng: np.random.Generator, scale: float) -> Mask:
    """Return a mask blurred twice, and cut off in between where it is below 1, so that it ends near its outline."""
    # The published kernels have 5 to 25 taps; this is the width that OpenCV gives to so many.
    inner, outer = 0.35 + 0.15 * rng.uniform(5, 25, 2)
    first = blurred(mask, inner * scale)
    first *= first >= 1 - 1e-3
    second = blurred(first if first.any() else mask, outer * scale)
    return np.asarray(second / max(float(second.max()), 1e-6), np.float32)
