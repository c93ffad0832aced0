"""How well a cue other than the face tells the classes apart, measured on files that the rule was not made on.

The files are halved. A rule is made on one half and scores the other, both ways; the AUC is the mean over the halves,
so that choosing among many values of a cue, or learning a template, does not make a cue of nothing. The p value is the
share of permutations of the labels within the halves, the scores as they are, whose AUC is as high. What the halves
have in common by chance raises both AUCs: the permuted ones are added in order of size, as if both halves always
agreed. Taken as independent they gave false alarms twice as often as said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[np.int64]

PERMUTATIONS = 4999
_MOST_DRAWN = 1 << 21
"""Random numbers held at once."""

_STRONG = 48
"""Mean difference between the classes from which a pixel counts for a pattern; the greatest is twice 127."""


class Cue(Protocol):
    """Something about files that may tell the classes apart."""

    @property
    def name(self) -> str:
        """Return what it is, in a few words."""
        ...

    def scores(self, labels: Labels, made_on: Ints, applied_to: Ints) -> tuple[Floats, str]:
        """Make a rule on some files; return the scores of others, higher for fake, and what the rule looks at."""
        ...


@dataclass(frozen=True)
class Words:
    """A cue of words, such as the kind of file: the score is the share of fakes among the files of the same word.

    Attributes
    ----------
    name
        What it is.
    values
        A word a file.
    """

    name: str
    values: Sequence[str] = field(repr=False)

    def scores(self, labels: Labels, made_on: Ints, applied_to: Ints) -> tuple[Floats, str]:
        """Score by shares; a word that was not seen counts as undecided."""
        counts: dict[str, list[int]] = {}
        for place in made_on:
            counts.setdefault(self.values[place], [0, 0])[int(labels[place])] += 1
        totals = np.maximum(np.bincount(labels[made_on], minlength=2), 1)
        shares = {
            word: (fake / totals[1]) / (real / totals[0] + fake / totals[1]) for word, (real, fake) in counts.items()
        }
        found = np.array([shares.get(self.values[place], 0.5) for place in applied_to])
        common = [max(counts, key=lambda word: (counts[word][label], word)) if counts else "" for label in (0, 1)]
        return found, f"real {common[0]}, fake {common[1]}"


@dataclass(frozen=True)
class Numbers:
    """A cue of numbers: the column that tells the classes of one half apart best, in its direction.

    Attributes
    ----------
    name
        What it is.
    columns
        Name of each column.
    values
        ``(N, F)``, finite.
    """

    name: str
    columns: Sequence[str]
    values: Floats = field(repr=False)

    def scores(self, labels: Labels, made_on: Ints, applied_to: Ints) -> tuple[Floats, str]:
        """Score by the best column."""
        aucs = rank_aucs(labels[made_on], self.values[made_on])
        best = int(np.abs(aucs - 0.5).argmax())
        sign = 1.0 if aucs[best] >= 0.5 else -1.0
        return sign * self.values[
            applied_to, best
        ], f"{self.columns[best]}, {'higher' if sign > 0 else 'lower'} in fake"


@dataclass(frozen=True)
class Templates:
    """A cue of patterns at fixed places: agreement with the mean pattern of the fakes less that of the reals.

    Attributes
    ----------
    name
        What it is.
    places
        Name of each place.
    values
        ``(N, P, D)`` int8: the pattern of each file at each place.
    """

    name: str
    places: Sequence[str]
    values: NDArray[np.int8] = field(repr=False)

    def scores(self, labels: Labels, made_on: Ints, applied_to: Ints) -> tuple[Floats, str]:
        """Score by the place with the strongest common pattern, by the pixels in which it is strong.

        An overlay has the same strong edges in most files of a class. Weak ones are no overlay: faces that are aligned
        alike, and generators with texture at fixed places, have such in crops of faces.
        """
        is_fake = labels[made_on].astype(bool)
        templates = []
        for place in range(len(self.places)):
            own = self.values[made_on, place].astype(np.float32)
            difference = own[is_fake].mean(axis=0) - own[~is_fake].mean(axis=0)
            templates.append(np.where(np.abs(difference) >= _STRONG, difference, 0))
        best = int(np.argmax([float(template @ template) for template in templates]))
        scores = self.values[applied_to, best].astype(np.float32) @ templates[best]
        return scores.astype(np.float64), self.places[best]


@dataclass(frozen=True)
class CueResult:
    """How well a cue tells the classes apart.

    Attributes
    ----------
    name
        The cue.
    auc
        On files that the rule was not made on; 0.5 tells nothing.
    p_value
        Of the permutation test.
    detail
        What the rule looks at.
    """

    name: str
    auc: float
    p_value: float
    detail: str


def measure_cue(cue: Cue, labels: Labels, halves: tuple[Ints, Ints], rng: np.random.Generator) -> CueResult:
    """Measure a cue on halves of the files, each with both classes.

    Parameters
    ----------
    cue
        The cue.
    labels
        ``(N,)``, 1 for fake.
    halves
        Indices of the files of each half.
    rng
        Draws the permutations.
    """
    observed, permuted, details = 0.0, np.zeros(PERMUTATIONS), []
    for made_on, applied_to in (halves, halves[::-1]):
        scores, detail = cue.scores(labels, made_on, applied_to)
        details.append(detail)
        observed += float(rank_aucs(labels[applied_to], scores[:, None])[0]) / 2
        permuted += np.sort(permuted_aucs(labels[applied_to], scores, rng)) / 2
    as_high = int((permuted >= observed - 1e-12).sum())
    return CueResult(cue.name, observed, (1 + as_high) / (1 + PERMUTATIONS), " | ".join(dict.fromkeys(details)))


def rank_aucs(labels: Labels, values: Floats) -> Floats:
    """Return the AUC of each column of values, ``(N, F)`` to ``(F,)``, by ranks; both classes must occur.

    For many columns at once; `vision_cli.metrics.ranking.auroc` checks its input, which takes longer than the ranks.
    """
    from scipy.stats import rankdata

    fakes = int(labels.sum())
    sums = rankdata(values, axis=0)[labels == 1].sum(axis=0)
    return np.asarray((sums - fakes * (fakes + 1) / 2) / (fakes * (len(labels) - fakes)), np.float64)


def permuted_aucs(labels: Labels, scores: Floats, rng: np.random.Generator) -> Floats:
    """Return the AUCs of scores for `PERMUTATIONS` permutations of the labels."""
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    fakes = int(labels.sum())
    reals = len(labels) - fakes
    if ranks.min() == ranks.max():
        return np.full(PERMUTATIONS, 0.5)
    sums = np.empty(PERMUTATIONS)
    step = max(1, _MOST_DRAWN // len(labels))
    for start in range(0, PERMUTATIONS, step):
        part = sums[start : start + step]
        part[:] = ranks[rng.random((len(part), len(labels))).argsort(axis=1)[:, :fakes]].sum(axis=1)
    return np.asarray((sums - fakes * (fakes + 1) / 2) / (fakes * reals), np.float64)


def random_halves(labels: Labels, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return two halves of the files with as many of each class, one aside."""
    first: list[int] = []
    second: list[int] = []
    for label in (0, 1):
        order = rng.permutation(np.flatnonzero(labels == label))
        first += order[: len(order) // 2].tolist()
        second += order[len(order) // 2 :].tolist()
    return np.array(sorted(first), np.int64), np.array(sorted(second), np.int64)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979)."""
    order = np.argsort(p_values)
    corrected = np.zeros(len(p_values))
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected.tolist()
