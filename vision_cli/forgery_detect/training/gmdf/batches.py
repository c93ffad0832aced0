"""Batches of GM-DF: pairs of a fake and its real, as many of each domain, in an order that only the seed determines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.forgery_detect.training.localisation import unknown_masks
from vision_cli.forgery_detect.training.pairs import Pairs
from vision_cli.forgery_detect.values import Examples

_VARIATION, _MASK, _META = range(2, 5)


@dataclass(frozen=True)
class Batch:
    """Faces of a step.

    Attributes
    ----------
    image
        ``(B, 3, S, S)`` in 0 to 1.
    coherence
        ``(B, F)``.
    weights
        ``(B, D + 1)`` shares of the domains that the faces are judged with: the own domain, or the wildcard.
    labels, sources, domains
        ``(B,)``, as in `Examples`.
    seen
        ``(B, K)`` places of the patches that masked image modelling leaves.
    masks
        ``(B, M, M)``, as in `Examples`.
    meta_test
        Number of the domain that this step tests on.
    """

    image: Tensor
    coherence: Tensor
    weights: Tensor
    labels: Tensor
    sources: Tensor
    domains: Tensor
    seen: Tensor
    masks: Tensor
    meta_test: int

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, places: Tensor) -> Batch:
        """Return the faces where `places` ``(B,)`` is true."""
        return Batch(
            self.image[places],
            self.coherence[places],
            self.weights[places],
            self.labels[places],
            self.sources[places],
            self.domains[places],
            self.seen[places],
            self.masks[places],
            self.meta_test,
        )


class PairedBatches:
    """Draws the faces of a step, as `Pairs` orders them.

    Parameters
    ----------
    examples
        The faces.
    device
        Where batches are computed.
    seed
        Of order, partners, flips, wildcards and masks.
    batch_size
        Faces a step, over all processes.
    patches
        Number of patches of a picture.
    hidden
        Share of the patches that masked image modelling hides.
    wildcard
        Share of the pairs that are judged with the wildcard in place of their domain.

    Raises
    ------
    InputError
        If all faces are real, or all are fake.
    """

    def __init__(
        self,
        examples: Examples,
        device: torch.device,
        *,
        seed: int,
        batch_size: int,
        patches: int,
        hidden: float,
        wildcard: float,
    ) -> None:
        self.pairs = Pairs(examples, seed)
        self.examples, self.device, self.seed, self.batch_size = examples, device, seed, batch_size
        self.patches, self.wildcard = patches, wildcard
        self.kept = min(max(patches - round(hidden * patches), 1), patches - 1)
        self.domains = self.pairs.domains

    def load(self, numbers: Sequence[int]) -> Batch:
        """Return the batch of these sample numbers."""
        rows = np.array([self.pairs.row(number) for number in numbers])
        images = self.examples.images[rows]
        known = self.examples.masks
        masks = unknown_masks(len(rows)) if known is None else torch.from_numpy(known[rows])
        domains = self.examples.domains[rows]
        places = 1 + domains
        for place, number in enumerate(numbers):
            # A pair is varied alike, so that nothing but the forgery differs.
            rng = np.random.default_rng((self.seed, _VARIATION, number // 2))
            if rng.random() < 0.5:
                images[place] = images[place, :, :, ::-1]
                masks[place] = masks[place].flip(-1)
            if rng.random() < self.wildcard:
                places[place] = 0
        weights = np.eye(1 + len(self.examples.domain_names), dtype=np.float32)[places]
        return Batch(
            self._on_device(images).float() / 255,
            self._on_device(self.examples.coherence[rows]),
            self._on_device(weights),
            self._on_device(self.examples.labels[rows]),
            self._on_device(self.examples.sources[rows]),
            self._on_device(domains),
            self._on_device(np.stack([self._seen(number) for number in numbers])),
            masks.to(self.device),
            self.meta_test(numbers[0] // self.batch_size),
        )

    def meta_test(self, step: int) -> int:
        """Return the domain that a step tests on: each once in as many steps as there are domains."""
        which, place = divmod(step, len(self.domains))
        order = np.random.default_rng((self.seed, _META, which)).permutation(len(self.domains))
        return self.domains[int(order[place])]

    def _seen(self, number: int) -> NDArray[np.int64]:
        rng = np.random.default_rng((self.seed, _MASK, number))
        return np.sort(rng.permutation(self.patches)[: self.kept])

    def _on_device(self, values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)
