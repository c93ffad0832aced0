"""Balance of a data set: how many faces of each label, sex, age and so on, and of each label within them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeGuard

import numpy as np

UNKNOWN = "unknown"
_BINS = 4


@dataclass(frozen=True)
class BalanceTable:
    """Counts of one attribute by label.

    Attributes
    ----------
    attribute
        Name of it.
    values, labels
        Names of rows and columns.
    counts
        ``counts[value][label]``.
    evenness
        Entropy of the values over that of equal shares, 0 to 1 (Pielou 1966); 1 where there is one value.
    ratio
        Of the most to the least frequent value.
    dependence
        Cramér's V of attribute and label, 0 to 1: 0 means that every label has the same shares.
    """

    attribute: str
    values: tuple[str, ...]
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    evenness: float
    ratio: float
    dependence: float


def balance_tables(labels: Sequence[str], facts: Sequence[Mapping[str, str | float]]) -> tuple[BalanceTable, ...]:
    """Count labels, and labels by each attribute that a face has.

    Numbers with more than four values are cut into four ranges of equal width.

    Parameters
    ----------
    labels
        Of each face; empty for none.
    facts
        Of each face, by attribute.
    """
    named = [label or UNKNOWN for label in labels]
    tables = [_table("label", named, [""] * len(named))]
    for attribute in sorted({name for of_face in facts for name in of_face}):
        values = _in_words([of_face.get(attribute) for of_face in facts])
        tables.append(_table(attribute, values, named))
    return tuple(tables)


def _in_words(values: Sequence[str | float | None]) -> list[str]:
    """Return values as names: numbers as they are where they are few, as ranges otherwise."""
    numbers = [value for value in values if _is_number(value)]
    if len(set(numbers)) <= _BINS:
        return [f"{value:g}" if _is_number(value) else _name(value) for value in values]
    edges = np.linspace(min(numbers), max(numbers), _BINS + 1)
    names = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    last = _BINS - 1
    return [
        names[min(int(np.searchsorted(edges, value, side="right")) - 1, last)] if _is_number(value) else _name(value)
        for value in values
    ]


def _is_number(value: str | float | None) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _name(value: str | float | None) -> str:
    return value if isinstance(value, str) and value else UNKNOWN


def _table(attribute: str, values: Sequence[str], labels: Sequence[str]) -> BalanceTable:
    rows, columns = tuple(sorted(set(values), key=_numeric_first)), tuple(sorted(set(labels)))
    pairs = Counter(zip(values, labels, strict=True))
    counts = np.array([[pairs[row, column] for column in columns] for row in rows], dtype=np.int64)
    counts = counts.reshape(len(rows), len(columns))
    totals = counts.sum(axis=1)
    return BalanceTable(
        attribute,
        rows,
        columns,
        tuple(tuple(int(cell) for cell in row) for row in counts),
        evenness=_evenness(totals / max(totals.sum(), 1)),
        ratio=float(totals.max() / totals.min()) if len(totals) else float("nan"),
        dependence=_cramers_v(counts),
    )


def _numeric_first(word: str) -> tuple[bool, float, str]:
    head = word.split(" ", 1)[0]
    try:
        return False, float(head), word
    except ValueError:
        return True, 0.0, word


def _evenness(shares: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    if len(shares) < 2:
        return 1.0
    return float(-(shares * np.log(shares)).sum() / math.log(len(shares)))


def _cramers_v(counts: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> float:
    smaller = min(counts.shape) - 1 if counts.size else 0
    if smaller < 1:
        return 0.0
    total = counts.sum()
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / total
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    return float(math.sqrt(chi_squared / (total * smaller)))
