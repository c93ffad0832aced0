"""Scores of one picture under every condition and method, and the file that holds them.

One JSON file a picture: it is all that tables, statistics and report are made of, so that they can be made again with
other settings, and so that the parts of a divided run are put together by reading their files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.values import Boxes, Detections

CLEAR, NONE = "clear", "none"
"""The condition of the well-exposed reference itself, and the method that does nothing."""

SCHEMA = 1
_PLACES = {"corners": 2, "scores": 5}


@dataclass(frozen=True)
class Decision:
    """What a classifier said of a picture, or of an object cropped out of it.

    Attributes
    ----------
    truth, predicted
        Positions in the data set's classes.
    margin
        Probability of the true class less the highest of the others.
    """

    truth: int
    predicted: int
    margin: float

    @property
    def is_right(self) -> bool:
        """Whether the true class is the likeliest; of equals none is."""
        return self.margin > 0


@dataclass(frozen=True)
class Cell:
    """A picture under one condition, enhanced by one method.

    Attributes
    ----------
    condition, method
        As they were typed.
    measures
        Quality by name; None where the picture is too small or has no reference for the measure.
    detections
        What the detector found; None where none looked.
    decisions
        What the classifier said; empty where none looked.
    milliseconds
        Of the enhancement.
    error
        Why there is no result; None if there is one.
    """

    condition: str
    method: str
    measures: Mapping[str, float | None] = field(default_factory=dict)
    detections: Detections | None = None
    decisions: Sequence[Decision] = ()
    milliseconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class SampleScores:
    """All cells of a picture, and what is known of it.

    Attributes
    ----------
    name
        Of the sample.
    attributes
        Facts to divide by, from the data set.
    luma, noise
        Mean luma of the input, 0 to 255, and the estimated standard deviation of its noise, by condition.
    boxes
        True objects, or with protocol ``consistency`` those that the detector found in the reference.
    cells
        In the order of conditions, then methods.
    """

    name: str
    attributes: Mapping[str, str]
    luma: Mapping[str, float]
    noise: Mapping[str, float]
    boxes: Boxes | None
    cells: Sequence[Cell]

    @property
    def failed(self) -> list[Cell]:
        """The cells without a result."""
        return [cell for cell in self.cells if cell.error is not None]


def scores_document(scores: SampleScores) -> dict[str, object]:
    """Return the JSON document of a picture's scores; `read_scores` reads it back."""
    return {
        "schema": SCHEMA,
        "name": scores.name,
        "attributes": dict(scores.attributes),
        "luma": _rounded(scores.luma, 3),
        "noise": _rounded(scores.noise, 3),
        "boxes": None if scores.boxes is None else _boxes_document(scores.boxes),
        "cells": [_cell_document(cell) for cell in scores.cells],
    }


def read_scores(path: Path) -> SampleScores:
    """Read the scores of a picture.

    Raises
    ------
    InputError
        If the file is not there, damaged, or of another version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise InputError(f"{path}: scores of schema {document['schema']}; {SCHEMA} expected.")
        return SampleScores(
            document["name"],
            document["attributes"],
            document["luma"],
            document["noise"],
            None if document["boxes"] is None else _boxes(document["boxes"]),
            [_cell(one) for one in document["cells"]],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the scores of a picture ({error}).", hint="Run again with --resume.") from None


def _cell_document(cell: Cell) -> dict[str, object]:
    document: dict[str, object] = {"condition": cell.condition, "method": cell.method}
    if cell.error is not None:
        return document | {"error": cell.error}
    document["measures"] = _rounded(cell.measures, 6)
    if cell.detections is not None:
        document["detections"] = {
            "corners": _listed(cell.detections.corners, "corners"),
            "scores": _listed(cell.detections.scores, "scores"),
            "labels": cell.detections.labels.tolist(),
        }
    if cell.decisions:
        document["decisions"] = [[one.truth, one.predicted, round(one.margin, 6)] for one in cell.decisions]
    return document


def _cell(document: Mapping[str, Any]) -> Cell:
    found = document.get("detections")
    return Cell(
        document["condition"],
        document["method"],
        document.get("measures", {}),
        None
        if found is None
        else Detections(
            np.asarray(found["corners"], np.float32).reshape(-1, 4),
            np.asarray(found["scores"], np.float32),
            np.asarray(found["labels"], np.int64),
        ),
        [Decision(int(truth), int(predicted), float(p)) for truth, predicted, p in document.get("decisions", [])],
        error=document.get("error"),
    )


def _boxes_document(boxes: Boxes) -> dict[str, object]:
    return {
        "corners": _listed(boxes.corners, "corners"),
        "labels": boxes.labels.tolist(),
        "ignored": boxes.ignored.tolist(),
        "crowds": None if boxes.crowds is None else boxes.crowds.tolist(),
        "areas": None if boxes.areas is None else boxes.areas.tolist(),
    }


def _boxes(document: Mapping[str, Any]) -> Boxes:
    crowds, areas = document["crowds"], document["areas"]
    return Boxes(
        np.asarray(document["corners"], np.float32).reshape(-1, 4),
        np.asarray(document["labels"], np.int64),
        np.asarray(document["ignored"], np.bool_),
        None if crowds is None else np.asarray(crowds, np.bool_),
        None if areas is None else np.asarray(areas, np.float64),
    )


def _listed(values: np.ndarray[Any, Any], kind: str) -> list[Any]:
    return np.round(values.astype(np.float64), _PLACES[kind]).tolist()  # type: ignore[no-any-return]


def _rounded(values: Mapping[str, float | None], places: int) -> dict[str, float | None]:
    """Round for the file; what is no number becomes null, as JSON has none."""
    return {
        name: None if value is None or not math.isfinite(value) else round(value, places)
        for name, value in values.items()
    }
