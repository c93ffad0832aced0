"""Task models of anyone's Python function: ``py:package.module:function``.

The function takes a picture ``(H, W, 3)``, float32 RGB within [0, 1]. A detector returns boxes ``(N, 4)``
``x1 y1 x2 y2`` in pixels, scores ``(N,)`` and labels ``(N,)``; a classifier probabilities or logits ``(C,)``. Its names
of classes are its attribute ``classes``, or a file given with ``labels=``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, MissingError, UsageError
from vision_cli.enhance_eval.pipeline.tasks.onnx_models import probabilities
from vision_cli.enhance_eval.pipeline.tasks.specs import TaskSpec, read_labels
from vision_cli.enhance_eval.values import Detections, Picture


@dataclass(frozen=True)
class FunctionModel:
    """A detector or classifier of a function; see `vision_cli.enhance_eval.values`.

    Attributes
    ----------
    text
        As it was typed.
    classes
        Their names.
    """

    text: str
    classes: tuple[str, ...]
    _function: Callable[[Picture], Any]

    def detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        """Return what each picture holds.

        Raises
        ------
        InputError
            If the function raises, or returns no detections.
        """
        return [self._detect(picture) for picture in pictures]

    def classify(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return probabilities ``(B, C)``.

        Raises
        ------
        InputError
            If the function raises, or returns no number a class.
        """
        rows = []
        for picture in pictures:
            values = np.asarray(self._call(picture), dtype=np.float64).reshape(-1)
            if len(values) != len(self.classes) or not np.isfinite(values).all():
                raise InputError(f"{self.text}: {len(values)} numbers; {len(self.classes)} finite ones expected.")
            rows.append(probabilities(values))
        return np.stack(rows) if rows else np.zeros((0, len(self.classes)), dtype=np.float32)

    def _detect(self, picture: Picture) -> Detections:
        result = self._call(picture)
        try:
            boxes, values, numbers = result
            corners = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
            scores = np.asarray(values, dtype=np.float32).reshape(-1)
            labels = np.asarray(numbers, dtype=np.int64).reshape(-1)
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.text}: {error}; boxes (N, 4), scores (N,) and labels (N,) expected.") from error
        known = not len(labels) or 0 <= labels.min() <= labels.max() < len(self.classes)
        if not len(corners) == len(scores) == len(labels) or not known:
            raise InputError(
                f"{self.text}: {len(corners)} boxes, {len(scores)} scores, labels {labels[:5].tolist()}; as many of "
                f"each, and labels 0 to {len(self.classes) - 1}, expected."
            )
        if not (np.isfinite(corners).all() and np.isfinite(scores).all()):
            raise InputError(f"{self.text}: a box or score that is not finite.")
        order = np.argsort(-scores, kind="stable")
        return Detections(corners[order], scores[order], labels[order])

    def _call(self, picture: Picture) -> Any:
        try:
            return self._function(picture.copy())
        except Exception as error:
            raise InputError(f"{self.text}: it raised {type(error).__name__}: {error}") from error


def open_function(spec: TaskSpec) -> FunctionModel:
    """Open a function: ``py:package.module:function[:labels=FILE]``.

    Raises
    ------
    MissingError
        If its module or the function is not there.
    UsageError
        If its classes have no names.
    """
    options = spec.take("labels")
    module, separator, name = spec.target.partition(":")
    if not (separator and name.isidentifier()):
        raise UsageError(f"{spec.text}: no function; py:package.module:function expected.")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise MissingError(
            f"{spec.text}: {error}.", hint="Start in the folder of the module, or install its package."
        ) from error
    finally:
        sys.path.remove(here)
    classes = read_labels(Path(options["labels"])) if "labels" in options else tuple(getattr(function, "classes", ()))
    if not callable(function) or not classes:
        raise UsageError(
            f"{spec.text}: no names of classes; an attribute `classes` of the function, or labels=FILE, expected."
        )
    return FunctionModel(spec.text, tuple(str(one) for one in classes), function)
