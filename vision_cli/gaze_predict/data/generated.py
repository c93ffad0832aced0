"""Recordings of generated chest films: what the simulated reader looked at, and a second reader beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.gaze_predict.values import Film, Recording, ScanPath, Split
from vision_cli.phantoms.chests.films import make_film
from vision_cli.phantoms.chests.reader import GazePath, read_film
from vision_cli.phantoms.chests.sentences import draw_sentence

EVALUATION, PRIORS, SYNTHESIS = 2, 3, 4
"""Streams of random numbers; training draws from 0 and 1, so that no film of these is among its own."""

READER = "simulated"
_SECOND_READER = 1


@dataclass(frozen=True)
class GeneratedFilm:
    """A generated film of 8 bits.

    Attributes
    ----------
    name
        Of the film.
    levels
        ``(side, side)`` uint8.
    """

    name: str
    levels: NDArray[np.uint8]

    def read(self) -> Film:
        """Return the film."""
        return Film(self.name, np.asarray(self.levels / np.float32(255), np.float32))


@dataclass(frozen=True)
class GeneratedReading:
    """A film, a sentence, and two readers.

    Attributes
    ----------
    recording
        Of the first reader.
    film
        That it is about.
    second
        Path of another reader, who hears the same sentence.
    """

    recording: Recording
    film: GeneratedFilm
    second: ScanPath


def film_name(number: int) -> str:
    """Return the name of the film of a number, from 0."""
    return f"generated{number + 1:05d}"


def generate_reading(
    number: int, *, seed: int, stream: int, side: int, needs_finding: bool = False
) -> GeneratedReading:
    """Return the reading of a number, which depends on the seed and the stream besides.

    Parameters
    ----------
    number
        From 0.
    seed
        Of all readings.
    stream
        `EVALUATION`, `PRIORS` or `SYNTHESIS`.
    side
        Of the film, px.
    needs_finding
        Whether only sentences about a finding are drawn, not empty or vague ones.
    """
    rng = np.random.default_rng((seed, stream, number))
    made = make_film(rng, side=side)
    sentence = draw_sentence(rng, made.findings)
    while needs_finding and not (sentence.finding and sentence.text):
        sentence = draw_sentence(rng, made.findings)
    path = _path(read_film(rng, made, sentence))
    other = np.random.default_rng((seed, stream, number, _SECOND_READER))
    name = film_name(number)
    film = GeneratedFilm(name, np.rint(np.clip(made.pixels, 0, 1) * 255).astype(np.uint8))
    recording = Recording(
        name, film, sentence.text, path, sentence.finding, reader=READER, subject=name, split=_split(number)
    )
    return GeneratedReading(recording, film, _path(read_film(other, made, sentence)))


def _path(path: GazePath) -> ScanPath:
    return ScanPath(path.points, path.durations, path.onsets)


def _split(number: int) -> Split:
    """Return the part of a number: eight of ten are to train on."""
    return ("val", "test")[number % 10 - 8] if number % 10 >= 8 else "train"
