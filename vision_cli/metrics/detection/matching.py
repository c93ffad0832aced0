"""Which detections hit an object: computed once, kept for every resample of the images.

The rules are those of COCO (pycocotools 2, ``COCOeval.evaluateImg``) and of PASCAL VOC (devkit, ``VOCevaldet``).
Boxes are ``x1 y1 x2 y2`` in pixels, ends excluded, so the width is ``x2 - x1``: VOC's own code adds a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COCO_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
SMALL, MEDIUM, LARGE = (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10)
"""Areas of COCO's small, medium and large objects, in square pixels; both ends are included."""

_MOST_OVERLAP = 1 - 1e-10
"""A threshold of 1 is met by boxes that are the same to this."""


class Truth(Protocol):
    """Annotated objects of an image: corners ``(N, 4)``, labels ``(N,)``, and what is neither hit nor missed."""

    @property
    def corners(self) -> NDArray[np.float32]: ...  # noqa: D102

    @property
    def labels(self) -> NDArray[np.int64]: ...  # noqa: D102

    @property
    def ignored(self) -> NDArray[np.bool_]: ...  # noqa: D102

    @property
    def crowds(self) -> NDArray[np.bool_] | None: ...  # noqa: D102

    @property
    def areas(self) -> NDArray[np.float64] | None: ...  # noqa: D102


class Found(Protocol):
    """Detections of an image: corners ``(D, 4)``, scores ``(D,)``, labels ``(D,)``."""

    @property
    def corners(self) -> NDArray[np.float32]: ...  # noqa: D102

    @property
    def scores(self) -> NDArray[np.float32]: ...  # noqa: D102

    @property
    def labels(self) -> NDArray[np.int64]: ...  # noqa: D102


@dataclass(frozen=True)
class ClassMatches:
    """Detections of one class over all images, the highest score first; of one score, those of the first image.

    Attributes
    ----------
    images
        ``(D,)`` int64: the image of each.
    scores
        ``(D,)``.
    hits
        ``(T, D)`` bool: whether it hits an object at each threshold.
    ignored
        ``(T, D)`` bool: whether it counts for nothing.
    positives
        ``(I,)`` int64: objects of each image that are to be found.
    """

    images: NDArray[np.int64]
    scores: Floats
    hits: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    positives: NDArray[np.int64]


@dataclass(frozen=True)
class Matches:
    """Matches of all classes.

    Attributes
    ----------
    classes
        One entry a class.
    thresholds
        ``(T,)`` IoU.
    images
        How many images there are.
    """

    classes: tuple[ClassMatches, ...]
    thresholds: Floats
    images: int


@dataclass(frozen=True)
class _Objects:
    """Objects of one class in one image; those that count first."""

    corners: Floats
    crowds: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    reusable: NDArray[np.bool_]
    places: NDArray[np.int64]


def match(
    truths: Sequence[Truth],
    found: Sequence[Found],
    class_count: int,
    *,
    thresholds: Sequence[float] = COCO_THRESHOLDS,
    area: tuple[float, float] | None = None,
    most: int = 100,
) -> Matches:
    """Match the detections of each image to its objects by the rules of COCO.

    Of each image and class the ``most`` highest scores are taken, highest first. A detection takes the free object
    with which it overlaps most, objects that count before those that do not. One that overlaps only with ignored
    objects counts for nothing; so does one outside the range of areas that hits none.

    Parameters
    ----------
    truths, found
        One entry an image.
    class_count
        Labels are 0 to this, excluded.
    thresholds
        Least IoU of a hit.
    area
        Least and greatest area, in square pixels, of the objects that count.
    most
        Detections of an image and class at most.

    Returns
    -------
    Matches
        For `vision_cli.metrics.detection.average_precision`.

    Raises
    ------
    ValueError
        If the numbers of images differ, or a label is no class.
    """
    _require_images(truths, found, class_count)
    levels = np.asarray(thresholds, dtype=np.float64)
    bounds = (0.0, math.inf) if area is None else area
    collected = [_Collector(len(levels)) for _ in range(class_count)]
    positives = np.zeros((class_count, len(truths)), dtype=np.int64)
    for image, (truth, boxes) in enumerate(zip(truths, found, strict=True)):
        for label in np.union1d(truth.labels, boxes.labels).tolist():
            objects = _objects(truth, label, bounds)
            positives[label, image] = np.count_nonzero(~objects.ignored)
            chosen = _highest(boxes, label, most)
            if not len(chosen):
                continue
            corners = boxes.corners[chosen].astype(np.float64)
            taken = _assign(corners, objects, levels)
            hits = taken >= 0
            ignored = np.zeros_like(hits)
            if len(objects.places):
                ignored[hits] = objects.ignored[taken[hits]]
            size = _areas(corners)
            ignored |= ~hits & ((size < bounds[0]) | (size > bounds[1]))
            collected[label].add(image, boxes.scores[chosen], hits & ~ignored, ignored)
    classes = tuple(one.finish(positives[label]) for label, one in enumerate(collected))
    return Matches(classes, levels, len(truths))


