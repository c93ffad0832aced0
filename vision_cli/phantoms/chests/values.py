"""What the chest world is made of: lung boxes, findings with their places, and films.

The unit frame of a film has x from 0 at its left edge to 1 at the right and y from 0 at the top to 1 at the bottom. The
frame of the lungs has u and v: 0 and 1 at the outer limits of both lungs. The patient's right is on the left of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats

FINDINGS = (
    "atelectasis",
    "cardiomegaly",
    "consolidation",
    "edema",
    "enlarged cardiomediastinum",
    "fracture",
    "lung lesion",
    "lung opacity",
    "pleural effusion",
    "pleural other",
    "pneumonia",
    "pneumothorax",
    "support devices",
)
"""What can be found in a film: the findings of GazeSearch (WACV 2025), in the order of its table."""

Side = Literal["right", "left"]
"""Of the patient."""

Zone = Literal["upper", "mid", "lower", "central"]
"""A third of the lungs, or the middle of the chest."""

Size = Literal["small", "moderate", "large"]

View = Literal["PA", "AP"]
"""From behind, standing; or from in front, mostly lying."""


@dataclass(frozen=True)
class LungBox:
    """The outer limits of both lungs in the unit frame: the 0.5 and 99.5 % quantiles of their pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Extent along x."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Extent along y."""
        return self.y1 - self.y0

    def to_unit(self, points: NDArray[np.floating]) -> Floats:
        """Return points ``(..., 2)`` of the frame of the lungs in the unit frame."""
        return np.asarray(points * self._scale() + self._origin(), np.float32)

    def to_lungs(self, points: NDArray[np.floating]) -> Floats:
        """Return points ``(..., 2)`` of the unit frame in the frame of the lungs."""
        return np.asarray((points - self._origin()) / self._scale(), np.float32)

    def _origin(self) -> NDArray[np.float64]:
        return np.array([self.x0, self.y0])

    def _scale(self) -> NDArray[np.float64]:
        return np.array([self.width, self.height])


@dataclass(frozen=True)
class Place:
    """One spot of a finding.

    Attributes
    ----------
    side
        None in the middle of the chest.
    zone
        The zone that its centre is in.
    centre
        x and y; of the unit frame in a finished film, of the frame of the lungs while it is drawn.
    extent
        Half its width and height, of the same frame.
    """

    side: Side | None
    zone: Zone
    centre: tuple[float, float]
    extent: tuple[float, float]


@dataclass(frozen=True)
class Finding:
    """Something that a report would name.

    Attributes
    ----------
    name
        One of `FINDINGS`.
    form
        What it is in particular, such as ``pacemaker``; the name if there is no more to say.
    places
        One or more, the first the most striking.
    size
        In the words of a report.
    contrast
        Share of the full attenuation that it is drawn with; 0 for one that the film does not show.
    """

    name: str
    form: str
    places: tuple[Place, ...]
    size: Size
    contrast: float

    @property
    def sides(self) -> frozenset[Side]:
        """The sides of the chest that it is on."""
        return frozenset(place.side for place in self.places if place.side is not None)


@dataclass(frozen=True)
class ChestFilm:
    """A drawn frontal chest film.

    Attributes
    ----------
    pixels
        ``(side, side)`` float32, 0 (air) to 1 (bone), unless ``is_inverted``.
    lungs
        ``(side, side)`` bool.
    lung_box
        Outer limits of ``lungs``.
    findings
        0 to 4, of different names, their places in the unit frame.
    view
        How it was taken.
    is_inverted
        Bone is black.
    rotation
        Clockwise, degrees; 0 for most films.
    """

    pixels: Floats
    lungs: NDArray[np.bool_]
    lung_box: LungBox
    findings: tuple[Finding, ...]
    view: View
    is_inverted: bool
    rotation: float
