"""The memory bank: a coreset of normal groups, and distances to it in bounded memory."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROWS_AT_ONCE = 2048
_WIDEST = 128
BYTES_AN_ENTRY = 21
"""Memory for one query and one entry of the bank: five float32 temporaries and one mask byte."""


def projected(vectors: Tensor) -> Tensor:
    """Return a random projection of wide rows that roughly keeps their distances, ``(N, d')``.

    Source: Johnson and Lindenstrauss 1984, by PatchCore, section 3.2.
    """
    width = vectors.shape[1]
    if width <= _WIDEST:
        return vectors
    generator = torch.Generator().manual_seed(0)
    return vectors @ torch.randn((width, _WIDEST), generator=generator) / math.sqrt(_WIDEST)


def greedy_coreset(vectors: Tensor, count: int, start: int = 0) -> NDArray[np.int64]:
    """Return the numbers of a greedy k-centre coreset of rows (Gonzalez 1985; PatchCore, algorithm 1).

    Parameters
    ----------
    vectors
        ``(N, d)``.
    count
        Number of rows to choose; all rows if there are at most so many.
    start
        Number of the first row.

    Returns
    -------
    ndarray
        Numbers of the chosen rows, in the order of their choice.
    """
    if count >= len(vectors):
        return np.arange(len(vectors))
    square = vectors.square().sum(dim=1)
    # In column-major order the product with one vector is several times as fast.
    columns = vectors.T.contiguous().T
    nearest = torch.full((len(vectors),), torch.inf, dtype=vectors.dtype, device=vectors.device)
    chosen = np.empty(count, dtype=np.int64)
    number = start
    for place in range(count):
        chosen[place] = number
        distance = torch.addmv(square, columns, vectors[number], alpha=-2) + square[number]
        nearest = torch.minimum(nearest, distance)
        nearest[number] = -torch.inf
        number = int(nearest.argmax())
    return chosen


def nearest_in_bank(
    queries: Tensor,
    bank: Tensor,
    places: Tensor | None = None,
    bank_places: Tensor | None = None,
    reach: float = float("inf"),
    rows: int = ROWS_AT_ONCE,
) -> tuple[Tensor, Tensor]:
    """Return the nearest vector of a bank for every query.

    Parameters
    ----------
    queries, bank
        ``(N, d)`` and ``(B, d)``.
    places, bank_places
        Registered centres of both, ``(N, 3)`` and ``(B, 3)``: if given, a query is compared only with entries within
        ``reach`` of its own place, or with the whole bank if there are none.
    reach
        Largest distance of places.
    rows
        Queries at once: each takes `BYTES_AN_ENTRY` bytes for every entry of the bank.

    Returns
    -------
    tuple
        Distances ``(N,)`` and numbers in the bank ``(N,)``.
    """
    distances, numbers = [], []
    bank_square = bank.square().sum(dim=1)
    for start in range(0, len(queries), rows):
        part = queries[start : start + rows]
        square = (part.square().sum(dim=1, keepdim=True) + bank_square - 2 * part @ bank.T).clamp_min(0)
        if places is not None and bank_places is not None:
            here = places[start : start + rows]
            is_far = torch.cdist(here, bank_places) > reach
            is_far &= ~is_far.all(dim=1, keepdim=True)
            square = square.masked_fill(is_far, torch.inf)
        least, number = square.min(dim=1)
        distances.append(least.sqrt())
        numbers.append(number)
    return torch.cat(distances), torch.cat(numbers)
