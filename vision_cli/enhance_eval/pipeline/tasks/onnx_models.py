"""Detectors and classifiers of ONNX files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError, UsageError
from vision_cli.enhance_eval.data.classes import COCO
from vision_cli.enhance_eval.pipeline.tasks.decoders import RECIPES, Candidates, Recipe, to_input
from vision_cli.enhance_eval.pipeline.tasks.placing import Fit, place
from vision_cli.enhance_eval.pipeline.tasks.sessions import Session, open_session
from vision_cli.enhance_eval.pipeline.tasks.specs import TaskSpec, read_labels
from vision_cli.enhance_eval.values import Detections, Picture

_FLOOR = 0.001
"""Least score that is kept, as evaluations of average precision do."""

_MOST_CANDIDATES, _MOST = 3000, 300
"""Boxes that are compared with each other at most, and those that are kept, of the highest scores."""

_CROP = 0.875
"""Share of the shorter side that classifiers of ImageNet are shown: 224 of 256."""

_NORMS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "unit": ((0.0,), (1.0,)),
    "signed": ((0.5,), (0.5,)),
    "byte": ((0.0,), (1 / 255,)),
}


@dataclass(frozen=True)
class OnnxDetector:
    """A detector of an ONNX file; see `vision_cli.enhance_eval.values.Detector`.

    Attributes
    ----------
    session
        The network.
    recipe
        How it is fed and read.
    size
        Height and width of its input.
    classes
        Their names.
    """

    session: Session
    recipe: Recipe
    size: tuple[int, int]
    classes: tuple[str, ...]

    def detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        """Return what each picture holds, scores above 0.001.

        Raises
        ------
        InputError
            If the network's outputs are not those of the decoder, or it has other classes than the names.
        """
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Picture) -> Detections:
        placed, placement = place(picture, self.size, self.recipe.fit)
        found = self.recipe.decode(self.session.run(to_input(placed, self.recipe)), self.size)
        count = found.scores.shape[1]
        if count > len(self.classes) or (count < len(self.classes) and self.recipe.decode is not RECIPES["nms"].decode):
            raise InputError(
                f"{self.session.path}: {count} classes; {len(self.classes)} names of classes given.",
                hint="Give their names, one a line, with labels=FILE.",
            )
        kept = select(found, self.recipe.overlap)
        return replace(kept, corners=placement.to_picture(kept.corners))


@dataclass(frozen=True)
class OnnxClassifier:
    """A classifier of an ONNX file; see `vision_cli.enhance_eval.values.Classifier`.

    Attributes
    ----------
    session
        The network.
    size
        Height and width of its input.
    classes
        Their names.
    fit
        ``stretch``, or ``crop``: the middle of the picture, as networks of ImageNet are tested.
    norm
        ``imagenet`` mean and spread, ``unit`` for 0 to 1, ``signed`` for -1 to 1, ``byte`` for 0 to 255.
    """

    session: Session
    size: tuple[int, int]
    classes: tuple[str, ...]
    fit: str = "crop"
    norm: str = "imagenet"

    def classify(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return probabilities ``(B, C)``; outputs that are none are taken as logits.

        Raises
        ------
        InputError
            If the network gives another number of classes than there are names.
        """
        rows = [self._classify(picture) for picture in pictures]
        return np.stack(rows) if rows else np.zeros((0, len(self.classes)), dtype=np.float32)

    def _classify(self, picture: Picture) -> NDArray[np.float32]:
        shown = middle(picture, self.size) if self.fit == "crop" else picture
        placed, _ = place(shown, self.size, "stretch")
        values = self.session.run(normalised(placed, self.norm))[0].reshape(-1)
        if len(values) != len(self.classes):
            raise InputError(
                f"{self.session.path}: {len(values)} classes; {len(self.classes)} names of classes given.",
                hint="Give their names, one a line, with labels=FILE.",
            )
        return probabilities(values)


def open_onnx_detector(spec: TaskSpec, *, threads: int | None = None) -> OnnxDetector:
    """Open a detector: ``onnx:FILE[:decoder=NAME,labels=FILE,size=WIDTHxHEIGHT,fit=NAME,engine=NAME]``.

    Raises
    ------
    UsageError
        If an option is wrong, or the decoder is missing.
    InputError
        If the file or its labels cannot be used.
    """
    options = spec.take("decoder", "labels", "size", "fit", "engine")
    name = options.get("decoder", "")
    if name not in RECIPES:
        raise UsageError(
            f"{spec.text}: decoder {name or 'none'}; {', '.join(RECIPES)} expected.",
            hint=did_you_mean(name, RECIPES) if name else "Say how its outputs are read: onnx:FILE:decoder=NAME.",
        )
    recipe = RECIPES[name]
    if "fit" in options:
        recipe = replace(recipe, fit=cast(Fit, _choice(spec, "fit", options["fit"], get_args(Fit))))
    session = _session(spec, options, threads)
    classes = read_labels(Path(options["labels"])) if "labels" in options else COCO
    return OnnxDetector(session, recipe, _size(spec, options, session, recipe.size), classes)


