"""Every measure of every recording, and what they are together, with intervals over films.

`METRICS` begins with ScanMatch, NSS and information gain: MultiMatch hardly separates a published model from a random
path of another reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
        _of_maps(one, predictions[one.id].density, priors, used, sigma, np.random.default_rng([seed, place]))
        | _of_points(one.path, predictions[one.id])
        for place, one in enumerate(used)
    ]
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    truths, guesses = [one.path for one in used], [predictions[one.id].path for one in used]
    if with_centre:
        truths, guesses = [_from_centre(path) for path in truths], [_from_centre(path) for path in guesses]
    columns |= _of_paths(guesses, truths)
    return GazeScores(method, tuple(used), {name: columns[name] for name in METRICS})


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
    names, member = np.unique([one.subject or film_name(one) for one in recordings], return_inverse=True)
    return image_resamples(len(names), resamples, seed)[:, member]


def _of_maps(
    recording: Recording,
    density: NDArray[np.float32],
    priors: GazePriors,
    used: Sequence[Recording],
    sigma: float | Literal["1deg"],
    rng: np.random.Generator,
) -> dict[str, float]:
    points = recording.path.points
    if sigma == "1deg":
        sigma = maps.SIGMA_PX if recording.degree is None else recording.degree * density.shape[1]
    truth = maps.gaze_map(recording.path, density.shape, sigma)
    # A few recordings are as good as all of some thousand: 100 draws take no more fixations than that.
    drawn = [used[n] for n in rng.permutation(len(used))[:200]]
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


def _of_paths(predicted: Sequence[ScanPath], truth: Sequence[ScanPath]) -> dict[str, NDArray[np.float64]]:
    pairs = list(zip(predicted, truth, strict=True))
    matches = [asdict(multimatch(one, two)) for one, two in pairs]
    missing = np.array([len(one) == 0 for one in predicted])
    return {
        "scanmatch": scanpaths.scanmatch(predicted, truth),
        "scanmatch_duration": scanpaths.scanmatch(predicted, truth, durations=True),
        "sed": np.where(missing, np.nan, scanpaths.string_edit_distance(predicted, truth)),
        "stde": np.array([scanpaths.time_delay_embedding(one, two) for one, two in pairs]),
        "dtw_px": np.array([scanpaths.dynamic_time_warping(one, two) for one, two in pairs]),
        **{f"multimatch_{name}": np.array([match[name] for match in matches]) for name in matches[0]},
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
