"""Every measure of every recording, and what they are together, with intervals over films.

`METRICS` begins with ScanMatch, NSS and information gain: MultiMatch hardly separates a published model from a random
path of another reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.evaluation.references import GazePriors, film_name
from vision_cli.gaze_predict.measures import maps, scanpaths
from vision_cli.gaze_predict.measures.multimatch import multimatch
from vision_cli.gaze_predict.values import GazePrediction, Recording, ScanPath
from vision_cli.metrics.resampling import Counts, image_resamples, resampled_mean

METRICS = (
    "scanmatch",
    "nss",
    "ig_bits",
    "cc",
    "sim",
    "kld",
    "auc_judd",
    "auc_borji",
    "sauc",
    "iou_half_mass",
    "scanmatch_duration",
    "sed",
    "stde",
    "multimatch_shape",
    "multimatch_direction",
    "multimatch_length",
    "multimatch_position",
    "multimatch_duration",
    "dtw_px",
    "point_mse",
    "point_error_percent",
    "matched_point_error_percent",
)
"""Of maps and scan paths, in the order of tables."""

LOWER_IS_BETTER = frozenset({"kld", "sed", "dtw_px", "point_mse", "point_error_percent", "matched_point_error_percent"})
_POINTS = 8
_CENTRE = np.full((1, 2), 0.5, np.float32)


@dataclass(frozen=True)
class Estimate:
    """A mean and its bootstrap interval of 95 %; NaN where it is not defined.

    Attributes
    ----------
    value, low, high
        Mean and ends of the interval.
    count
        Recordings that have a value.
    """

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class GazeScores:
    """The measures of one method.

    Attributes
    ----------
    method
        Its name.
    recordings
        What was predicted.
    values
        ``(I,)`` by measure, one of each recording; NaN where it is not defined.
    """

    method: str
    recordings: tuple[Recording, ...]
    values: Mapping[str, NDArray[np.float64]]

    def estimate(self, metric: str, *, finding: str | None = None, resamples: int = 1000, seed: int = 0) -> Estimate:
        """Return the mean of a measure; films are drawn with replacement, with all recordings of each.

        Parameters
        ----------
        metric
            One of `METRICS`.
        finding
            Of its recordings alone; None for all.
        resamples, seed
            Of the bootstrap.
        """
        chosen = [n for n, one in enumerate(self.recordings) if finding is None or one.finding == finding]
        return _estimate(self.values[metric][chosen], [self.recordings[n] for n in chosen], resamples, seed)

    def findings(self) -> tuple[str, ...]:
        """Return the findings that there are, by name."""
        return tuple(sorted({one.finding for one in self.recordings if one.finding is not None}))


def evaluate_predictions(
    method: str,
    recordings: Sequence[Recording],
    predictions: Mapping[str, GazePrediction],
    priors: GazePriors,
    *,
    sigma: float | Literal["1deg"] = maps.SIGMA_PX,
    with_centre: bool = False,
    seed: int = 0,
) -> GazeScores:
    """Return all measures of predictions.

    Parameters
    ----------
    method
        Its name in tables.
    recordings
        What was recorded; those without a prediction or a fixation are left out.
    predictions
        By the id of the recording.
    priors
        Recorded gaze whose mean by finding is the prior of the information gain.
    sigma
        Standard deviation of a recorded fixation, in pixels of a map; or 1° of the visual field, as REFLACX has it, and
        12 pixels where that is not known.
    with_centre
        Whether both scan paths begin at the centre of the film, as GazeSearch was recorded but is not stored.
    seed
        Of the random pixels of AUC-Borji and sAUC.

    Raises
    ------
    InputError
        If no recording has a prediction.
    """
    used = [one for one in recordings if one.id in predictions and len(one.path)]
    if not used:
        raise InputError(
            f"{method}: predictions of none of the {len(recordings)} recordings; some expected.",
            hint="Do the ids of the predictions and of the data set agree?",
        )
    rows = [
        score_prediction(
            one,
            predictions[one.id],
            priors,
            used,
            np.random.default_rng([seed, place]),
            sigma=sigma,
            with_centre=with_centre,
        )
        for place, one in enumerate(used)
    ]
    return scores_of_rows(method, used, rows)


def score_prediction(
    recording: Recording,
    prediction: GazePrediction,
    priors: GazePriors,
    pool: Sequence[Recording],
    rng: np.random.Generator,
    *,
    sigma: float | Literal["1deg"] = maps.SIGMA_PX,
    with_centre: bool = False,
) -> dict[str, float]:
    """Return all measures of one prediction by name, NaN where one is not defined.

    Parameters
    ----------
    recording
        What was recorded, with a fixation or more.
    prediction
        Of its film and sentence.
    priors, sigma, with_centre
        See `evaluate_predictions`.
    pool
        Recordings whose fixations are the negatives of sAUC; those of the same film are not used.
    rng
        Of the random pixels of AUC-Borji and sAUC.
    """
    truth, guess = recording.path, prediction.path
    if with_centre:
        truth, guess = _from_centre(truth), _from_centre(guess)
    values = (
        _of_maps(recording, prediction.density, priors, pool, sigma, rng)
        | _of_points(recording.path, prediction)
        | _of_paths(guess, truth)
    )
    return {name: values[name] for name in METRICS}


def scores_of_rows(method: str, recordings: Sequence[Recording], rows: Sequence[Mapping[str, float]]) -> GazeScores:
    """Return the scores of a method from the measures of each recording, as `score_prediction` returns them."""
    columns = {name: np.array([row[name] for row in rows], np.float64) for name in METRICS}
    return GazeScores(method, tuple(recordings), columns)


def difference(one: GazeScores, other: GazeScores, metric: str, *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Return how much larger a measure is for one method than for another, on the recordings that both predicted.

    Parameters
    ----------
    one, other
        Two methods, or one with its sentences and with those of a control.
    metric
        One of `METRICS`.
    resamples, seed
        Of the bootstrap.
    """
    places = {recording.id: n for n, recording in enumerate(other.recordings)}
    pairs = [(n, places[recording.id]) for n, recording in enumerate(one.recordings) if recording.id in places]
    first, second = [n for n, _ in pairs], [n for _, n in pairs]
    change = one.values[metric][first] - other.values[metric][second]
    return _estimate(change, [one.recordings[n] for n in first], resamples, seed)


