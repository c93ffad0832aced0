"""The detector of GM-DF: encoder with experts, second-order features, prompts, and the colour coherence of a face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.core.errors import UsageError
from vision_cli.forgery_detect.networks.coherence_input import CoherenceInput
from vision_cli.forgery_detect.networks.gmdf.encoder import VisionEncoder
from vision_cli.forgery_detect.networks.gmdf.prompts import WILDCARD, PromptEncoder, Prompts
from vision_cli.forgery_detect.networks.gmdf.second_order import Aggregation

AUTO = "auto"
"""The domain is told from the picture."""


@dataclass(frozen=True)
class GmDfOutput:
    """What the detector says of B faces.

    Attributes
    ----------
    logit
        ``(B,)``, positive where a face looks forged.
    prompt_logits
        ``(B, 2)`` similarities with the prompts of the class real and fake, over the temperature (equation 12).
    features
        ``(B, W)`` second-order features.
    heat
        ``(B, R, C)`` in 0 to 1: where the patches look forged.
    """

    logit: Tensor
    prompt_logits: Tensor
    features: Tensor
    heat: Tensor


class GmDf(nn.Module):
    """GM-DF: one detector of many domains (arXiv:2406.20078).

    Parameters
    ----------
    encoder
        Pictures to tokens.
    prompts
        Classes and domains to features.
    domains
        Names of the domains of the training, in the order of the prompts.
    features
        Number of coherence features.
    condition
        Length of the embedding of a domain.
    outputs
        Length of a feature of a picture and of a prompt.
    levels
        Blocks, counted from 1, whose second-order statistics are used.
    reduced
        Features that covariances are taken of.
    """

    def __init__(
        self,
        encoder: VisionEncoder,
        prompts: PromptEncoder,
        *,
        domains: Sequence[str],
        features: int,
        condition: int,
        outputs: int,
        levels: tuple[int, ...],
        reduced: int,
    ) -> None:
        super().__init__()
        self.domains, self.levels = tuple(domains), levels
        self.encoder, self.prompts = encoder, prompts
        # Without experts nothing depends on it.
        self.condition = nn.Parameter(
            torch.randn(1 + len(domains), condition) * 0.1, requires_grad=len(encoder.experts) > 0
        )
        self.aggregation = Aggregation(encoder.width, outputs, len(levels), reduced)
        self.head, self.evidence = nn.Linear(outputs, 1), nn.Linear(encoder.width, 1)
        self.coherence = CoherenceInput(features)
        for layer in (self.head, self.evidence):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.register_buffer("prototypes", torch.zeros(len(domains), encoder.width))
        self.register_buffer("spread", torch.ones(()))
        self.prototypes: Tensor
        self.spread: Tensor

    def forward(self, image: Tensor, coherence: Tensor, weights: Tensor, prompts: Prompts | None = None) -> GmDfOutput:
        """Judge faces.

        Parameters
        ----------
        image
            ``(B, 3, S, S)`` in 0 to 1.
        coherence
            ``(B, F)``, not standardised.
        weights
            ``(B, D + 1)`` shares of the domains, the wildcard first; see `domain_weights`.
        prompts
            Features of the prompts, which are the same for all pictures; computed if None.
        """
        encoded = self.encoder(image, weights @ self.condition, levels=self.levels)
        features = self.aggregation(encoded.tokens[:, 0], tuple(level[:, 1:] for level in encoded.levels))
        texts, temperatures = (prompts or self.prompts()).mixed(weights)
        similarities = torch.einsum("bw,bcw->bc", F.normalize(features, dim=-1), texts)
        prompt_logits = similarities / temperatures[:, None]
        evidence = self.evidence(encoded.tokens[:, 1:]).squeeze(-1)
        # The mean of the patches is a part of the logit, so that the heat map shows what the logit is made of.
        network = 0.5 * (prompt_logits[:, 1] - prompt_logits[:, 0] + self.head(features).squeeze(-1))
        logit = network + evidence.mean(dim=1) + self.coherence(coherence)
        heat = evidence.sigmoid().unflatten(1, (self.encoder.grid, self.encoder.grid))
        return GmDfOutput(logit, prompt_logits, features, heat)

    def describe(self, image: Tensor) -> Tensor:
        """Return the class token ``(B, W)`` of the encoder without experts, which domains are told by."""
        encoded = self.encoder(image)
        described: Tensor = encoded.tokens[:, 0]
        return described

    def domain_weights(self, image: Tensor, domain: str = AUTO) -> Tensor:
        """Return the shares of the domains ``(B, D + 1)`` to judge pictures ``(B, 3, S, S)`` with.

        Parameters
        ----------
        image
            In 0 to 1; seen for ``auto`` only.
        domain
            ``auto``: a softmax over squared distances to the prototypes, in units of the spread within a domain;
            ``wildcard``; or the name of a domain.

        Raises
        ------
        UsageError
            If there is no such domain.
        """
        if domain == AUTO:
            distances = (self.describe(image)[:, None] - self.prototypes).square().sum(dim=-1)
            return F.pad((-distances / self.spread).softmax(dim=-1), (1, 0))
        names = (WILDCARD, *self.domains)
        if domain not in names:
            raise UsageError(
                f"--domain {domain}: the weights know no such domain.", hint=f"Use {AUTO} or {', '.join(names)}."
            )
        place = torch.full((len(image),), names.index(domain), device=image.device)
        return F.one_hot(place, len(names)).to(image.dtype)

    @torch.no_grad()
    def set_prototypes(self, prototypes: Tensor, spread: Tensor) -> None:
        """Set the mean class token of each domain ``(D, W)``, and the mean squared distance to its own mean."""
        self.prototypes.copy_(prototypes)
        self.spread.copy_(spread.clamp(min=1e-12))

    def expert_names(self) -> tuple[str, ...]:
        """Return the names of the parameters of the domains: experts, their normalisation, embeddings (theta_E)."""
        names = [name for name, _ in self.named_parameters() if name.startswith("encoder.experts.")]
        return (*names, "condition") if names else ()