def match_voc(truths: Sequence[Truth], found: Sequence[Found], class_count: int, *, threshold: float = 0.5) -> Matches:
    """Match by the rules of PASCAL VOC: a detection stands for the object that it overlaps with most, taken or not.

    A second detection of one object is false, even if it overlaps with another object too; one of an object marked
    difficult counts for nothing. Parameters and errors are those of `match`.
    """
    _require_images(truths, found, class_count)
    collected = [_Collector(1) for _ in range(class_count)]
    positives = np.zeros((class_count, len(truths)), dtype=np.int64)
    for image, (truth, boxes) in enumerate(zip(truths, found, strict=True)):
        for label in np.union1d(truth.labels, boxes.labels).tolist():
            objects = _objects(truth, label, (0.0, math.inf))
            positives[label, image] = np.count_nonzero(~objects.ignored)
            chosen = _highest(boxes, label, len(boxes.scores))
            hits = np.zeros((1, len(chosen)), dtype=bool)
            ignored = np.zeros_like(hits)
            if len(chosen) and len(objects.places):
                overlaps = box_iou(boxes.corners[chosen].astype(np.float64), objects.corners)
                best = overlaps.argmax(axis=1)
                over = overlaps[np.arange(len(chosen)), best] >= threshold
                ignored[0] = over & objects.ignored[best]
                _, first = np.unique(np.where(over, best, -1), return_index=True)
                hits[0, first] = True
                hits[0] &= over & ~ignored[0]
            if len(chosen):
                collected[label].add(image, boxes.scores[chosen], hits, ignored)
    classes = tuple(one.finish(positives[label]) for label, one in enumerate(collected))
    return Matches(classes, np.array([threshold]), len(truths))


def assign(truth: Truth, boxes: Found, *, threshold: float = 0.5) -> NDArray[np.int64]:
    """Return for each detection of an image the position of the object that it hits, -1 for none, ``(D,)``."""
    hit = np.full(len(boxes.scores), -1, dtype=np.int64)
    for label in np.unique(boxes.labels).tolist():
        objects = _objects(truth, label, (0.0, math.inf))
        chosen = _highest(boxes, label, len(boxes.scores))
        taken = _assign(boxes.corners[chosen].astype(np.float64), objects, np.array([threshold]))[0]
        hit[chosen[taken >= 0]] = objects.places[taken[taken >= 0]]
    return hit


def object_scores(truth: Truth, boxes: Found, *, threshold: float = 0.5) -> NDArray[np.float64]:
    """Return the score of the detection that hits each object, 0 for one that is missed, NaN for one ignored, ``(N,)``.

    Their mean over an image says how surely its objects are found, where the image has any.
    """
    scores = np.where(truth.ignored, np.nan, 0.0)
    hit = assign(truth, boxes, threshold=threshold)
    for place in np.flatnonzero(hit >= 0):
        if not truth.ignored[hit[place]]:
            scores[hit[place]] = boxes.scores[place]
    return scores


