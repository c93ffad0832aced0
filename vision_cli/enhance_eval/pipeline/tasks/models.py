"""A detector or classifier by its words, with the classes of a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, UsageError
from vision_cli.enhance_eval.data.classes import ClassMap, map_classes
from vision_cli.enhance_eval.pipeline.tasks.functions import open_function
from vision_cli.enhance_eval.pipeline.tasks.huggingface import open_huggingface
from vision_cli.enhance_eval.pipeline.tasks.onnx_models import open_onnx_classifier, open_onnx_detector
from vision_cli.enhance_eval.pipeline.tasks.predictions import ReadyDetections
from vision_cli.enhance_eval.pipeline.tasks.specs import TaskSpec, parse_task_spec
from vision_cli.enhance_eval.values import Classifier, Detections, Detector, Picture


@dataclass(frozen=True)
class MappedDetector:
    """A detector whose labels are those of a data set; what it does not have is dropped.

    Attributes
    ----------
    detector
        The detector.
    classes
        Of the data set.
    mapping
        Where the detector's classes stand among them.
    """

    detector: Detector
    classes: tuple[str, ...]
    mapping: ClassMap

    def detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        """Return what each picture holds of the data set's classes."""
        return [found for found, _ in self.detect_counted(pictures)]

    def detect_counted(self, pictures: Sequence[Picture]) -> list[tuple[Detections, int]]:
        """Return what each picture holds of the data set's classes, and how many detections were dropped."""
        return [self.mapping.apply(found) for found in self.detector.detect(pictures)]

    def notes(self) -> tuple[str, ...]:
        """Return what does not map, one sentence each."""
        return mapping_notes(self.mapping)


@dataclass(frozen=True)
class MappedClassifier:
    """A classifier whose classes are those of a data set: the best of its own that stand for each.

    Attributes
    ----------
    classifier
        The classifier.
    classes
        Of the data set.
    mapping
        Where the classifier's classes stand among them.
    """

    classifier: Classifier
    classes: tuple[str, ...]
    mapping: ClassMap

    def classify(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return probabilities ``(B, C)`` over the data set's classes; rows need not add up to 1."""
        own = self.classifier.classify(pictures)
        mapped = np.zeros((len(own), len(self.classes)), dtype=np.float32)
        for place, target in enumerate(self.mapping.positions.tolist()):
            if target >= 0:
                mapped[:, target] = np.maximum(mapped[:, target], own[:, place])
        return mapped

    def notes(self) -> tuple[str, ...]:
        """Return what does not map, one sentence each."""
        return mapping_notes(self.mapping)


def open_detector(
    text: str,
    *,
    builtin: Callable[[], Detector],
    classes: Sequence[str] | None,
    device: str = "cpu",
    threads: int | None = None,
) -> Detector | ReadyDetections:
    """Open a detector by its words, with the classes of a data set.

    Parameters
    ----------
    text
        ``builtin``, ``onnx:FILE:decoder=NAME``, ``hf:DIR``, ``py:package.module:function`` or ``preds:DIR``.
    builtin
        Makes the built-in one, when it is asked for.
    classes
        Of the data set; of the detector's own, what it does not have is dropped. None for the detector's own.
    device, threads
        Where networks compute, and with how many threads.

    Raises
    ------
    UsageError
        If the words name none.
    InputError
        If its files are missing or damaged, or none of its classes is one of the data set.
    MissingError
        If a library or module that it needs is not there.
    """
    spec = parse_task_spec(text)
    model: Detector
    match spec.kind:
        case "preds":
            return _ready(spec, classes or ())
        case "builtin":
            model = builtin()
        case "onnx":
            model = open_onnx_detector(spec, threads=threads)
        case "hf":
            spec.take()
            model = open_huggingface(Path(spec.target), "detection", device=device)
        case "py":
            model = open_function(spec)
    if classes is None or tuple(model.classes) == tuple(classes):
        return model
    return MappedDetector(model, tuple(classes), _mapping(model.classes, classes, text))


def open_classifier(
    text: str,
    *,
    builtin: Callable[[], Classifier],
    classes: Sequence[str],
    device: str = "cpu",
    threads: int | None = None,
) -> Classifier:
    """Open a classifier by its words, with the classes of a data set; as `open_detector`, but for ``preds:``."""
    spec = parse_task_spec(text)
    model: Classifier
    match spec.kind:
        case "builtin":
            model = builtin()
        case "onnx":
            model = open_onnx_classifier(spec, threads=threads)
        case "hf":
            spec.take()
            model = open_huggingface(Path(spec.target), "classification", device=device)
        case "py":
            model = open_function(spec)
        case "preds":
            raise UsageError(f"{text}: ready predictions are those of detectors; another classifier expected.")
    if tuple(model.classes) == tuple(classes):
        return model
    return MappedClassifier(model, tuple(classes), _mapping(model.classes, classes, text))


def mapping_notes(mapping: ClassMap) -> tuple[str, ...]:
    """Return what of two lists of classes does not map, one sentence each."""
    notes = []
    if mapping.unknown:
        notes.append(f"{len(mapping.unknown)} classes of the model are none of the data set and were dropped.")
    if mapping.uncovered:
        notes.append(f"The model does not know {', '.join(mapping.uncovered)}.")
    return tuple(notes)


def _mapping(own: Sequence[str], classes: Sequence[str], text: str) -> ClassMap:
    mapping = map_classes(own, classes)
    if len(mapping.unknown) == len(own):
        raise InputError(
            f"{text}: classes {', '.join(own[:4])}, ...; some of {', '.join(list(classes)[:4])}, ... expected.",
            hint="Choose a model of these classes, or name them with labels=FILE.",
        )
    return mapping


def _ready(spec: TaskSpec, classes: Sequence[str]) -> ReadyDetections:
    options = spec.take("annotations")
    folder = Path(spec.target)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder.", hint="Give the folder that holds the files of detections.")
    annotations = Path(options["annotations"]) if "annotations" in options else None
    return ReadyDetections(folder, tuple(classes), annotations)
