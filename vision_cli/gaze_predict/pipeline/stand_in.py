"""Predictions for recordings whose films are not at hand: on stand-in films, averaged over them.

What is left of the method is what it takes from the words, as where readers look for a finding on average.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.gaze_predict.measures.scanpaths import central
from vision_cli.gaze_predict.pipeline.predictor import COMPARED, POINTS, GemPredictor, log_density_at
from vision_cli.gaze_predict.pipeline.scanpaths import sample_paths
from vision_cli.gaze_predict.pipeline.squares import squashed
from vision_cli.gaze_predict.values import MAP_SIDE, Film, Floats, GazePrediction


class StandInPredictor:
    """Predicts for a sentence alone.

    Parameters
    ----------
    predictor
        The method.
    films
        Stand-in films, one or more; they are squashed to squares, as the frames of data sets without films are.
    seed
        Of the sampled paths.
    points
        Fixations of a path.
    """

    def __init__(self, predictor: GemPredictor, films: Sequence[Film], *, seed: int = 0, points: int = POINTS) -> None:
        self._predictor, self._seed, self._points = predictor, seed, points
        self._films = [Film(film.name, squashed(film, MAP_SIDE), film.notes) for film in films]
        self._found: dict[str, GazePrediction] = {}

    @property
    def film(self) -> Film:
        """The first of the stand-in films, for pictures."""
        return self._films[0]

    def predict(self, sentence: str) -> GazePrediction:
        """Return where a reader looks while saying a sentence; the same for every recording with this sentence."""
        if sentence not in self._found:
            found = [self._predictor.predict(film, sentence, seed=self._seed) for film in self._films]
            self._found[sentence] = found[0] if len(found) == 1 else self._mean(found)
        return self._found[sentence]

    def _mean(self, found: Sequence[GazePrediction]) -> GazePrediction:
        density: Floats = np.asarray(np.mean([one.density for one in found], axis=0), np.float32)
        paths = sample_paths(density, COMPARED, np.random.default_rng((self._seed, 0)), points=self._points)
        path = paths[central(paths)]
        return GazePrediction(density, path, log_density_at(density, path), tuple(paths[:1]), found[0].facts)
