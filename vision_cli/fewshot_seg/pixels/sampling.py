"""Which pixels of the supports are learned from, and the augmented copies of a support."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.pixels.sizes import WORKING_SIDE, resize_mask, resize_picture, working_size
from vision_cli.fewshot_seg.values import Floats, Mask, Picture, Support

_FEWEST_FOREGROUND = 0.1
_SCALES = (0.75, 1.0, 1.35)
_SMALLEST_COPY = 20


@dataclass(frozen=True)
class Shown:
    """A support at the size it is worked at.

    Attributes
    ----------
    picture, mask
        As in `Support`.
    known
        Pixels that the support says something about.
    mirrored
        Whether it is a copy that was mirrored left to right.
    """

    picture: Picture
    mask: Mask
    known: Mask
    mirrored: bool = False


@dataclass(frozen=True)
class Pixels:
    """Pixels to learn from.

    Attributes
    ----------
    places
        ``(N,)`` positions in the flattened picture.
    labels
        ``(N,)`` True in the class.
    weights
        ``(N,)`` how many pixels of the picture each stands for, with mean 1.
    """

    places: NDArray[np.intp]
    labels: NDArray[np.bool_]
    weights: Floats


def show(support: Support, side: int = WORKING_SIDE) -> Shown:
    """Return a support at the size it is worked at."""
    size = working_size(support.mask.shape, side)
    mask = resize_mask(support.mask, size)
    known = np.ones(size, np.bool_) if support.ignored is None else ~resize_mask(support.ignored, size)
    # Where a mask is drawn something is known, whatever the resampling of the ignored pixels says.
    return Shown(resize_picture(support.picture, size), mask, known | mask)


def sample_pixels(shown: Shown, rng: np.random.Generator, count: int) -> Pixels:
    """Return at most ``count`` random pixels; at least a tenth of them are of the class, if it has as many."""
    inside = np.flatnonzero(shown.mask & shown.known)
    outside = np.flatnonzero(~shown.mask & shown.known)
    total = max(len(inside) + len(outside), 1)
    wanted = int(np.clip(round(count * len(inside) / total), min(_FEWEST_FOREGROUND * count, len(inside)), count))
    chosen = rng.choice(inside, min(wanted, len(inside)), replace=False)
    others = rng.choice(outside, min(count - wanted, len(outside)), replace=False)
    stands_for = [len(all_) / max(len(some), 1) for all_, some in ((inside, chosen), (outside, others))]
    weights = np.repeat(np.array(stands_for, np.float32), [len(chosen), len(others)])
    labels = np.repeat([True, False], [len(chosen), len(others)])
    mean = np.float32(weights.mean()) if len(weights) else np.float32(1)
    return Pixels(np.concatenate([chosen, others]), labels, weights / mean)


def augmented_copies(shown: Shown, rng: np.random.Generator, count: int) -> Iterator[Shown]:
    """Yield copies that are turned by about 8°, scaled, moved, mirrored, and differ in gamma and colour.

    A copy of a positive support that has lost the class is left out.
    """
    import cv2

    height, width = shown.mask.shape
    for _ in range(count):
        scale, mirrored, angle = float(rng.choice(_SCALES)), rng.random() < 0.5, rng.normal(0, 8)
        across, down = rng.normal(0, 6, 2)
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
        matrix = matrix + np.array([[0, 0, across], [0, 0, down]])
        moved = [
            cv2.warpAffine(values, matrix, (width, height), flags=method, borderMode=cv2.BORDER_REFLECT_101)
            for values, method in (
                (shown.picture, cv2.INTER_LINEAR),
                (shown.mask.view(np.uint8), cv2.INTER_NEAREST),
                (shown.known.view(np.uint8), cv2.INTER_NEAREST),
            )
        ]
        picture, mask, known = (values[:, ::-1] if mirrored else values for values in moved)
        gains = 1 + rng.normal(0, 0.06) + rng.normal(0, 0.02, 3)
        curve = 255 * (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.12))
        table = np.clip(curve[:, None] * gains, 0, 255).astype(np.uint8)[None]
        changed = cv2.LUT(np.ascontiguousarray(picture), table)
        copy = Shown(np.asarray(changed, np.uint8), mask > 0, known > 0, mirrored)
        if not shown.mask.any() or copy.mask.sum() >= _SMALLEST_COPY:
            yield copy
