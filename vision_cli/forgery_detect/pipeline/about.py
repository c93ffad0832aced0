"""How a detector is built, and how its scores are read: what a weight file says beside its tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vision_cli.forgery_detect.options.training import Method

CLIP = "clip"
"""Variant of a linear probe on CLIP's vision tower."""


@dataclass(frozen=True)
class About:
    """How a detector is built, and how its scores are read.

    Attributes
    ----------
    method, variant
        The detector and its size. ``linear`` has none where it sees the coherence alone, and ``clip`` for a probe of
        CLIP.
    side, patch
        Of the face and of its richest tile, px.
    features
        Number of features of the colour coherence that it takes; 0 for none.
    domains
        Names of the domains of the training, in the order of the network (GM-DF).
    threshold
        Raw score of logit 0, the middle of the band of doubt.
    temperature
        Raw score of one unit of a logit.
    doubt
        Logits within ``-doubt`` to ``doubt`` are of doubt.
    has_noise
        Whether there is a noise branch; not in its ablation.
    experts, expert_dim
        Experts of a block, and width of their hidden layer; 0 for that of the variant (GM-DF).
    tower, activation
        Numbers of CLIP's vision tower by name, and its activation (linear probe).
    """

    method: Method
    variant: str
    side: int
    patch: int
    features: int
    domains: tuple[str, ...] = ()
    threshold: float = 0.0
    temperature: float = 1.0
    doubt: float = 0.0
    has_noise: bool = True
    experts: int = 3
    expert_dim: int = 0
    tower: Mapping[str, int] | None = None
    activation: str = "quick_gelu"

    @property
    def band(self) -> float:
        """Half the width of the band of doubt around a probability of 0.5."""
        return 1 / (1 + math.exp(-self.doubt)) - 0.5
