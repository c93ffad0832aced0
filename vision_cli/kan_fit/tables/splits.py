"""Random split of a table's rows into training, validation and test rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError

_FEWEST_ROWS = 30


@dataclass(frozen=True)
class RowSplit:
    """Row numbers of the parts of a table.

    Attributes
    ----------
    train, val, test
        Sorted row numbers from 0; ``test`` is empty where the test data are another table.
    """

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


def split_rows(count: int, val: float, test: float, seed: int) -> RowSplit:
    """Return a random split of rows.

    Parameters
    ----------
    count
        Number of rows.
    val, test
        Fractions of the rows to validate and to test on.
    seed
        Of the permutation.

    Raises
    ------
    InputError
        If fewer than 30 rows are left to train on, or none to validate on.
    """
    order = np.random.default_rng((seed, 0)).permutation(count)
    tests, vals = round(count * test), round(count * val)
    if count - tests - vals < _FEWEST_ROWS or vals < 1:
        raise InputError(
            f"{count - tests - vals} rows to train on and {vals} to validate on found; {_FEWEST_ROWS} and one or more "
            "expected.",
            hint="Give more rows, or lower --val-fraction and --test-fraction.",
        )
    return RowSplit(np.sort(order[tests + vals :]), np.sort(order[tests : tests + vals]), np.sort(order[:tests]))


def fold_splits(count: int, folds: int, val: float, seed: int) -> list[RowSplit]:
    """Return a division of rows for each fold of a cross-validation, whose test rows it is.

    Parameters
    ----------
    count, val, seed
        As in `split_rows`.
    folds
        Number of folds.

    Raises
    ------
    InputError
        If fewer than 30 rows are left to train on, or none to validate on.
    """
    parts = np.array_split(np.random.default_rng((seed, 5)).permutation(count), folds)
    found = []
    for number, part in enumerate(parts):
        rest = np.concatenate(parts[:number] + parts[number + 1 :])
        inner = split_rows(len(rest), val, 0.0, seed)
        found.append(RowSplit(np.sort(rest[inner.train]), np.sort(rest[inner.val]), np.sort(part)))
    return found


def thinned(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return every k-th row with the least k that leaves at most ``most`` rows."""
    return rows if len(rows) <= most else rows[:: -(-len(rows) // most)]
