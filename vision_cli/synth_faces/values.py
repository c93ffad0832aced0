"""What travels between the rooms of synth-faces: expressions, action units and labelled faces.

Action units (AUs) are those of FACS with intensities from 0 (absent) to 5 (maximal, FACS E). ``L12`` is AU 12 of the
left side of the face, its own left; ``12`` is both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.pictures.left_out import Skipped

Picture = NDArray[np.uint8]
"""``(H, W, 3)`` RGB."""

EXPRESSIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
"""Classes in the order in which they are numbered; data sets are mapped to it."""

_BILATERAL = (1, 2, 4, 5, 6, 7, *range(9, 21), 22, 23, 24, 25, 26, 27, 32, 38, 39)
BILATERAL_AUS = tuple(str(number) for number in _BILATERAL)
SIDED_AUS = tuple(f"{side}{number}" for number in ("1", "2", "4", "6", "10", "12", "14") for side in ("L", "R"))
AUS = (*BILATERAL_AUS, *SIDED_AUS)
"""The 41 outputs of OpenGraphAU, in its order: a vector of AUs has these places."""

MOST_INTENSE = 5.0

Split = Literal["train", "val", "test"]


class FaceSource(Protocol):
    """A picture of a face that is read when it is asked for."""

    def read(self) -> Picture:
        """Return the picture.

        Raises
        ------
        InputError
            If its file is damaged.
        """
        ...


@dataclass(frozen=True)
class LabelledFace:
    """A face with what is known of it.

    Attributes
    ----------
    name
        Unique in a data set.
    source
        The picture.
    expression
        One of `EXPRESSIONS`; None if it is not labelled.
    votes
        Share of the annotators by expression; empty where there is one label.
    aus
        Intensities of the AUs that are labelled, by name, 0 to 5; an occurrence without intensity is 0 or 5.
    has_intensities
        Whether the AUs have intensities, not occurrences alone.
    subject
        The person; empty if it is not known.
    split
        Part of the data set; None if it has no parts.
    caption
        Description in words; empty if there is none.
    """

    name: str
    source: FaceSource = field(repr=False)
    expression: str | None = None
    votes: Mapping[str, float] = field(default_factory=dict)
    aus: Mapping[str, float] = field(default_factory=dict)
    has_intensities: bool = False
    subject: str = ""
    split: Split | None = None
    caption: str = ""


@dataclass(frozen=True)
class FaceDataset:
    """Labelled faces.

    Attributes
    ----------
    layout
        How the files are laid out.
    faces
        In the order of their names.
    skipped
        What was left out.
    notes
        A sentence on each thing that was assumed.
    """

    layout: str
    faces: tuple[LabelledFace, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
