"""Readings to train on: a film, and where readers looked while saying sentences about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.networks.heads import POINTS
from vision_cli.gaze_predict.values import Floats


class Reading(Protocol):
    """One sentence about a film, and where a reader looked."""

    @property
    def sentence(self) -> str:
        """What was said."""
        ...

    @property
    def density(self) -> Floats:
        """The true density of gaze ``(h, w)`` over the film, not negative, of any sum above 0."""
        ...

    @property
    def points(self) -> Floats:
        """Fixations ``(N, 2)`` in the order of time, x and y in the unit frame; one or more."""
        ...

    @property
    def durations(self) -> Floats:
        """How long each lasted, ``(N,)`` in s; NaN where it is not known."""
        ...


class FilmReadings(Protocol):
    """A film and its readings."""

    @property
    def pixels(self) -> Floats:
        """The film, squashed to a square ``(side, side)``, 0 (air) to 1 (bone)."""
        ...

    @property
    def readings(self) -> Sequence[Reading]:
        """One a sentence."""
        ...


class ReadingSource(Protocol):
    """Where readings come from."""

    def __call__(self, rng: np.random.Generator, *, side: int, sentences: int) -> FilmReadings:
        """Return a random film of ``side`` px with so many readings."""
        ...


@dataclass(frozen=True)
class PathPoints:
    """A path in eight points, as the network learns it.

    Attributes
    ----------
    points
        ``(8, 2)``, x and y in the unit frame.
    durations
        ``(8,)``, s.
    length
        Fixations of the path itself, 8 at most.
    is_whole
        Whether the path has no more than eight fixations.
    """

    points: Floats
    durations: Floats
    length: int
    is_whole: bool


def to_eight(points: NDArray[np.floating], durations: NDArray[np.floating]) -> PathPoints:
    """Return a path in eight points: the eight longest fixations, or with the longest repeated where it was.

    A fixation of unknown duration counts as the shortest; of equal ones the first counts as the longest.

    Parameters
    ----------
    points
        ``(N, 2)`` in the order of time.
    durations
        ``(N,)``, s; NaN where it is not known.

    Raises
    ------
    InputError
        If there is no fixation.
    """
    count = len(points)
    if count == 0:
        raise InputError("a reading without a fixation inside of the film found; one or more expected.")
    known = np.nan_to_num(np.asarray(durations, np.float64), nan=-1.0)
    # A stable sort of the negative: of equal durations the earlier comes first.
    order = np.argsort(-known, kind="stable")
    if count >= POINTS:
        chosen = np.sort(order[:POINTS])
    else:
        chosen = np.sort(np.append(np.arange(count), np.full(POINTS - count, order[0])))
    return PathPoints(
        np.asarray(points, np.float32)[chosen],
        np.asarray(durations, np.float32)[chosen],
        min(count, POINTS),
        count <= POINTS,
    )
