"""How often a recogniser names the expression that a face is said to show, with intervals.

The recogniser that judges must not be the one that guided the generation, which the generator has learned to please:
`require_independent_judge` compares their digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, UsageError
from vision_cli.metrics.classification import confusion
from vision_cli.metrics.resampling import Resampled

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_RESAMPLES = 1000


@dataclass(frozen=True)
class Recognition:
    """How well predicted classes agree with the labels.

    Attributes
    ----------
    classes
        Names.
    confusion
        Pairs of label (rows) and prediction (columns), ``(K, K)``.
    accuracy, macro_f1, balanced_accuracy
        With what they are on each bootstrap resample. F1 and recall are averaged over the classes that are labels of
        some face; a class that is never predicted has F1 0.
    recall, f1
        By class, ``(K,)``; NaN for a class that no face has.
    """

    classes: tuple[str, ...]
    confusion: Whole = field(repr=False)
    accuracy: Resampled
    macro_f1: Resampled
    balanced_accuracy: Resampled
    recall: Floats = field(repr=False)
    f1: Floats = field(repr=False)


def require_independent_judge(judge_sha256: str, *guides: str) -> None:
    """Refuse a judge that has the weights of a guide.

    Parameters
    ----------
    judge_sha256
        Digest of the judge's weights.
    guides
        Digests of the weights that guided or annotated; empty ones stand for none.

    Raises
    ------
    UsageError
        If one is the same.
    """
    if judge_sha256.lower() in {guide.lower() for guide in guides if guide}:
        raise UsageError(
            f"--judge: the weights {judge_sha256[:12]}... guided the generation; others expected.",
            hint="Judge with weights of another architecture and seed.",
        )


def recognition(
    predicted: Whole,
    labels: Whole,
    classes: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> Recognition:
    """Compare predicted classes with labels.

    Parameters
    ----------
    predicted, labels
        Numbers of classes, ``(N,)``.
    classes
        Names.
    groups
        Person of each face: faces of a person are resampled together, as they resemble each other. By default each face
        is one of its own.
    resamples, seed
        Of the bootstrap.

    Raises
    ------
    InputError
        If there is no face, or the numbers do not fit together.
    """
    count = len(classes)
    if not len(labels) or labels.shape != predicted.shape or labels.ndim != 1:
        raise InputError(f"{labels.shape} labels and {predicted.shape} predictions; a pair a face expected.")
    if min(labels.min(), predicted.min()) < 0 or max(labels.max(), predicted.max()) >= count:
        raise InputError(f"class numbers outside 0 to {count - 1}; numbers of {', '.join(classes)} expected.")
    pairs = labels * count + predicted
    units = np.arange(len(pairs)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    samples = _resampled_confusions(pairs, units, count, resamples, seed)
    whole = confusion(predicted, labels, count)
    known = whole.sum(axis=1) > 0
    n = len(labels)
    recall, f1 = _by_class(whole[None])
    return Recognition(
        classes=tuple(classes),
        confusion=whole,
        accuracy=Resampled(_accuracy(whole[None])[0], _accuracy(samples), n),
        macro_f1=Resampled(float(f1[0, known].mean()), _mean(_by_class(samples)[1]), n),
        balanced_accuracy=Resampled(float(recall[0, known].mean()), _mean(_by_class(samples)[0]), n),
        recall=recall[0],
        f1=f1[0],
    )


def _resampled_confusions(pairs: Whole, units: Whole, count: int, resamples: int, seed: int) -> Whole:
    """Return confusions of bootstrap resamples of units, ``(R, K, K)``.

    Units with the same confusion are drawn as one kind, by a multinomial: the same as drawing units, with at most K^2
    kinds where each face is a unit.
    """
    rng = np.random.default_rng(seed)
    cells = count * count
    if len(np.unique(units)) == len(units):
        drawn = rng.multinomial(len(units), np.bincount(pairs, minlength=cells) / len(units), size=resamples)
        return drawn.reshape(resamples, count, count)
    of_units = np.zeros((int(units.max()) + 1, cells), dtype=np.int64)
    np.add.at(of_units, (units, pairs), 1)
    kinds, times = np.unique(of_units, axis=0, return_counts=True)
    drawn = rng.multinomial(len(of_units), times / len(of_units), size=resamples)
    return (drawn @ kinds).reshape(resamples, count, count)


def _accuracy(confusions: Whole) -> Floats:
    right = np.trace(confusions, axis1=1, axis2=2)
    return np.asarray(right / confusions.sum(axis=(1, 2)), dtype=np.float64)


def _by_class(confusions: Whole) -> tuple[Floats, Floats]:
    """Return recall and F1 of each class, ``(R, K)``; NaN for a class without labels."""
    right = np.diagonal(confusions, axis1=1, axis2=2)
    true, found = confusions.sum(axis=2), confusions.sum(axis=1)
    with np.errstate(invalid="ignore"):
        recall = right / true
        f1 = np.where(true > 0, 2 * right / (true + found), np.nan)
    return recall, f1


def _mean(values: Floats) -> Floats:
    """Return the mean of each row over the classes that it has."""
    known = np.isfinite(values)
    return np.asarray(np.where(known, values, 0).sum(axis=1) / known.sum(axis=1), dtype=np.float64)
