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
"""Of one query and one entry of the bank: five float32 on the way to their distance, and whether it is too far."""


def projected(vectors: Tensor) -> Tensor:
    """Project wide rows at random to fewer columns, between which distances stay about what they are, ``(N, d')``.

    Source: Johnson and Lindenstrauss 1984, by PatchCore, section 3.2.
    """
    width = vectors.shape[1]
    if width <= _WIDEST:
        return vectors
    generator = torch.Generator().manual_seed(0)
    return vectors @ torch.randn((width, _WIDEST), generator=generator) / math.sqrt(_WIDEST)


def greedy_coreset(vectors: Tensor, count: int, start: int = 0) -> NDArray[np.int64]:
    """Choose rows so that every row is near a chosen one: k-centre, greedy (Gonzalez 1985; PatchCore, algorithm 1).

    Parameters
    ----------
    vectors
        ``(N, d)``.
    count
        How many to choose; all where there are no more.
    start
        The first one.

    Returns
    -------
    ndarray
        Numbers of the chosen rows, in the order of their choice.
    """
    if count >= len(vectors):
        return np.arange(len(vectors))
    square = vectors.square().sum(dim=1)
    # Column by column a product with one vector is several times as fast.
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
    """Find the nearest vector of a bank.

    Parameters
    ----------
    queries, bank
        ``(N, d)`` and ``(B, d)``.
    places, bank_places
        Registered centres of both, ``(N, 3)`` and ``(B, 3)``: with them a query is only compared with what lies
        within ``reach`` of its own place, or with the whole bank where there is nothing.
    reach
        The gate.
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
