"""Segmentations as COCO has them: a list of results, and the document of pictures and categories that it refers to.

``COCO("dataset.json").loadRes("predictions.json")`` of the COCO API reads both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.fewshot_seg.values import Mask
from vision_cli.io.pictures.rle import compress_counts, mask_counts


@dataclass(frozen=True)
class CocoPicture:
    """A picture of a document: name, height and width in pixels; its number is its place, from 1."""

    name: str
    height: int
    width: int


def coco_result(picture_id: int, category_id: int, mask: Mask, score: float) -> dict[str, object] | None:
    """Return an entry of a list of results; None of an empty mask, which COCO has no box for.

    Parameters
    ----------
    picture_id, category_id
        Numbers in the document of `coco_dataset`.
    mask
        ``(H, W)`` bool, of the size of the picture.
    score
        0 to 1.
    """
    if not mask.any():
        return None
    return {
        "image_id": picture_id,
        "category_id": category_id,
        "segmentation": mask_document(mask),
        "bbox": mask_box(mask),
        "area": int(np.count_nonzero(mask)),
        "score": float(score),
    }


def mask_document(mask: Mask) -> dict[str, object]:
    """Return a mask as COCO's compressed run lengths, ``size`` and ``counts``."""
    return {"size": [int(mask.shape[0]), int(mask.shape[1])], "counts": compress_counts(mask_counts(mask))}


def mask_box(mask: Mask) -> list[int]:
    """Return ``x y width height`` of a mask in pixels; zeros of an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return [0, 0, 0, 0]
    x, y = int(columns[0]), int(rows[0])
    return [x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y]


def coco_dataset(
    pictures: Sequence[CocoPicture], categories: Sequence[str], truths: Sequence[dict[str, object]] = ()
) -> dict[str, object]:
    """Return the document of pictures and categories, both numbered from 1 in their order.

    Parameters
    ----------
    pictures
        The pictures.
    categories
        Names of the classes.
    truths
        Entries such as those of `coco_result`, of the true masks, where they are known.
    """
    annotations = [
        {**{key: value for key, value in truth.items() if key != "score"}, "id": number, "iscrowd": 0}
        for number, truth in enumerate(truths, 1)
    ]
    return {
        "info": {"description": "vcli fewshot-seg"},
        "images": [
            {"id": number, "file_name": picture.name, "height": picture.height, "width": picture.width}
            for number, picture in enumerate(pictures, 1)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(categories, 1)],
        "annotations": annotations,
    }
