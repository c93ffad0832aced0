"""Labels of generated faces checked by a vote: of FERAnno, and of recognisers from elsewhere (SynFER, section 3.4).

A generator does not always draw what it is asked for. Each voter names probabilities of the classes. Where all voters
name the class that was asked for, the label stays; otherwise it becomes the class of their mean probabilities, as in
the paper, which may be the requested one again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.metrics.ranking import auroc
from vision_cli.synth_faces.plans.rows import LabelSource

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

UNLABELLED = -1
"""Label of a face that was not asked for by one of the classes: a compound one, or action units alone."""

_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Rectified:
    """Labels after the vote.

    Attributes
    ----------
    labels
        Numbers of classes, ``(N,)``: those asked for or corrected; of a dropped face what the vote says.
    sources
        Why each label is what it is: ``requested``, ``rectified``, or ``dropped`` for lack of confidence.
    predicted
        Class of the mean probabilities, ``(N,)``.
    confidence
        Mean probability of the label, ``(N,)``; of an unlabelled face that of the predicted class.
    agree
        Whether the predicted class is the one asked for, ``(N,)``.
    probabilities
        Mean over the voters, ``(N, K)``.
    votes
        Class that each voter names, ``(N,)`` by its name.
    suspicion
        How much the vote speaks against what was asked for, ``(N,)``: 1 minus its mean probability; NaN where nothing
        was.
    """

    labels: Whole = field(repr=False)
    sources: tuple[LabelSource, ...] = field(repr=False)
    predicted: Whole = field(repr=False)
    confidence: Floats = field(repr=False)
    agree: NDArray[np.bool_] = field(repr=False)
    probabilities: Floats = field(repr=False)
    votes: Mapping[str, Whole] = field(repr=False)
    suspicion: Floats = field(repr=False)

    def count(self, source: LabelSource) -> int:
        """Return how many labels have a source."""
        return self.sources.count(source)


@dataclass(frozen=True)
class RectificationMeasures:
    """How well wrong labels were found and corrected, given the true ones.

    Attributes
    ----------
    faces, wrong
        Labelled faces, and those of which a wrong label was asked for.
    flag_auroc
        Area under the ROC curve of the suspicion against wrong labels; NaN unless there are both.
    repaired
        Share of the wrong labels that became the true one; NaN without wrong ones.
    spoiled
        Share of the right labels that became a wrong one; NaN without right ones.
    dropped_wrong, dropped_right
        Share of the wrong and of the right ones that were dropped, which are neither repaired nor spoiled.
    """

    faces: int
    wrong: int
    flag_auroc: float
    repaired: float
    spoiled: float
    dropped_wrong: float
    dropped_right: float


def rectify(
    requested: Whole, voters: Mapping[str, Floats], *, trust: float | None = None, min_confidence: float = 0.0
) -> Rectified:
    """Correct labels by a vote.

    Parameters
    ----------
    requested
        Numbers of the classes that were asked for, ``(N,)``; `UNLABELLED` where none was.
    voters
        Probabilities by voter, ``(N, K)``, of the same classes in the same order. One voter alone is a vote too.
    trust
        Share of the requests that are believed to be drawn as asked. The mean probabilities are then multiplied by it
        for the class asked for, and by ``(1 - trust) / (K - 1)`` for the others, before the class is chosen. None
        believes all classes alike, as the paper does.
    min_confidence
        Faces with less confidence are dropped.

    Raises
    ------
    InputError
        If there is no voter, or the numbers do not fit together.
    """
    probabilities = _mean(requested, voters)
    count = probabilities.shape[1]
    votes = {name: np.asarray(values.argmax(axis=1), np.int64) for name, values in voters.items()}
    known = requested != UNLABELLED
    rows = np.arange(len(requested))
    asked = np.where(known, requested, 0)
    believed = probabilities.copy()
    if trust is not None:
        if not 0 < trust < 1:
            raise InputError(f"trust of {trust}; more than 0 and less than 1 expected.")
        believed[known] *= (1 - trust) / (count - 1)
        believed[rows[known], asked[known]] *= trust * (count - 1) / (1 - trust)
    predicted = np.asarray(probabilities.argmax(axis=1), np.int64)
    unanimous = np.all([vote == requested for vote in votes.values()], axis=0)
    decided = np.where(unanimous, requested, believed.argmax(axis=1))
    labels = np.asarray(np.where(known, decided, UNLABELLED), np.int64)
    confidence = probabilities[rows, np.where(known, labels, predicted)]
    dropped = confidence < min_confidence
    sources = tuple(_source(bool(drop), bool(same)) for drop, same in zip(dropped, labels == requested, strict=True))
    suspicion = np.where(known, 1 - probabilities[rows, asked], np.nan)
    return Rectified(
        labels, sources, predicted, confidence, known & (predicted == requested), probabilities, votes, suspicion
    )


def rectification_measures(true: Whole, requested: Whole, rectified: Rectified) -> RectificationMeasures:
    """Measure a rectification.

    Parameters
    ----------
    true
        Numbers of the classes that the faces show, ``(N,)``.
    requested
        Those that were asked for; faces without one are left out.
    rectified
        What became of them.

    Raises
    ------
    InputError
        If the numbers of faces differ.
    """
    if not true.shape == requested.shape == rectified.labels.shape:
        raise InputError(f"{true.shape} true and {requested.shape} requested labels; a pair a face expected.")
    known = requested != UNLABELLED
    wrong = (requested != true) & known
    right = (requested == true) & known
    dropped = np.array([source == "dropped" for source in rectified.sources], dtype=bool)
    is_true = rectified.labels == true
    return RectificationMeasures(
        faces=int(known.sum()),
        wrong=int(wrong.sum()),
        flag_auroc=auroc(wrong[known], rectified.suspicion[known]),
        repaired=_share((is_true & ~dropped)[wrong]),
        spoiled=_share((~is_true & ~dropped)[right]),
        dropped_wrong=_share(dropped[wrong]),
        dropped_right=_share(dropped[right]),
    )


def flip_labels(labels: Whole, share: float, classes: int, rng: np.random.Generator) -> Whole:
    """Return labels of which a share is another class, each other one alike, as ``round(share * N)`` of them.

    Parameters
    ----------
    labels
        ``(N,)``.
    share
        0 to 1.
    classes
        How many there are.
    rng
        Which are changed, and to what.
    """
    flipped = labels.copy()
    chosen = rng.permutation(len(labels))[: round(share * len(labels))]
    flipped[chosen] = (labels[chosen] + rng.integers(1, classes, len(chosen))) % classes
    return flipped


def onto_classes(probabilities: Floats, found: Sequence[str], classes: Sequence[str]) -> Floats:
    """Return probabilities of a voter's classes as those of others, ``(N, K)``, rows of sum 1.

    Raises
    ------
    InputError
        If the voter does not know one of the classes: it would always vote against it.
    """
    if missing := [name for name in classes if name not in found]:
        raise InputError(
            f"a voter that knows {', '.join(found)}; {', '.join(missing)} expected too.",
            hint="Leave this recogniser out of the vote.",
        )
    chosen = probabilities[:, [list(found).index(name) for name in classes]]
    total = chosen.sum(axis=1, keepdims=True)
    # All that it saw may be in a class that is left out.
    return np.where(total > 0, chosen / np.where(total > 0, total, 1), 1 / len(classes))


def _mean(requested: Whole, voters: Mapping[str, Floats]) -> Floats:
    """Return mean probabilities of voters, checked."""
    if not voters:
        raise InputError("a vote of nobody; one voter or more expected.", hint="Give --annotate or a recogniser.")
    shapes = {values.shape for values in voters.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 2 or next(iter(shapes))[0] != len(requested):
        found = ", ".join(f"{name} {values.shape}" for name, values in voters.items())
        raise InputError(f"probabilities {found}; ({len(requested)}, classes) of each voter expected.")
    for name, values in voters.items():
        if not np.isfinite(values).all() or (np.abs(values.sum(axis=1) - 1) > _TOLERANCE).any() or (values < 0).any():
            raise InputError(f"{name}: numbers that are no probabilities; rows of sum 1 expected.")
    count = next(iter(shapes))[1]
    if len(requested) and not (requested.min() >= UNLABELLED and requested.max() < count):
        raise InputError(f"requested class numbers outside 0 to {count - 1}; {UNLABELLED} stands for none.")
    return np.asarray(np.mean(list(voters.values()), axis=0), np.float64)


def _source(is_dropped: bool, is_same: bool) -> LabelSource:
    if is_dropped:
        return "dropped"
    return "requested" if is_same else "rectified"


def _share(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else math.nan
