"""Whether a smile scores above the neutral face of the same person, on portraits of people seen twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.metrics.ranking import auroc
from vision_cli.metrics.resampling import LEVEL

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairedSmiles:
    """How a score tells smiles from neutral faces.

    Attributes
    ----------
    pairs
        Persons with both.
    above
        Persons whose smile scores above their neutral face; ties do not count.
    share, low, high
        Their share with its exact binomial interval (Clopper and Pearson 1934).
    auc
        Area under the ROC curve of smiles against neutral faces, persons apart.
    """

    pairs: int
    above: int
    share: float
    low: float
    high: float
    auc: float


def paired_smiles(scores: Floats, smiles: Sequence[bool], subjects: Sequence[str]) -> PairedSmiles:
    """Compare the scores of smiles with those of neutral faces.

    Parameters
    ----------
    scores
        Of happiness or of AU 12, ``(N,)``, finite; larger means more of a smile.
    smiles
        Whether each face smiles, ``(N,)``.
    subjects
        The person of each. Several faces of a kind are averaged for the pairs.

    Raises
    ------
    InputError
        If no person has both, or a score is not finite.
    """
    if not len(scores) == len(smiles) == len(subjects) or not np.isfinite(scores).all():
        raise InputError(
            f"{len(scores)} scores, {len(smiles)} labels, {len(subjects)} persons; one each a face expected."
        )
    is_smile, people = np.asarray(smiles, dtype=bool), np.asarray(subjects)
    pairs = above = 0
    for person in np.unique(people):
        own = people == person
        smiling, neutral = scores[own & is_smile], scores[own & ~is_smile]
        if len(smiling) and len(neutral):
            pairs += 1
            above += bool(smiling.mean() > neutral.mean())
    if not pairs:
        raise InputError("no person with a smile and a neutral face; one or more expected.")
    low, high = exact_interval(above, pairs)
    return PairedSmiles(pairs, above, above / pairs, low, high, auroc(is_smile, scores))


def exact_interval(successes: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high
