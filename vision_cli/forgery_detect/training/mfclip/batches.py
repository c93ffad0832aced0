"""Batches of MFCLIP and its baselines: pairs of a fake and its real with their prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.forgery_detect.networks.mfclip.prompts import Prompt, distinct_prompts
from vision_cli.forgery_detect.training.localisation import unknown_masks
from vision_cli.forgery_detect.training.pairs import Pairs
from vision_cli.forgery_detect.values import Examples

# Streams 0 and 1 of the seed are those of `Pairs`.
_FLIP = 2


@dataclass(frozen=True)
class FaceBatch:
    """Faces of a step.

    Attributes
    ----------
    image, patch
        ``(B, 3, S, S)`` and ``(B, 3, P, P)`` in 0 to 1.
    coherence
        ``(B, F)``.
    labels, sources
        ``(B,)``, as in `Examples`.
    prompts
        ``(B,)`` places of the faces' prompts among those of the training.
    masks
        ``(B, M, M)``, as in `Examples`.
    """

    image: Tensor
    patch: Tensor
    coherence: Tensor
    labels: Tensor
    sources: Tensor
    prompts: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def prompts_of(examples: Examples) -> tuple[tuple[Prompt, ...], NDArray[np.int64]]:
    """Return the different prompts of faces, and the place of each face's own ``(N,)``."""
    return distinct_prompts(examples.labels, examples.generators, examples.forgeries, examples.families)


class FaceBatches:
    """Draws the faces of a step, as `Pairs` orders them; half of the pairs are mirrored.

    Parameters
    ----------
    examples
        The faces.
    device
        Where batches are computed.
    seed
        Of order, partners and mirroring.

    Raises
    ------
    InputError
        If all faces are real, or all are fake.
    """

    def __init__(self, examples: Examples, device: torch.device, *, seed: int) -> None:
        self.pairs = Pairs(examples, seed)
        self.examples, self.device, self.seed = examples, device, seed
        self.prompts, self._places = prompts_of(examples)

    def load(self, numbers: Sequence[int]) -> FaceBatch:
        """Return the batch of these sample numbers."""
        rows = np.array([self.pairs.row(number) for number in numbers])
        images, patches = self.examples.images[rows], self.examples.patches[rows]
        known = self.examples.masks
        masks = unknown_masks(len(rows)) if known is None else torch.from_numpy(known[rows])
        for place, number in enumerate(numbers):
            # A pair is mirrored alike, so that nothing but the forgery differs.
            if np.random.default_rng((self.seed, _FLIP, number // 2)).random() < 0.5:
                images[place], patches[place] = images[place, :, :, ::-1], patches[place, :, :, ::-1]
                masks[place] = masks[place].flip(-1)
        return FaceBatch(
            self._on_device(images).float() / 255,
            self._on_device(patches).float() / 255,
            self._on_device(self.examples.coherence[rows]),
            self._on_device(self.examples.labels[rows]),
            self._on_device(self.examples.sources[rows]),
            self._on_device(self._places[rows]),
            masks.to(self.device),
        )

    def _on_device(self, values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)
