"""What predictions are compared with: priors of recorded gaze, and baselines made of these.

A prior never contains the film that it is used on: recordings of that film are taken out of the sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import UsageError
from vision_cli.gaze_predict.measures.maps import SIGMA_PX, gaussian_map, gaze_map, mean_map, normalised, pixels_of
from vision_cli.gaze_predict.options import BASELINES
from vision_cli.gaze_predict.values import MAP_SIDE, GazePrediction, Recording, ScanPath

CENTRE_SIGMA_PX = 45.0
_SQUARE = (MAP_SIDE, MAP_SIDE)


class GazePriors:
    """Mean maps of recorded gaze, of all findings and of each.

    Parameters
    ----------
    recordings
        Those to take the mean of, such as the training part.
    sigma
        Standard deviation of a fixation, in pixels of a map.
    """

    def __init__(self, recordings: Iterable[Recording], sigma: float = SIGMA_PX) -> None:
        self.recordings = tuple(one for one in recordings if len(one.path))
        self._sigma = sigma
        self._sums: dict[str | None, NDArray[np.float64]] = {}
        self._by_film: dict[str, list[Recording]] = {}
        for one in self.recordings:
            self._by_film.setdefault(film_name(one), []).append(one)
            own = gaze_map(one.path, _SQUARE, sigma)
            for finding in {None, one.finding}:
                self._sums[finding] = self._sums.get(finding, np.zeros(_SQUARE)) + own

    def map(self, recording: Recording, shape: tuple[int, int], *, finding: bool = True) -> NDArray[np.float64]:
        """Return the mean map of the finding of a recording, or of all where there is none, without its own film.

        Parameters
        ----------
        recording
            What the map is used on.
        shape
            Height and width of the map.
        finding
            Whether to take the recordings of its finding alone.
        """
        for wanted in (recording.finding, None) if finding else (None,):
            own = [
                gaze_map(one.path, _SQUARE, self._sigma)
                for one in self._by_film.get(film_name(recording), ())
                if wanted in {None, one.finding}
            ]
            left = self._sums.get(wanted, np.zeros(_SQUARE)) - sum(own, np.zeros(_SQUARE))
            if left.sum() > 0.5:
                return mean_map([np.clip(left, 0, None)], shape)
        return normalised(np.ones(shape))

    def path(self, recording: Recording, rng: np.random.Generator, *, finding: bool = True) -> ScanPath:
        """Return the scan path of a random recording of another film, of the same finding where there is one."""
        others = [one for one in self.recordings if film_name(one) != film_name(recording)]
        alike = [one for one in others if one.finding == recording.finding] if finding else []
        drawn = alike or others
        return drawn[int(rng.integers(len(drawn)))].path if drawn else empty_path()


def baseline_predictions(
    name: str,
    recordings: Sequence[Recording],
    shapes: Mapping[str, tuple[int, int]],
    priors: GazePriors,
    rng: np.random.Generator,
) -> dict[str, GazePrediction]:
    """Return what a baseline predicts, by the id of the recording.

    Parameters
    ----------
    name
        One of `vision_cli.gaze_predict.options.BASELINES`.
    recordings
        What is predicted.
    shapes
        Heights and widths of the maps, by id.
    priors
        Recorded gaze.
    rng
        Draws scan paths.

    Raises
    ------
    UsageError
        If there is no such baseline.
    """
    if name not in BASELINES:
        raise UsageError(f"baseline {name!r}; {', '.join(BASELINES)} expected.")
    found = {}
    for one in recordings:
        shape = shapes[one.id]
        if name == "centre":
            density, path = gaussian_map(shape, CENTRE_SIGMA_PX), empty_path()
        elif name == "shuffled":
            path = priors.path(one, rng, finding=False)
            density = gaze_map(path, shape) if len(path) else normalised(np.ones(shape))
        else:
            density = priors.map(one, shape, finding=name == "finding")
            path = priors.path(one, rng, finding=name == "finding")
        found[one.id] = prediction_of(density, path)
    return found


def prediction_of(density: NDArray[np.floating], path: ScanPath) -> GazePrediction:
    """Return a prediction of a map and a scan path, with the density at its fixations."""
    rows, columns = pixels_of(path.points, density.shape)
    # Per unit area of the unit frame: a pixel has one part in height × width of it.
    area = np.log(np.maximum(density[rows, columns].astype(np.float64) * density.size, np.finfo(np.float64).tiny))
    return GazePrediction(density.astype(np.float32), path, area.astype(np.float32))


def film_name(recording: Recording) -> str:
    """Return the name of the film of a recording; where it is not at hand, the first part of the id."""
    return recording.film.name if recording.film is not None else recording.id.split("/", 1)[0]


def empty_path() -> ScanPath:
    """Return a scan path without fixations."""
    none = np.zeros(0, np.float32)
    return ScanPath(np.zeros((0, 2), np.float32), none, none)
