"""Measures of scan paths, for many pairs at once; points are in the unit frame, so the film is a square.

A batch of paths is padded to one length. The alignments run over the rows of all tables together: within a row the
step along the row is a running maximum or minimum, because gaps cost nothing (ScanMatch) or one each (edit distance).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision_cli.gaze_predict.values import MAP_SIDE, ScanPath

Floats = NDArray[np.float64]
Letters = NDArray[np.int64]

_SCANMATCH_BINS = 14
_SCANMATCH_THRESHOLD = 3.5
_SCANMATCH_STEP = 0.05
"""Seconds of a fixation that a letter stands for."""

_EDIT_BINS = 7
_NONE = -1


def scanmatch(first: Sequence[ScanPath], second: Sequence[ScanPath], *, durations: bool = False) -> Floats:
    """Return ScanMatch of pairs of scan paths, ``(N,)``, from 0 to 1 for identical ones.

    Cristino et al. 2010 (Behavior Research Methods 42, 692): letters of 14 × 14 bins, aligned by Needleman and Wunsch.
    Two letters score the threshold, 3.5 bins, less their distance in bins; a gap scores 0. The score of the best
    alignment is divided by the most that the longer path could score.

    Parameters
    ----------
    first, second
        Scan paths, pair by pair; a pair with an empty one has NaN.
    durations
        Whether a fixation is repeated for each 50 ms that it lasts; pairs whose durations are not known have NaN.
    """
    repeats = _SCANMATCH_STEP if durations else None
    return _matched(_letters(first, _SCANMATCH_BINS, repeats), _letters(second, _SCANMATCH_BINS, repeats))


def _matched(first: tuple[Letters, Letters], second: tuple[Letters, Letters]) -> Floats:
    """Return ScanMatch of pairs of paths in letters, each with their numbers."""
    (one, long), (two, wide) = first, second
    gains = _gains()
    best = np.zeros((len(one), two.shape[1] + 1))
    for row in range(one.shape[1]):
        step = np.maximum(best[:, 1:], best[:, :-1] + gains[one[:, row, None], two])
        best[:, 1:] = np.maximum.accumulate(step, axis=1)
    longer = np.maximum(long, wide)
    usable = (long > 0) & (wide > 0)
    return np.where(usable, best[:, -1] / (_SCANMATCH_THRESHOLD * np.maximum(longer, 1)), np.nan)


def central(paths: Sequence[ScanPath], *, durations: bool = False) -> int:
    """Return which scan path has the highest mean ScanMatch to all others; the first of equals.

    Parameters
    ----------
    paths
        One or more; n of them are n (n - 1) / 2 comparisons.
    durations
        As of `scanmatch`.
    """
    if len(paths) < 2:
        return 0
    rows, columns = np.triu_indices(len(paths), 1)
    letters, counts = _letters(paths, _SCANMATCH_BINS, _SCANMATCH_STEP if durations else None)
    values = _matched((letters[rows], counts[rows]), (letters[columns], counts[columns]))
    total = np.zeros(len(paths))
    np.add.at(total, rows, np.nan_to_num(values))
    np.add.at(total, columns, np.nan_to_num(values))
    return int(total.argmax())


def string_edit_distance(first: Sequence[ScanPath], second: Sequence[ScanPath]) -> Floats:
    """Return Levenshtein's distance of letters of 7 × 7 bins (SED) of pairs of scan paths, ``(N,)``; less is better."""
    one, long = _letters(first, _EDIT_BINS)
    two, wide = _letters(second, _EDIT_BINS)
    places = np.arange(two.shape[1] + 1, dtype=np.float64)
    table = np.tile(places, (len(one), 1))
    found = table[np.arange(len(one)), wide].copy()
    for row in range(one.shape[1]):
        swapped = table[:, :-1] + (one[:, row, None] != two)
        step = np.concatenate([table[:, :1] + 1, np.minimum(swapped, table[:, 1:] + 1)], axis=1)
        table = np.minimum.accumulate(step - places, axis=1) + places
        found = np.where(long == row + 1, table[np.arange(len(one)), wide], found)
    return found


def time_delay_embedding(predicted: ScanPath, truth: ScanPath) -> float:
    """Return the scaled time-delay embedding similarity (STDE), from 0 to 1; Wang et al. 2011 (CVPR, section 4).

    For every length k, each run of k predicted fixations is compared with the run of the truth that is nearest by mean
    distance, in widths of the film; the result is the mean over k of exp(-mean distance).
    """
    longest = min(len(predicted), len(truth))
    if not longest:
        return float("nan")
    apart = _distances(predicted, truth)
    values = []
    for k in range(1, longest + 1):
        rows, columns = len(predicted) - k + 1, len(truth) - k + 1
        runs = sum(apart[n : n + rows, n : n + columns] for n in range(k)) / k
        values.append(np.exp(-np.min(runs, axis=1).mean()))
    return float(np.mean(values))


