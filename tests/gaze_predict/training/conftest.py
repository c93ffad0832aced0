"""A small stand-in for films and readers: a bright spot left or right, looked at if the sentence names its side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class SpotReading:
    sentence: str
    density: np.ndarray
    points: np.ndarray
    durations: np.ndarray


@dataclass(frozen=True)
class SpotFilm:
    pixels: np.ndarray
    readings: tuple[SpotReading, ...]


def spot_film(rng, *, side, sentences):
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    film = rng.normal(0.5, 0.05, (side, side))
    spots = {"left": (0.75, rng.uniform(0.3, 0.7)), "right": (0.25, rng.uniform(0.3, 0.7))}
    for where in spots.values():
        film += 0.4 * np.exp(-((x - where[0]) ** 2 + (y - where[1]) ** 2) / (2 * 0.05**2))
    readings = []
    for name in rng.choice(list(spots), sentences):
        centre = np.array(spots[name])
        count = int(rng.integers(3, 12))
        density = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 0.08**2))
        points = (centre + rng.normal(0, 0.05, (count, 2))).clip(0, 1).astype(np.float32)
        durations = rng.lognormal(-1.3, 0.5, count).astype(np.float32)
        readings.append(SpotReading(f"{name} nodule", density.astype(np.float32), points, durations))
    return SpotFilm(film.astype(np.float32), tuple(readings))


@pytest.fixture(scope="session")
def spots():
    """Give the source of such films."""
    return spot_film
