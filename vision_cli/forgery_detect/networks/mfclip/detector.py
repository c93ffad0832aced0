"""The detector of MFCLIP: vision encoder, classifier, and the colour coherence of a face beside them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.forgery_detect.networks.coherence_input import CoherenceInput
from vision_cli.forgery_detect.networks.mfclip.vision import VisionEncoder


@dataclass(frozen=True)
class MfClipOutput:
    """What a detector says of B faces.

    Attributes
    ----------
    logit
        ``(B,)``, positive where a face looks forged.
    features
        ``(B, W)`` of the faces, of any length.
    heat
        ``(B, R, C)`` in 0 to 1: where the face looks forged.
    """

    logit: Tensor
    features: Tensor
    heat: Tensor


class MfClip(nn.Module):
    """The part of MFCLIP that judges faces (arXiv:2409.09724), without its language.

    Parameters
    ----------
    encoder
        Faces to features.
    width
        Length of a feature.
    features
        Number of coherence features; 0 for none.
    starts_silent
        Whether the untrained network adds nothing to what the coherence says.
    """

    def __init__(self, encoder: VisionEncoder, width: int, *, features: int, starts_silent: bool) -> None:
        super().__init__()
        self.encoder, self.width = encoder, width
        self.norm, self.classifier = nn.LayerNorm(width), nn.Linear(width, 2)
        # A single token has no places to tell apart: the published network has no such evidence.
        self.evidence = nn.Linear(width, 1) if encoder.image.grid > 1 else None
        self.coherence = CoherenceInput(features)
        for layer in (self.classifier, self.evidence) if starts_silent else ():
            if layer is not None:
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor, patch: Tensor, coherence: Tensor) -> MfClipOutput:
        """Judge faces.

        Parameters
        ----------
        image, patch
            ``(B, 3, S, S)`` and ``(B, 3, P, P)`` in 0 to 1.
        coherence
            ``(B, F)``, not standardised.
        """
        seen = self.encoder(image, patch)
        classes = self.classifier(self.norm(F.normalize(seen.features, dim=-1)))
        # The softmax of two classes is the sigmoid of their difference.
        logit = classes[:, 1] - classes[:, 0]
        if self.evidence is None:
            heat = logit[:, None, None].sigmoid()
        else:
            # The mean of the places is a part of the logit, so that the heat map shows what the logit is made of.
            evidence = self.evidence(seen.places).squeeze(-1)
            logit = logit + evidence.mean(dim=1)
            heat = evidence.sigmoid().unflatten(1, (self.encoder.image.grid, -1))
        return MfClipOutput(logit + self.coherence(coherence), seen.features, heat)
