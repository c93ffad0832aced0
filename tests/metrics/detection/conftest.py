"""Random detections, and pycocotools as the oracle."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SIZE = 300


@dataclass(frozen=True)
class Objects:
    corners: np.ndarray
    labels: np.ndarray
    ignored: np.ndarray
    crowds: np.ndarray | None = None
    areas: np.ndarray | None = None


@dataclass(frozen=True)
class Boxes:
    corners: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def _corners(rng, count):
    sides = np.exp(rng.uniform(np.log(6), np.log(200), (count, 2)))
    start = rng.uniform(0, SIZE - 10, (count, 2))
    return np.concatenate([start, start + sides], axis=1).astype(np.float32)


def _scene(seed, images, classes, *, objects=4, false=6, distinct=True):
    """Make objects of random images and detections near them, with false ones, misses and wrong classes."""
    rng = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(images):
        count = int(rng.integers(0, 2 * objects + 1))
        corners, labels = _corners(rng, count), rng.integers(0, classes, count)
        crowds = rng.random(count) < 0.1
        sides = corners[:, 2:] - corners[:, :2]
        areas = sides.astype(np.float64).prod(axis=1) * rng.uniform(0.5, 1, count)
        truths.append(Objects(corners, labels, crowds, crowds, areas))
        copies = rng.integers(0, 3, count)
        near = np.repeat(np.arange(count), copies)
        jitter = rng.normal(0, 0.12, (len(near), 4)) * np.tile(sides[near], 2)
        moved = corners[near] + jitter.astype(np.float32)
        other = _corners(rng, int(rng.integers(0, false)))
        boxes = np.concatenate([moved, other]).astype(np.float32)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        named = np.concatenate([labels[near], rng.integers(0, classes, len(other))]).astype(np.int64)
        wrong = rng.random(len(named)) < 0.1
        named[wrong] = rng.integers(0, classes, int(wrong.sum()))
        scores = rng.random(len(named)).astype(np.float32)
        found.append(Boxes(boxes, scores if distinct else np.round(scores, 1), named))
    return truths, found


def _cocoeval(truths, found, classes, areas=None):
    """Evaluate with pycocotools: the table (T, R, C, area, most) and the twelve figures."""
    images = [{"id": number, "width": SIZE, "height": SIZE} for number in range(1, len(truths) + 1)]
    annotations, results = [], []
    for number, (truth, boxes) in enumerate(zip(truths, found, strict=True), 1):
        sides = truth.corners[:, 2:].astype(float) - truth.corners[:, :2]
        for place, (corner, side) in enumerate(zip(truth.corners.astype(float), sides, strict=True)):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(truth.labels[place]) + 1,
                    "bbox": [*corner[:2], *side],
                    "area": float(side.prod() if truth.areas is None else truth.areas[place]),
                    "iscrowd": int(truth.ignored[place]),
                }
            )
        sides = boxes.corners[:, 2:].astype(float) - boxes.corners[:, :2]
        for place, (corner, side) in enumerate(zip(boxes.corners.astype(float), sides, strict=True)):
            results.append(
                {
                    "image_id": number,
                    "category_id": int(boxes.labels[place]) + 1,
                    "bbox": [*corner[:2], *side],
                    "score": float(boxes.scores[place]),
                }
            )
    categories = [{"id": label + 1, "name": str(label)} for label in range(classes)]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": images, "annotations": annotations, "categories": categories}
        coco.createIndex()
        detected = coco.loadRes(results) if results else COCO()
        if not results:
            detected.dataset = {"images": images, "annotations": [], "categories": categories}
            detected.createIndex()
        evaluation = COCOeval(coco, detected, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.eval["precision"], evaluation.stats


@pytest.fixture(scope="session")
def scene():
    return _scene


@pytest.fixture(scope="session")
def cocoeval():
    return _cocoeval


@pytest.fixture(scope="session")
def with_truth():
    """Give a class of objects, and one of detections."""
    return Objects, Boxes, replace
