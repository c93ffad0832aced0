"""What the readers of layouts make: boxes of rows, and a data set of samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from vision_cli.enhance_eval.values import Boxes, Dataset, Sample
from vision_cli.io.pictures.folders import Findings


def make_boxes(rows: Iterable[Sequence[float]], labels: Iterable[int], ignored: Iterable[bool] | None = None) -> Boxes:
    """Make boxes of rows ``x1 y1 x2 y2``."""
    corners = np.asarray(list(rows), dtype=np.float32).reshape(-1, 4)
    marks = np.zeros(len(corners), bool) if ignored is None else np.asarray(list(ignored), dtype=bool).reshape(-1)
    return Boxes(corners, np.asarray(list(labels), dtype=np.int64).reshape(-1), marks)


def dataset(layout: str, samples: Sequence[Sample], findings: Findings, classes: Sequence[str] = ()) -> Dataset:
    """Make a data set of samples, in the order of their names."""
    ordered = sorted(samples, key=lambda sample: sample.name)
    return Dataset(layout, tuple(ordered), tuple(classes), findings.sentences())
