"""What travels between the rooms of gaze-predict: films, scan paths, recordings and predictions.

Positions are in the unit frame of the film: x from 0 at the left edge of the picture to 1 at the right, y from 0 at the
top to 1 at the bottom, whatever the aspect. The patient's right is on the left of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MAP_SIDE = 224
"""Pixels of the long side of a map of gaze."""

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
"""The findings of GazeSearch, in the order of its table."""

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Film:
    """A frontal chest radiograph.

    Attributes
    ----------
    name
        Where it comes from, for messages and tables.
    pixels
        ``(H, W)`` float32, 0 (air) to 1 (bone).
    notes
        A sentence on each thing that was assumed or looks wrong, such as a lateral view.
    """

    name: str
    pixels: Floats = field(repr=False)
    notes: tuple[str, ...] = ()


class FilmSource(Protocol):
    """A film that is read when it is asked for."""

    @property
    def name(self) -> str:
        """Name of the film, unique in a data set."""
        ...

    def read(self) -> Film:
        """Return the film.

        Raises
        ------
        InputError
            If its file is damaged or is no film.
        """
        ...


@dataclass(frozen=True)
class ScanPath:
    """Fixations in the order of time.

    Attributes
    ----------
    points
        ``(N, 2)`` float32, x and y in the unit frame.
    durations
        ``(N,)`` float32, s; NaN where they are not known.
    onsets
        ``(N,)`` float32, s from the start of the recording; NaN where they are not known.
    """

    points: Floats
    durations: Floats
    onsets: Floats

    def __len__(self) -> int:
        """Return the number of fixations."""
        return len(self.points)

    def __repr__(self) -> str:
        """Return the number of fixations and how long they took."""
        return f"ScanPath({len(self)} fixations, {float(np.nansum(self.durations)):.2f} s)"


@dataclass(frozen=True)
class Recording:
    """One sentence about a film, and where a reader looked while saying it.

    Attributes
    ----------
    id
        Unique in a data set.
    film
        The film; None for a data set whose films are not at hand.
    sentence
        What was said, or the name of a finding.
    path
        Fixations inside the film.
    finding
        One of `FINDINGS`; None if it is not known.
    reader
        Who read it.
    subject
        The patient, for splits; two splits never share one.
    split
        Part of the data set that it belongs to; None if the data set has no parts.
    degree
        1° of the visual field as a part of the film's width, on average; None if it is not known.
    """

    id: str
    film: FilmSource | None
    sentence: str
    path: ScanPath
    finding: str | None = None
    reader: str = ""
    subject: str = ""
    split: Split | None = None
    degree: float | None = None


@dataclass(frozen=True)
class GazeDataset:
    """Recordings of a data set.

    Attributes
    ----------
    layout
        How the files are laid out.
    recordings
        In the order of their ids.
    notes
        A sentence on each thing that was left out or assumed.
    """

    layout: str
    recordings: tuple[Recording, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class GazePrediction:
    """Where a reader looks at a film while saying a sentence.

    Attributes
    ----------
    density
        ``(h, w)`` float32 of the film's aspect, `MAP_SIDE` on the long side, sums to 1.
    path
        The most central of the sampled scan paths: the one that is most like all others.
    log_density
        ``(N,)`` natural logarithm of the density at the fixations, per unit area of the unit frame.
    samples
        Scan paths as different readers might take them.
    facts
        Numbers of the prediction, such as the share of unknown words.
    """

    density: Floats = field(repr=False)
    path: ScanPath
    log_density: Floats = field(repr=False)
    samples: tuple[ScanPath, ...] = field(default=(), repr=False)
    facts: Mapping[str, float] = field(default_factory=dict)


class GazePredictor(Protocol):
    """A method that predicts gaze."""

    name: str

    def predict(self, film: Film, sentence: str, *, samples: int, seed: int) -> GazePrediction:
        """Return where a reader looks; an empty sentence asks for a search without a question."""
        ...