def box_iou(first: Floats, second: Floats, crowds: NDArray[np.bool_] | None = None) -> Floats:
    """Compute the intersection over union of boxes, ``(A, 4)`` and ``(B, 4)`` to ``(A, B)``.

    Over the area of the first alone where the second is a crowd; 0 for boxes without area.
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    own, other = _areas(first)[:, None], _areas(second)[None]
    union = own + other - common
    if crowds is not None:
        union = np.where(crowds[None], own, union)
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=(common > 0) & (union > 0)))


class _Collector:
    """Detections of one class, image by image."""

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._images: list[int] = []
        self._scores: list[NDArray[np.float32]] = []
        self._hits: list[NDArray[np.bool_]] = []
        self._ignored: list[NDArray[np.bool_]] = []

    def add(self, image: int, scores: NDArray[np.float32], hits: NDArray[np.bool_], ignored: NDArray[np.bool_]) -> None:
        self._images += [image] * len(scores)
        self._scores.append(scores)
        self._hits.append(hits)
        self._ignored.append(ignored)

    def finish(self, positives: NDArray[np.int64]) -> ClassMatches:
        empty = np.zeros((self._levels, 0), dtype=bool)
        scores = np.concatenate([np.zeros(0), *self._scores])
        order = np.argsort(-scores, kind="stable")
        return ClassMatches(
            np.asarray(self._images, dtype=np.int64)[order],
            scores[order],
            np.concatenate([empty, *self._hits], axis=1)[:, order],
            np.concatenate([empty, *self._ignored], axis=1)[:, order],
            positives,
        )


def _assign(corners: Floats, objects: _Objects, levels: Floats) -> NDArray[np.int64]:
    """Give each detection, highest score first, the object that it takes at each threshold, ``(T, D)``; -1 for none."""
    taken = np.full((len(levels), len(corners)), -1, dtype=np.int64)
    if not len(objects.places) or not len(corners):
        return taken
    least = np.minimum(levels, _MOST_OVERLAP)
    overlaps = box_iou(corners, objects.corners, objects.crowds)
    free = np.ones((len(levels), len(objects.places)), dtype=bool)
    counting = int(np.count_nonzero(~objects.ignored))
    rows = np.arange(len(levels))
    for place in np.flatnonzero(overlaps.max(axis=1) >= least.min()):
        row = overlaps[place]
        fits = np.where((free | objects.reusable) & (row >= least[:, None]), row, -1.0)
        best = _last_best(fits[:, :counting])
        second = _last_best(fits[:, counting:])
        best = np.where(best >= 0, best, np.where(second >= 0, second + counting, -1))
        taken[:, place] = best
        hit = best >= 0
        free[rows[hit], best[hit]] = False
    return taken


def _last_best(fits: Floats) -> NDArray[np.int64]:
    """Return the position of the greatest entry of each row, the last of equals; -1 where all are negative."""
    if not fits.shape[1]:
        return np.full(len(fits), -1, dtype=np.int64)
    place = fits.shape[1] - 1 - fits[:, ::-1].argmax(axis=1)
    return np.where(fits[np.arange(len(fits)), place] >= 0, place, -1)


def _objects(truth: Truth, label: int, bounds: tuple[float, float]) -> _Objects:
    places = np.flatnonzero(truth.labels == label)
    corners = truth.corners[places].astype(np.float64)
    marked = truth.ignored[places]
    crowds = np.zeros(len(places), bool) if truth.crowds is None else truth.crowds[places]
    sizes = _areas(corners) if truth.areas is None else truth.areas[places]
    ignored = marked | (sizes < bounds[0]) | (sizes > bounds[1])
    order = np.argsort(ignored, kind="stable")
    # A crowd, or an object marked difficult, may be hit again and again; one of another size once.
    return _Objects(corners[order], crowds[order], ignored[order], (crowds | marked)[order], places[order])


def _highest(boxes: Found, label: int, most: int) -> NDArray[np.int64]:
    chosen = np.flatnonzero(boxes.labels == label)
    return chosen[np.argsort(-boxes.scores[chosen], kind="stable")[:most]]


def _areas(corners: Floats) -> Floats:
    return np.asarray((corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]), dtype=np.float64)


def _require_images(truths: Sequence[Truth], found: Sequence[Found], class_count: int) -> None:
    if len(truths) != len(found):
        raise ValueError(f"objects of {len(truths)} images and detections of {len(found)}; the same number expected")
    for labels in [*(truth.labels for truth in truths), *(boxes.labels for boxes in found)]:
        if len(labels) and not 0 <= labels.min() <= labels.max() < class_count:
            raise ValueError(f"labels {labels.min()} to {labels.max()}; 0 to {class_count - 1} expected")