def _estimate(values: NDArray[np.float64], recordings: Sequence[Recording], resamples: int, seed: int) -> Estimate:
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    found = resampled_mean(values, _film_resamples(recordings, resamples, seed))
    return Estimate(found.value, *found.interval(), found.images)


def _film_resamples(recordings: Sequence[Recording], resamples: int, seed: int) -> Counts:
    """Return how often each recording is drawn: recordings of one patient, or else film, stay together."""
    return _resamples_of(tuple(one.subject or film_name(one) for one in recordings), resamples, seed)


@lru_cache(maxsize=32)
def _resamples_of(groups: tuple[str, ...], resamples: int, seed: int) -> Counts:
    """Return how often each member of groups is drawn; kept, as all measures and methods share them."""
    names, member = np.unique(groups, return_inverse=True)
    return image_resamples(len(names), resamples, seed)[:, member]


def fixation_sigma(recording: Recording, sigma: float | Literal["1deg"], width: int) -> float:
    """Return the standard deviation of a fixation in pixels of a map of this width; see `evaluate_predictions`."""
    if sigma != "1deg":
        return sigma
    return maps.SIGMA_PX if recording.degree is None else recording.degree * width


def _of_maps(
    recording: Recording,
    density: NDArray[np.float32],
    priors: GazePriors,
    pool: Sequence[Recording],
    sigma: float | Literal["1deg"],
    rng: np.random.Generator,
) -> dict[str, float]:
    points = recording.path.points
    truth = maps.gaze_map(recording.path, density.shape, fixation_sigma(recording, sigma, density.shape[1]))
    # A few recordings are as good as all of some thousand: 100 draws take no more fixations than that.
    drawn = [pool[n] for n in rng.permutation(len(pool))[:200]]
    elsewhere = [one.path.points for one in drawn if film_name(one) != film_name(recording)]
    others = np.concatenate([*elsewhere, np.zeros((0, 2), np.float32)])
    return {
        "nss": maps.normalized_scanpath_saliency(density, points),
        "ig_bits": maps.information_gain(density, priors.map(recording, density.shape), points),
        "cc": maps.correlation(density, truth),
        "sim": maps.similarity(density, truth),
        "kld": maps.divergence(density, truth),
        "auc_judd": maps.auc_judd(density, points),
        "auc_borji": maps.auc_borji(density, points, rng),
        "sauc": maps.auc_shuffled(density, points, others, rng),
        "iou_half_mass": maps.overlap(density, truth),
    }


def _of_points(truth: ScanPath, predicted: GazePrediction) -> dict[str, float]:
    names = ("point_mse", "point_error_percent", "matched_point_error_percent")
    if not len(predicted.path):
        return dict.fromkeys(names, float("nan"))
    one, two = (scanpaths.resampled(path, _POINTS) for path in (predicted.path, truth))
    shape = predicted.density.shape
    values = (
        scanpaths.point_mse(one, two),
        scanpaths.point_error(one, two, shape),
        scanpaths.matched_point_error(one, two, shape),
    )
    return dict(zip(names, values, strict=True))


def _of_paths(predicted: ScanPath, truth: ScanPath) -> dict[str, float]:
    edits = float(scanpaths.string_edit_distance([predicted], [truth])[0]) if len(predicted) else float("nan")
    return {
        "scanmatch": float(scanpaths.scanmatch([predicted], [truth])[0]),
        "scanmatch_duration": float(scanpaths.scanmatch([predicted], [truth], durations=True)[0]),
        "sed": edits,
        "stde": scanpaths.time_delay_embedding(predicted, truth),
        "dtw_px": scanpaths.dynamic_time_warping(predicted, truth),
        **{f"multimatch_{name}": value for name, value in asdict(multimatch(predicted, truth)).items()},
    }


def _from_centre(path: ScanPath) -> ScanPath:
    """Return a path that begins at the centre, with a fixation that takes no time; an empty one stays empty."""
    if not len(path):
        return path
    start = path.onsets[:1]
    return ScanPath(
        np.concatenate([_CENTRE, path.points]),
        np.concatenate([np.zeros_like(start), path.durations]),
        np.concatenate([start, path.onsets]),
    )
