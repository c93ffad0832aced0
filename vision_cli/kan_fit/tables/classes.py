"""Models of a text target of three classes or more: a network for each class against all others.

The outputs of the networks, limited to [0, 1] and divided by their sum, are the probabilities of the classes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import json_text
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit.tables.data import Column
from vision_cli.kan_fit.tables.files import DESCRIPTION, TableModel, read_model, write_model

FOLDER = "classes"
"""Folder of the models, each in a folder with the number of its class, from 1."""

_KIND = "kan-fit classes"
_LEAST = 1e-3
"""Least output of a network, so that no class is impossible."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ClassesModel:
    """A model of several classes.

    Attributes
    ----------
    target
        Name of the predicted column.
    classes
        Names of the classes.
    models
        The model of each class, 1 for it and 0 for all others.
    """

    target: str
    classes: tuple[str, ...]
    models: tuple[TableModel, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Feature columns of the table."""
        return self.models[0].columns

    def probabilities(self, inputs: Array) -> Array:
        """Return the probability of each class, ``(N, inputs)`` to ``(N, classes)``."""
        return class_probabilities(np.column_stack([model.predict(inputs) for model in self.models]))


def class_probabilities(outputs: Array) -> Array:
    """Return probabilities of sum 1 from the outputs of the networks, ``(N, classes)``."""
    limited = np.clip(outputs, _LEAST, 1)
    return np.asarray(limited / limited.sum(axis=1, keepdims=True))


def write_classes_model(run: Run, model: ClassesModel) -> None:
    """Write the models of the classes, and ``model.json``, into a run."""
    for number, one in enumerate(model.models, 1):
        write_model(run, one, f"{FOLDER}/{number}/")
    document = {"kind": _KIND, "target": model.target, "classes": model.classes}
    run.write_text(DESCRIPTION, json_text(document))


def is_classes_model(path: Path) -> bool:
    """Return whether a model is one of several classes, by its ``model.json``."""
    return _document(path) is not None


def read_classes_model(path: Path) -> ClassesModel:
    """Read a model of several classes from the directory of a fit.

    Raises
    ------
    InputError
        If there is none, or it is damaged.
    """
    document = _document(path)
    names = document.get("classes") if document is not None else None
    if document is None or not isinstance(names, list) or len(names) < 2:
        raise InputError(f"{path}: no model of several classes found.", hint="Fit it again.")
    folder = path if path.is_dir() else path.parent
    models = tuple(read_model(folder / FOLDER / str(number)) for number in range(1, len(names) + 1))
    if any(model.names != models[0].names for model in models):
        raise InputError(f"{path}: its classes have different inputs; the same expected.", hint="Fit it again.")
    return ClassesModel(str(document.get("target")), tuple(map(str, names)), models)


def folders_of(classes: Sequence[str]) -> str:
    """Return in words which folder has the model of which class."""
    return ", ".join(f"{FOLDER}/{number} ({name})" for number, name in enumerate(classes, 1))


def _document(path: Path) -> dict[str, object] | None:
    description = path / DESCRIPTION if path.is_dir() else path
    try:
        document = json.loads(description.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and document.get("kind") == _KIND else None
