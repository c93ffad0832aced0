"""Detections that another program made, in files of COCO's JSON: one file a condition and method.

A file is a whole document (``images``, ``categories``, ``annotations`` with scores), as `detections_document` makes it,
or a list of results, whose numbers of pictures and categories an annotation file explains. In a list without one,
``image_id`` is the name of a picture and ``category_id`` that of a class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.data.classes import map_classes
from vision_cli.enhance_eval.data.layouts.coco import read_coco_file
from vision_cli.enhance_eval.values import Detections, Sample
from vision_cli.io.reading import read_json

_AS_TAKEN = "as-is"

_Row = tuple[int, str, tuple[float, ...], float]
"""Position of the sample, name of the class, box ``x y width height``, score."""


@dataclass(frozen=True)
class ReadyDetections:
    """Files of detections.

    Attributes
    ----------
    folder
        Where they are: ``CONDITION__METHOD.json``, with or without more in front, or ``METHOD.json`` for pictures as
        they are.
    classes
        Of the data set, which the labels point to.
    annotations
        File of COCO that explains the numbers in lists of results; None if there is none.
    """

    folder: Path
    classes: tuple[str, ...]
    annotations: Path | None = None

    def path(self, condition: str, method: str) -> Path:
        """Return the file of a condition and method.

        Raises
        ------
        InputError
            If there is none, or several.
        """
        name = f"{condition}__{method}"
        files = sorted(path for path in self.folder.glob("*.json") if not path.name.startswith("."))
        found = [path for path in files if path.stem == name or path.stem.endswith(f"__{name}")]
        if not found and condition == _AS_TAKEN:
            found = [path for path in files if path.stem == method]
        if len(found) != 1:
            listed = ", ".join(path.name for path in (found or files)[:5])
            raise InputError(
                f"{self.folder}: {len(found)} files of detections for {method} on {condition} ({listed or 'none'}); "
                f"{name}.json expected."
            )
        return found[0]

    def read(self, condition: str, method: str, samples: Sequence[Sample]) -> tuple[list[Detections], int]:
        """Return the detections of samples, and how many were dropped for a class that the data set does not have.

        Raises
        ------
        InputError
            If the file is missing or damaged, or lacks a picture.
        """
        return self.read_file(self.path(condition, method), samples)

    def read_file(self, path: Path, samples: Sequence[Sample]) -> tuple[list[Detections], int]:
        """Return the detections of one file; see `read`, which also names the errors."""
        document = read_json(path)
        if isinstance(document, dict):
            rows = self._of_document(path, samples)
        elif isinstance(document, list):
            rows = self._of_results(path, document, samples)
        else:
            raise InputError(f"{path}: neither a document nor a list of results.")
        names = tuple(dict.fromkeys(name for _, name, _, _ in rows))
        place = dict(zip(names, map_classes(names, self.classes).positions.tolist(), strict=True))
        grouped: dict[int, list[tuple[int, tuple[float, ...], float]]] = {}
        dropped = 0
        for sample, name, box, score in rows:
            if place[name] < 0:
                dropped += 1
            else:
                grouped.setdefault(sample, []).append((place[name], box, score))
        return [_detections(grouped.get(number, [])) for number in range(len(samples))], dropped

    def _of_document(self, path: Path, samples: Sequence[Sample]) -> list[_Row]:
        content = read_coco_file(path)
        find = _finder(samples)
        places = {number: find(name) for number, name in content.names.items()}
        held = set(places.values())
        missing = [sample.name for number, sample in enumerate(samples) if number not in held]
        if missing:
            raise InputError(
                f"{path}: lacks {len(missing)} pictures, such as {missing[0]}; all of the data set expected.",
                hint="Detect on all pictures again, or limit the data set to these.",
            )
        return [
            (place, content.categories[one.category], one.box, one.score)
            for number, objects in content.objects.items()
            if (place := places[number]) is not None
            for one in objects
            if one.category in content.categories
        ]

    def _of_results(self, path: Path, results: list[object], samples: Sequence[Sample]) -> list[_Row]:
        names: Mapping[int, str] = {}
        categories: Mapping[int, str] = {}
        if self.annotations is not None:
            content = read_coco_file(self.annotations)
            names, categories = content.names, content.categories
        find = _finder(samples)
        rows: list[_Row] = []
        for number, result in enumerate(results):
            try:
                if not isinstance(result, dict):
                    raise TypeError("no names and values")
                image, category = result["image_id"], result["category_id"]
                picture = names[image] if isinstance(image, int) else str(image)
                label = categories[category] if isinstance(category, int) else str(category)
                box = tuple(float(value) for value in result["bbox"])
                score = float(result["score"])
                if len(box) != 4 or not np.isfinite([*box, score]).all():
                    raise ValueError("a box or score that is no number")
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"{path}: result {number}: {type(error).__name__}: {error}; image_id, category_id, bbox and score "
                    "expected.",
                    hint="Say what the numbers mean: preds:DIR:annotations=FILE.",
                ) from error
            place = find(picture)
            if place is not None:
                rows.append((place, label, box, score))
        return rows


def detections_document(
    names: Sequence[str], found: Sequence[Detections], classes: Sequence[str]
) -> dict[str, list[dict[str, object]]]:
    """Return detections as a document of COCO that explains its own numbers, for a JSON file."""
    annotations: list[dict[str, object]] = []
    for image, boxes in enumerate(found, 1):
        for corners, score, label in zip(
            boxes.corners.tolist(), boxes.scores.tolist(), boxes.labels.tolist(), strict=True
        ):
            x1, y1, x2, y2 = corners
            box = [x1, y1, x2 - x1, y2 - y1]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": label + 1,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "score": score,
                }
            )
    return {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names, 1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, 1)],
        "annotations": annotations,
    }


def _finder(samples: Sequence[Sample]) -> Callable[[str], int | None]:
    """Return a function from a picture's name to its sample: as it is, without its ending, or its file name alone."""
    whole = {sample.name: number for number, sample in enumerate(samples)}
    shorter: dict[str, set[int]] = {}
    for name, number in whole.items():
        for key in {_stem(name), PurePosixPath(name).name, _stem(PurePosixPath(name).name)}:
            shorter.setdefault(key, set()).add(number)

    def find(name: str) -> int | None:
        for key in (name, _stem(name), PurePosixPath(name).name, _stem(PurePosixPath(name).name)):
            if key in whole:
                return whole[key]
            # A name that two samples share stands for neither.
            if len(found := shorter.get(key, set())) == 1:
                return next(iter(found))
        return None

    return find


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).name else name


def _detections(rows: Sequence[tuple[int, tuple[float, ...], float]]) -> Detections:
    boxes = np.array([box for _, box, _ in rows], dtype=np.float64).reshape(-1, 4)
    scores = np.array([score for *_, score in rows], dtype=np.float32)
    labels = np.array([label for label, *_ in rows], dtype=np.int64)
    order = np.argsort(-scores, kind="stable")
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1).astype(np.float32)
    return Detections(corners[order], scores[order], labels[order])
