"""A linear probe of CLIP's frozen features (Ojha et al. 2023), beside the colour coherence of a face."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.forgery_detect.networks.clip.towers import ClipVision
from vision_cli.forgery_detect.networks.coherence_input import CoherenceInput
from vision_cli.forgery_detect.networks.mfclip.detector import MfClipOutput

_LEAST_LENGTH = 1e-6


class ClipProbe(nn.Module):
    """A linear model of CLIP's features of unit length.

    Parameters
    ----------
    tower
        CLIP's vision tower; it is frozen.
    features
        Number of coherence features; 0 for none.
    """

    def __init__(self, tower: ClipVision, *, features: int) -> None:
        super().__init__()
        self.tower = tower.requires_grad_(False).eval()
        self.probe = nn.Linear(tower.width, 1)
        self.coherence = CoherenceInput(features)
        nn.init.zeros_(self.probe.weight)
        nn.init.zeros_(self.probe.bias)

    def forward(self, image: Tensor, patch: Tensor, coherence: Tensor) -> MfClipOutput:
        """Judge faces, see `MfClip`; the patch is not seen. The heat map is what the probe says of each token."""
        with torch.no_grad():
            features, tokens = self.tower(image)
            length = features.norm(dim=-1, keepdim=True).clamp(min=_LEAST_LENGTH)
        logit = self.probe(features / length).squeeze(-1) + self.coherence(coherence)
        said = F.linear(tokens / length[:, None], self.probe.weight, self.probe.bias).squeeze(-1)
        return MfClipOutput(logit, features, said.sigmoid().unflatten(1, (self.tower.grid, self.tower.grid)))
