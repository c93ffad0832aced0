"""Embedded groups: the trained head that maps group vectors, and the memory bank that they are compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.pcd_anomaly.networks import GroupHead
from vision_cli.pcd_anomaly.scoring.bank import ROWS_AT_ONCE, nearest_in_bank

SAME_PLACE = 0.08
"""Share of the diameter within which two registered groups count as groups of the same place."""


@dataclass(frozen=True)
class TrainedHead:
    """The head with the statistics that its inputs are standardised with.

    Attributes
    ----------
    network
        None where training failed or was switched off; vectors are then only standardised.
    mean, scale
        Mean and standard deviation of the training vectors, ``(F,)``.
    history
        Loss of each training step.
    """

    network: GroupHead | None
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    history: tuple[float, ...]

    @torch.no_grad()
    def embed(self, vectors: NDArray[np.float32]) -> Tensor:
        """Return the embeddings ``(N, F)`` of vectors ``(N, F)``; without a network, standardised vectors over √F."""
        rows = torch.from_numpy((vectors - self.mean) / self.scale)
        return rows / math.sqrt(rows.shape[1]) if self.network is None else self.network.embed(rows)


@dataclass(frozen=True)
class MemoryBank:
    """Embedded groups of good views, with their places.

    Attributes
    ----------
    vectors
        Embeddings, ``(B, d)``.
    places
        Registered centres divided by the diameter, ``(B, 3)``.
    """

    vectors: Tensor
    places: Tensor

    def select(self, chosen: NDArray[np.bool_]) -> MemoryBank:
        """Return the bank of the chosen entries, a mask ``(B,)``; the whole bank if no entry is chosen."""
        rows = np.flatnonzero(chosen if chosen.any() else np.ones_like(chosen))
        return MemoryBank(self.vectors[rows], self.places[rows])

    def distances(self, vectors: Tensor, places: NDArray[np.float64], rows: int = ROWS_AT_ONCE) -> NDArray[np.float64]:
        """Return the distance of each embedded group to the nearest entry at the same place, ``(G,)``.

        Parameters
        ----------
        vectors
            Embeddings, ``(G, d)``.
        places
            Registered centres divided by the diameter, ``(G, 3)``.
        rows
            Groups compared at once.
        """
        here = torch.from_numpy(places.astype(np.float32))
        return nearest_in_bank(vectors, self.vectors, here, self.places, SAME_PLACE, rows)[0].double().numpy()