def open_onnx_classifier(spec: TaskSpec, *, threads: int | None = None) -> OnnxClassifier:
    """Open a classifier: ``onnx:FILE:labels=FILE[,size=WIDTHxHEIGHT,fit=crop,norm=imagenet,engine=NAME]``.

    Raises
    ------
    UsageError
        If an option is wrong, or the labels are missing.
    InputError
        If the file or its labels cannot be used.
    """
    options = spec.take("labels", "size", "fit", "norm", "engine")
    if "labels" not in options:
        raise UsageError(f"{spec.text}: no names of classes; labels=FILE, one name a line, expected.")
    session = _session(spec, options, threads)
    return OnnxClassifier(
        session,
        _size(spec, options, session, (224, 224)),
        read_labels(Path(options["labels"])),
        _choice(spec, "fit", options.get("fit", "crop"), ("crop", "stretch")),
        _choice(spec, "norm", options.get("norm", "imagenet"), tuple(_NORMS)),
    )


def select(found: Candidates, overlap: float | None) -> Detections:
    """Keep the boxes of the highest scores; of those of a class that overlap more than this, the highest."""
    boxes, labels = np.nonzero(found.scores > _FLOOR)
    scores = found.scores[boxes, labels]
    order = np.argsort(-scores, kind="stable")[:_MOST_CANDIDATES]
    corners, scores, labels = found.corners[boxes[order]], scores[order], labels[order]
    if overlap is not None and len(order):
        import cv2

        # The library sets the classes side by side, which takes coordinates of 0 and more.
        starts = corners[:, :2] - corners.min(axis=0)[:2]
        rows = np.concatenate([starts, corners[:, 2:] - corners[:, :2]], axis=1).tolist()
        kept = cv2.dnn.NMSBoxesBatched(rows, scores.tolist(), labels.tolist(), _FLOOR, overlap)
        # Its own order of equal scores is none that another run has.
        chosen = np.sort(np.asarray(kept, dtype=np.int64).reshape(-1))
        corners, scores, labels = corners[chosen], scores[chosen], labels[chosen]
    return Detections(
        corners[:_MOST].astype(np.float32), scores[:_MOST].astype(np.float32), labels[:_MOST].astype(np.int64)
    )


def middle(picture: Picture, size: tuple[int, int], share: float = _CROP) -> Picture:
    """Return the middle of a picture in the ratio of a size: this share of what fits."""
    height, width = picture.shape[:2]
    one = min(height / size[0], width / size[1]) * share
    rows, columns = max(1, round(size[0] * one)), max(1, round(size[1] * one))
    top, left = (height - rows) // 2, (width - columns) // 2
    return picture[top : top + rows, left : left + columns]


def normalised(picture: Picture, norm: str) -> NDArray[np.float32]:
    """Return a picture as ``(1, 3, H, W)`` in the range of a network; see `OnnxClassifier.norm`."""
    mean, std = _NORMS[norm]
    scaled = (picture - np.asarray(mean)) / np.asarray(std)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], dtype=np.float32)


def probabilities(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return values that are probabilities as they are, others through the softmax."""
    if (values >= 0).all() and abs(float(values.sum()) - 1) < 1e-3:
        return values.astype(np.float32)
    raised = np.exp(values.astype(np.float64) - values.max())
    return np.asarray(raised / raised.sum(), dtype=np.float32)


def _session(spec: TaskSpec, options: dict[str, str], threads: int | None) -> Session:
    engine = _choice(spec, "engine", options.get("engine", "auto"), ("auto", "onnxruntime", "opencv"))
    return open_session(Path(spec.target), threads=threads, engine=engine)


def _size(spec: TaskSpec, options: dict[str, str], session: Session, default: tuple[int, int]) -> tuple[int, int]:
    if "size" not in options:
        return session.size or default
    words = options["size"].lower().split("x")
    if len(words) not in {1, 2} or not all(word.isdigit() and 0 < int(word) < 10_000 for word in words):
        raise UsageError(f"{spec.text}: size {options['size']!r}; width x height in pixels as in 640x480 expected.")
    size = (int(words[-1]), int(words[0]))
    if session.size is not None and session.size != size:
        raise UsageError(
            f"{spec.text}: size {options['size']}; the file takes {session.size[1]}x{session.size[0]} alone."
        )
    return size


def _choice(spec: TaskSpec, name: str, word: str, known: Sequence[str]) -> str:
    if word not in known:
        raise UsageError(f"{spec.text}: {name} {word!r}; {', '.join(known)} expected.", hint=did_you_mean(word, known))
    return word