def dynamic_time_warping(predicted: ScanPath, truth: ScanPath) -> float:
    """Return the least sum of distances of an alignment without gaps (DTW), in pixels of 224; less is better."""
    if not len(predicted) or not len(truth):
        return float("nan")
    table = np.full((len(predicted) + 1, len(truth) + 1), np.inf)
    table[0, 0] = 0
    for (row, column), apart in np.ndenumerate(_distances(predicted, truth)):
        table[row + 1, column + 1] = apart + min(table[row, column], table[row, column + 1], table[row + 1, column])
    return MAP_SIDE * float(table[-1, -1])


def resampled(path: ScanPath, count: int) -> NDArray[np.float64]:
    """Return so many points of a path in order of time, ``(count, 2)``.

    Of more fixations the longest are kept, of equally long ones the earlier; of fewer the longest are repeated. Where
    durations are not known, fixations are kept or repeated evenly.
    """
    if not len(path):
        raise ValueError("a path of no fixation")
    if np.isfinite(path.durations).all():
        order = np.argsort(-path.durations, kind="stable")
        chosen = np.sort(np.resize(order, count))
    else:
        chosen = np.linspace(0, len(path) - 1, count).round().astype(np.int64)
    return path.points[chosen].astype(np.float64)


def point_mse(predicted: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Return half the mean squared distance of points in order, in the unit frame: the paper's objective."""
    return float(0.5 * ((predicted - truth) ** 2).sum(axis=1).mean())


def point_error(predicted: NDArray[np.floating], truth: NDArray[np.floating], shape: tuple[int, int]) -> float:
    """Return the mean distance of points in order, in % of the film's diagonal.

    Parameters
    ----------
    predicted, truth
        ``(K, 2)`` in the unit frame.
    shape
        Height and width of the film, in any unit.
    """
    return 100 * float(np.linalg.norm((predicted - truth) * shape[::-1], axis=1).mean() / np.hypot(*shape))


def matched_point_error(predicted: NDArray[np.floating], truth: NDArray[np.floating], shape: tuple[int, int]) -> float:
    """Return the mean distance of points paired so that it is least, whatever their order, in % of the diagonal.

    The parameters are those of `point_error`; the pairs are found by the Hungarian method.
    """
    from scipy.optimize import linear_sum_assignment

    apart = np.linalg.norm((predicted[:, None] - truth[None]) * shape[::-1], axis=2)
    return 100 * float(apart[linear_sum_assignment(apart)].mean() / np.hypot(*shape))


def _distances(first: ScanPath, second: ScanPath) -> Floats:
    """Return the distances of all fixations of two paths, ``(N, M)``, in the unit frame."""
    apart = first.points[:, None].astype(np.float64) - second.points[None].astype(np.float64)
    return np.asarray(np.linalg.norm(apart, axis=2))


def _letters(paths: Sequence[ScanPath], bins: int, step: float | None = None) -> tuple[Letters, Letters]:
    """Return letters, ``(N, longest)`` with `_NONE` after their end, and the numbers of letters, ``(N,)``."""
    words = []
    for path in paths:
        cells = np.clip(np.floor(path.points.astype(np.float64) * bins), 0, bins - 1).astype(np.int64)
        letters = cells[:, 0] + bins * cells[:, 1]
        if step is not None:
            known = np.isfinite(path.durations).all()
            letters = np.repeat(letters, np.rint(path.durations / step).astype(np.int64)) if known else letters[:0]
        words.append(letters)
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    table = np.full((len(words), max(1, int(lengths.max(initial=0)))), _NONE)
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate([*words, np.zeros(0, np.int64)])
    return table, lengths


def _gains() -> Floats:
    """Return what two letters score, with a last row and column, for `_NONE`, that no alignment takes."""
    cells = np.stack(np.divmod(np.arange(_SCANMATCH_BINS**2), _SCANMATCH_BINS), axis=1)
    apart = np.linalg.norm(cells[:, None] - cells[None], axis=2)
    return np.pad(_SCANMATCH_THRESHOLD - apart, ((0, 1), (0, 1)), constant_values=-np.inf)
