"""What travels between the rooms of fewshot-seg: supports, what a method made of them, and segmentations.

A picture is ``(H, W, 3)`` uint8, RGB. A mask is ``(H, W)`` bool, True where the class is. Masks and probabilities that
leave a method have the size of the query as it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Support:
    """An annotated picture of a class.

    Attributes
    ----------
    name
        Where it comes from, for messages and tables.
    picture
        The picture.
    mask
        Where the class is; empty in a negative support, which shows what the class is not.
    ignored
        Pixels about which nothing is known, such as PASCAL VOC's 255; None where there are none.
    """

    name: str
    picture: Picture = field(repr=False)
    mask: Mask = field(repr=False)
    ignored: Mask | None = field(default=None, repr=False)

    @property
    def is_negative(self) -> bool:
        """Whether the class is not in the picture."""
        return not self.mask.any()


@dataclass(frozen=True)
class Segmentation:
    """A class in a query.

    Attributes
    ----------
    probability
        ``(H, W)`` of the class, before any threshold.
    mask
        Where the class is.
    presence
        Probability that the class is in the picture at all.
    score
        Estimated intersection over union of the mask, 0 to 1.
    candidate
        Which of the method's candidates was chosen, such as ``mix`` or ``grabcut``; the method's name where it has one.
    best_support
        Position of the support that the query resembles most.
    uncertainty
        ``(H, W)``, how much the members of the method disagree, 0 to 1; None where it has one member.
    """

    probability: Floats = field(repr=False)
    mask: Mask = field(repr=False)
    presence: float
    score: float
    candidate: str
    best_support: int = 0
    uncertainty: Floats | None = field(default=None, repr=False)


class Task(Protocol):
    """A class as a method has learned it from its supports: reusable for any number of queries."""

    def segment(self, picture: Picture) -> Segmentation:
        """Return where the class is in a query of any size."""
        ...


class Segmenter(Protocol):
    """A method of few-shot segmentation."""

    name: str

    def learn(self, supports: Sequence[Support], *, seed: int = 0) -> Task:
        """Return the class that the supports show; at least one of them is positive."""
        ...
