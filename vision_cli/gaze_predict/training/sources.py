"""Where training readings come from: generated chest films with a simulated reader, or recordings of a data set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.measures.maps import gaze_map
from vision_cli.gaze_predict.pipeline.squares import squashed
from vision_cli.gaze_predict.values import Floats, GazeDataset, Recording
from vision_cli.phantoms.chests.films import make_film
from vision_cli.phantoms.chests.reader import density, read_film
from vision_cli.phantoms.chests.sentences import draw_sentence

_SIGMA = 12 / 224
"""Standard deviation of the Gaussians of a recording's density, in shares of a side: about one degree of vision."""


@dataclass(frozen=True)
class TrainingReading:
    """One sentence about a film, with the density of gaze and one path; see `training.readings.Reading`."""

    sentence: str
    density: Floats
    points: Floats
    durations: Floats


@dataclass(frozen=True)
class TrainingFilm:
    """A film and its readings; see `training.readings.FilmReadings`."""

    pixels: Floats
    readings: Sequence[TrainingReading]


class PhantomReadings:
    """Generated films, each with sentences about its findings or absent ones, and the simulated reader's gaze."""

    def __call__(self, rng: np.random.Generator, *, side: int, sentences: int) -> TrainingFilm:
        """Return a random film of ``side`` px with so many readings."""
        film = make_film(rng, side=side)
        readings = []
        for _ in range(sentences):
            sentence = draw_sentence(rng, film.findings)
            path = read_film(rng, film, sentence)
            truth = density(film, sentence, side // 4)
            readings.append(TrainingReading(sentence.text, truth, path.points, path.durations))
        return TrainingFilm(film.pixels, readings)


class RecordedReadings:
    """Recordings of a data set, by film; of a film with several, so many are drawn.

    Parameters
    ----------
    recordings
        Those with a film and with a fixation.

    Raises
    ------
    InputError
        If there are none.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        by_film: dict[str, list[Recording]] = defaultdict(list)
        for one in recordings:
            if one.film is not None and len(one.path):
                by_film[one.film.name].append(one)
        if not by_film:
            raise InputError(
                "no recording with a film; films are needed to train.", hint="Give the folder of the films: --images."
            )
        self._films = list(by_film.values())

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self._films)

    def __call__(self, rng: np.random.Generator, *, side: int, sentences: int) -> TrainingFilm:
        """Return a random film, squashed to ``side`` px, with so many of its readings."""
        recordings = self._films[int(rng.integers(len(self._films)))]
        drawn = [recordings[int(place)] for place in rng.integers(len(recordings), size=sentences)]
        assert drawn[0].film is not None, "recordings without a film were left out"
        readings = [
            TrainingReading(
                one.sentence,
                gaze_map(one.path, (side // 4, side // 4), sigma=_SIGMA * side / 4).astype(np.float32),
                one.path.points,
                one.path.durations,
            )
            for one in drawn
        ]
        return TrainingFilm(squashed(drawn[0].film.read(), side), readings)


def split_recordings(dataset: GazeDataset, seed: int, held_out: float = 0.1) -> tuple[list[Recording], list[Recording]]:
    """Return recordings to train on and to validate with: by the parts of the data set, else by patients.

    A patient, or a film where patients are not known, is in one of them only.
    """
    if any(one.split for one in dataset.recordings):
        training = [one for one in dataset.recordings if one.split == "train"]
        validation = [one for one in dataset.recordings if one.split == "val"]
        if training and validation:
            return training, validation
    groups = sorted({_group(one) for one in dataset.recordings if one.split != "test"})
    order = np.random.default_rng(seed).permutation(len(groups))
    count = max(1, round(held_out * len(groups))) if len(groups) > 1 else 0
    chosen = {groups[place] for place in order[:count]}
    usable = [one for one in dataset.recordings if one.split != "test"]
    return [one for one in usable if _group(one) not in chosen], [one for one in usable if _group(one) in chosen]


def _group(recording: Recording) -> str:
    return recording.subject or (recording.film.name if recording.film is not None else recording.id)
