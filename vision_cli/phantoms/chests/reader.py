"""A simulated reader: where it looks at a film while a sentence is said, in which order and for how long.

Its statistics are aggregates of the training part of GazeSearch: the regions by finding (`gaze_regions`), how gaze
drifts outwards with time, the lengths and directions of steps, the durations of fixations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.chests.films import make_film
from vision_cli.phantoms.chests.gaze_regions import GazeMixture, gaze_mixture
from vision_cli.phantoms.chests.sentences import Sentence, draw_sentence
from vision_cli.phantoms.chests.values import ChestFilm

_Doubles = NDArray[np.float64]

POINTS = 8
"""Fixations of a path, as in GEM (MICCAI 2024)."""

_STEP_SHARES = (0.44, 0.22, 0.08, 0.26)
"""Of local steps, steps at the same height, to the mirrored point, and free ones."""

_STEP_SDS = (0.10, 0.05, 0.075)
"""Of these kernels, widths of the film."""

_RETURN = 0.02
"""A reader does not come back this close to a point it has seen."""

_ATTEMPTS = 12

_LOG_DURATION, _LOG_DURATION_LAST, _LOG_DURATION_SD = -1.30, -1.13, 0.51
_ITEM_VARIANCE, _NEIGHBOUR_CORRELATION = 0.09, 0.12

_SACCADE_S, _SACCADE_S_PER_DEGREE, _FILM_DEGREES = 0.021, 0.0022, 25.0
"""Main sequence of saccades (R. H. S. Carpenter, Movements of the Eyes, 1988), and a film at reading distance."""


@dataclass(frozen=True)
class GazePath:
    """Fixations in the order of time.

    Attributes
    ----------
    points
        ``(N, 2)`` float32, x and y in the unit frame.
    durations
        ``(N,)`` float32, s.
    onsets
        ``(N,)`` float32, s from the first look at the centre of the film, which is not among the points.
    """

    points: Floats
    durations: Floats
    onsets: Floats


@dataclass(frozen=True)
class Reading:
    """A film, a sentence about it, and how a reader looked.

    Attributes
    ----------
    film
        With its findings.
    sentence
        About one of them, about one that is absent, or none.
    path
        Of the reader.
    density
        ``(side, side)`` float32 of sum 1: the probability that the path is drawn from.
    """

    film: ChestFilm
    sentence: Sentence
    path: GazePath
    density: Floats


def make_reading(rng: np.random.Generator, *, side: int, points: int = POINTS) -> Reading:
    """Return a random film, a random sentence and a path of ``points`` fixations.

    Parameters
    ----------
    rng
        Of all of it.
    side
        Of film and density, px.
    points
        Fixations of the path.
    """
    film = make_film(rng, side=side)
    sentence = draw_sentence(rng, film.findings)
    return Reading(film, sentence, read_film(rng, film, sentence, points=points), density(film, sentence, side))


def read_film(rng: np.random.Generator, film: ChestFilm, sentence: Sentence, *, points: int = POINTS) -> GazePath:
    """Return the path of a reader over a film while a sentence is said.

    Parameters
    ----------
    rng
        Of the reader.
    film
        That is read.
    sentence
        Only one that names a side or zone pulls the gaze to the finding.
    points
        Fixations of the path.
    """
    path = walk(rng, mixture_of(film, sentence), count=1, points=points)[0]
    durations = draw_durations(rng, count=1, points=points)[0]
    return GazePath(path, durations, _onsets(rng, path, durations))


def density(film: ChestFilm, sentence: Sentence, side: int) -> Floats:
    """Return the probability of gaze at each pixel of a square film, ``(side, side)`` float32 of sum 1."""
    return mixture_of(film, sentence).on_grid(side)


def mixture_of(film: ChestFilm, sentence: Sentence) -> GazeMixture:
    """Return where a reader of a film looks while a sentence is said, averaged over time."""
    return gaze_mixture(film.lung_box, sentence.finding, is_negated=sentence.is_negated, spots=sentence.spots_in(film))


def walk(rng: np.random.Generator, mixture: GazeMixture, *, count: int, points: int) -> Floats:
    """Return random paths whose points follow a density, ``(count, points, 2)`` float32 in the unit frame.

    The next point is drawn from the density times a kernel around the last one; which kernel is drawn for each step.
    Pulled fixations are drawn from the spots, whatever came before, and the search goes on where it was left, so that
    the share of pulled ones is exact.
    """
    paths = np.empty((count, points, 2))
    last = np.full((count, 2), 0.5)
    for index in range(points):
        weights = mixture.step_weights(index / max(points - 1, 1))
        is_pulled = rng.random(count) < mixture.pull
        todo = np.arange(count)
        for _ in range(_ATTEMPTS):
            # the kernel is drawn again with the point, else steps that leave the film would all end as free ones
            drawn = _step(rng, mixture, weights, last[todo], is_free=index == 0)
            if is_pulled[todo].any():
                drawn = np.where(is_pulled[todo, None], _spot_points(rng, mixture, len(todo)), drawn)
            paths[todo, index] = drawn
            seen = np.hypot(*np.moveaxis(paths[todo, :index] - drawn[:, None], -1, 0)) < _RETURN
            is_outside = ((drawn < 0) | (drawn >= 1)).any(axis=1)
            todo = todo[is_outside | seen.any(axis=1)]
            if not len(todo):
                break
        np.clip(paths[:, index], 0, np.nextafter(np.float32(1), np.float32(0)), out=paths[:, index])
        last = np.where(is_pulled[:, None], last, paths[:, index])
    return paths.astype(np.float32)


def draw_durations(rng: np.random.Generator, *, count: int, points: int) -> Floats:
    """Return durations of the fixations of paths, ``(count, points)`` float32, s.

    They are log-normal; the last of a path is longer, and those of a path are alike.
    """
    own = np.sqrt(1 - _ITEM_VARIANCE)
    # what neighbours share beyond the path
    rho = (_NEIGHBOUR_CORRELATION - _ITEM_VARIANCE) / (1 - _ITEM_VARIANCE)
    noise = rng.standard_normal((count, points))
    for index in range(1, points):
        noise[:, index] = rho * noise[:, index - 1] + np.sqrt(1 - rho**2) * noise[:, index]
    scores = np.sqrt(_ITEM_VARIANCE) * rng.standard_normal((count, 1)) + own * noise
    middle = np.full(points, _LOG_DURATION)
    middle[-1] = _LOG_DURATION_LAST
    return np.asarray(np.exp(middle + _LOG_DURATION_SD * scores), np.float32)


def _step(
    rng: np.random.Generator, mixture: GazeMixture, weights: _Doubles, last: _Doubles, *, is_free: bool
) -> _Doubles:
    """Return the next points ``(P, 2)`` after the last ones: density times kernel, which is a mixture again."""
    count = len(last)
    kinds = np.full(count, 3) if is_free else rng.choice(4, count, p=_STEP_SHARES)
    precision = _PRECISIONS[kinds]
    centre = np.where((kinds == 2)[:, None] & [True, False], 2 * mixture.mirror - last, last)
    variance = mixture.sds**2
    spread = 1 + variance * precision[:, None]
    off = mixture.means - centre[:, None]
    logs = -0.5 * (np.log(spread) + precision[:, None] * off**2 / spread).sum(axis=2)
    gaussian = weights[:-1] * np.exp(logs)
    # of the uniform share: the integral of the kernel, its tails beyond the film left in
    uniform = weights[-1] * _KERNEL_AREAS[kinds]
    shares = np.cumsum(np.concatenate([gaussian, uniform[:, None]], 1), axis=1)
    chosen = (rng.random(count)[:, None] * shares[:, -1:] > shares).sum(axis=1)
    is_uniform = chosen == len(mixture.means)
    component = np.where(is_uniform, 0, chosen)
    kept = spread[np.arange(count), component]
    mean = (mixture.means[component] + variance[component] * precision * centre) / kept
    sd = mixture.sds[component] / np.sqrt(kept)
    drawn = mean + sd * rng.standard_normal((count, 2))
    if is_uniform.any():
        with np.errstate(divide="ignore"):
            around = centre + rng.standard_normal((count, 2)) / np.sqrt(np.maximum(precision, 1e-12))
        anywhere = np.where(precision > 0, around, rng.random((count, 2)))
        drawn = np.where(is_uniform[:, None], anywhere, drawn)
    return np.asarray(drawn, np.float64)


def _spot_points(rng: np.random.Generator, mixture: GazeMixture, count: int) -> _Doubles:
    which = rng.integers(len(mixture.spots), size=count)
    return np.asarray(mixture.spots[which] + mixture.spot_sd * rng.standard_normal((count, 2)), np.float64)


def _onsets(rng: np.random.Generator, path: Floats, durations: Floats) -> Floats:
    """Return when the fixations begin, after one at the centre and the saccades between them."""
    start = np.exp(_LOG_DURATION + _LOG_DURATION_SD * rng.standard_normal())
    lengths = np.hypot(*np.diff(np.concatenate([[[0.5, 0.5]], path]), axis=0).T)
    saccades = _SACCADE_S + _SACCADE_S_PER_DEGREE * _FILM_DEGREES * lengths
    return np.asarray(np.cumsum(saccades + np.concatenate([[start], durations[:-1]])), np.float32)


def _inverse_square(sd: float) -> float:
    return 1 / sd**2


_PRECISIONS = np.array(
    [
        [_inverse_square(_STEP_SDS[0])] * 2,
        [0.0, _inverse_square(_STEP_SDS[1])],
        [_inverse_square(_STEP_SDS[2])] * 2,
        [0.0, 0.0],
    ]
)
_KERNEL_AREAS = np.array(
    [2 * np.pi * _STEP_SDS[0] ** 2, np.sqrt(2 * np.pi) * _STEP_SDS[1], 2 * np.pi * _STEP_SDS[2] ** 2, 1.0]
)
