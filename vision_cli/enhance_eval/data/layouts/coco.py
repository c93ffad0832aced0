"""COCO: one JSON file of pictures, categories and boxes, beside folders of pictures.

::

    annotations/instances_val2017.json  val2017/*.jpg       or images/val2017/, images/, or beside the JSON file
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.data.layouts.folders import dataset, make_boxes
from vision_cli.enhance_eval.data.layouts.voc import source_of_size
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.values import Boxes, Dataset, Sample
from vision_cli.io.pictures.coco_files import coco_files, coco_pictures
from vision_cli.io.pictures.folders import Findings, Request, inside
from vision_cli.io.reading import read_json

_PARTS = ("train", "val", "test")
COCO_ID = "coco_id"
"""Attribute of a sample: the number of its picture in the JSON file."""


@dataclass(frozen=True)
class CocoObject:
    """A box ``x y width height`` of an annotation file with its category and score."""

    category: int
    box: tuple[float, float, float, float]
    area: float
    is_crowd: bool
    score: float


@dataclass(frozen=True)
class CocoFile:
    """What a JSON file of COCO holds.

    Attributes
    ----------
    names
        File name by number of the picture.
    sizes
        ``(height, width)`` by number, where the file says it.
    categories
        Name by number, in the order of the numbers.
    objects
        By number of the picture.
    """

    names: Mapping[int, str]
    sizes: Mapping[int, tuple[int, int]]
    categories: Mapping[int, str]
    objects: Mapping[int, tuple[CocoObject, ...]]


def is_coco(root: Path) -> bool:
    """Return whether there is a JSON file of COCO: the path itself, or in ``annotations``, or in the folder."""
    return bool(coco_files(root))


def read_coco(root: Path, request: Request) -> Dataset:
    """Read COCO.

    Raises
    ------
    InputError
        If a JSON file is damaged, or its pictures are nowhere.
    """
    findings = request.findings
    files = coco_files(root)
    if len(files) > 1:
        parts: dict[str, list[Path]] = {}
        for path in files:
            part = next((name for name in _PARTS if name in path.stem.lower()), path.stem)
            parts.setdefault(part, []).append(path)
        files = [path for chosen in request.parts(root, parts).values() for path in chosen]
    else:
        request.no_parts(root)
    if len(files) != 1:
        raise InputError(
            f"{root}: {len(files)} annotation files ({', '.join(path.name for path in files[:4])}); one expected.",
            hint="Give the JSON file itself.",
        )
    (path,) = files
    content = read_coco_file(path)
    folder = coco_pictures(path, list(content.names.values()))
    places = {number: place for place, number in enumerate(content.categories)}
    samples = []
    for number, name in content.names.items():
        picture = inside(folder, name)
        if picture is None or not picture.is_file():
            findings.leave_out(name, f"no such picture in {folder.name}")
            continue
        source = source_of_size(picture, content.sizes.get(number))
        if source is None:
            findings.leave_out(name, "its size is not the annotation's")
            continue
        boxes = _boxes(name, content.objects.get(number, ()), places, findings)
        samples.append(Sample(name, source, boxes=boxes, attributes={COCO_ID: str(number)}))
    return dataset("coco", samples, findings, tuple(content.categories.values()))


def read_coco_annotations(path: Path, findings: Findings) -> Dataset:
    """Read the boxes of a COCO file whose pictures need not be there: each sample's source is its file name.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    content = read_coco_file(path)
    places = {number: place for place, number in enumerate(content.categories)}
    samples = [
        Sample(
            name,
            FileSource(path.parent / name),
            boxes=_boxes(name, content.objects.get(number, ()), places, findings),
            attributes={COCO_ID: str(number)},
        )
        for number, name in content.names.items()
    ]
    return Dataset("coco", samples, tuple(content.categories.values()))


def read_coco_file(path: Path) -> CocoFile:
    """Read a JSON file of COCO; of detections, their scores too.

    Raises
    ------
    InputError
        If it is damaged or of another kind.
    InputTooLarge
        If it does not fit into memory.
    """
    document = read_json(path)
    try:
        if not isinstance(document, dict):
            raise TypeError("a list")
        names = {int(found["id"]): str(found["file_name"]) for found in document["images"]}
        sizes = {
            int(found["id"]): (int(found["height"]), int(found["width"]))
            for found in document["images"]
            if found.get("height") and found.get("width")
        }
        categories = {int(found["id"]): str(found["name"]) for found in document["categories"]}
        objects: dict[int, list[CocoObject]] = {number: [] for number in names}
        for found in document.get("annotations", ()):
            x, y, width, height = (float(value) for value in found["bbox"])
            if not all(math.isfinite(value) for value in (x, y, width, height)):
                raise ValueError("a box that is no number")
            objects[int(found["image_id"])].append(
                CocoObject(
                    int(found["category_id"]),
                    (x, y, width, height),
                    float(found.get("area", width * height)),
                    bool(found.get("iscrowd", 0)),
                    float(found.get("score", 1.0)),
                )
            )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{path}: not a COCO file of boxes ({type(error).__name__}: {error}); images, categories and annotations "
            "with bbox expected.",
            hint="Give the instances_*.json file.",
        ) from error
    ordered = dict(sorted(categories.items()))
    return CocoFile(names, sizes, ordered, {number: tuple(found) for number, found in objects.items()})


def _boxes(name: str, found: tuple[CocoObject, ...], places: Mapping[int, int], findings: Findings) -> Boxes:
    rows, labels, crowds, areas = [], [], [], []
    for one in found:
        if one.category not in places:
            findings.leave_out(f"{name}: {one.category}", "an object of no category")
            continue
        x, y, width, height = one.box
        rows.append((x, y, x + width, y + height))
        labels.append(places[one.category])
        crowds.append(one.is_crowd)
        areas.append(one.area)
    plain = make_boxes(rows, labels, crowds)
    return Boxes(plain.corners, plain.labels, plain.ignored, plain.ignored, np.asarray(areas, dtype=np.float64))
