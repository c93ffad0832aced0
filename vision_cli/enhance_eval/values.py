"""What travels between the rooms of enhance-eval: pictures, boxes, labels, data sets, predictions.

A picture is ``(H, W, 3)`` float32, RGB, sRGB-encoded, within [0, 1]; where a name says ``linear`` the values are
proportional to light instead. Boxes are ``(N, 4)`` float32 ``x1 y1 x2 y2`` in pixels, the upper left corner of the
upper left pixel at (0, 0), the lower right ends excluded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


class Source(Protocol):
    """Where a picture comes from: a file, or a generator. Nothing is read before it is asked for."""

    def read(self) -> Picture:
        """Return the picture, sRGB-encoded."""
        ...

    def read_linear(self) -> Picture:
        """Return its light, 1 the white of sRGB; above 1 where the source holds more than a display shows."""
        ...


@dataclass(frozen=True)
class Boxes:
    """Annotated objects of a picture.

    Attributes
    ----------
    corners
        ``(N, 4)``, pixels.
    labels
        ``(N,)`` int64, positions in the data set's ``classes``.
    ignored
        ``(N,)`` bool: crowds and objects marked difficult, which are neither hit nor missed.
    crowds
        ``(N,)`` bool: those of them that stand for a group, as COCO's ``iscrowd``; None where there are none.
    areas
        ``(N,)``, square pixels, by which objects are small, medium or large; None where these are the boxes' own.
    """

    corners: NDArray[np.float32]
    labels: NDArray[np.int64]
    ignored: NDArray[np.bool_]
    crowds: NDArray[np.bool_] | None = None
    areas: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Detections:
    """What a detector found: corners ``(N, 4)`` in pixels, scores ``(N,)``, labels ``(N,)``, highest score first."""

    corners: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """A picture of a data set with what is known about it.

    Attributes
    ----------
    name
        Unique in the data set; the path below its folder with ``/``, without the ending where that stays unique.
    source
        The picture as the data set has it.
    reference
        Its well-exposed partner, if the data set has one.
    boxes
        Annotated objects, if the data set has them.
    label
        Position of its class in the data set's ``classes``, if it has one.
    attributes
        Further facts to divide by, such as ``{"light": "Low", "place": "Indoor"}``.
    """

    name: str
    source: Source
    reference: Source | None = None
    boxes: Boxes | None = None
    label: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Samples of one layout.

    Attributes
    ----------
    layout
        Name of the layout it was read as, such as ``exdark``.
    samples
        In the order of their names.
    classes
        Names that the labels point to; empty where there are none.
    notes
        What was left out or mapped, one sentence each, with counts.
    enhanced
        Sibling folders that hold the same pictures enhanced, by method name (ExDark as VOC has them).
    """

    layout: str
    samples: Sequence[Sample]
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    enhanced: Mapping[str, str] = field(default_factory=dict)


class Detector(Protocol):
    """Finds objects in pictures."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names that its labels point to."""
        ...

    def detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        """Return what each picture holds, all scores above the detector's floor (AP needs the low ones)."""
        ...


class Classifier(Protocol):
    """Names what a picture shows."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of its probabilities."""
        ...

    def classify(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return probabilities ``(B, C)``."""
        ...


class Method(Protocol):
    """An enhancer."""

    @property
    def name(self) -> str:
        """Its name in tables."""
        ...

    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        """Return the enhanced picture, of the same shape.

        ``reference`` is given to the two controls that may see it (``oracle-exposure``, ``reference``) alone.
        """
        ...
