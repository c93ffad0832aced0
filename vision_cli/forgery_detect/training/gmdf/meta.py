"""Meta-learning over domains (MDEO, GM-DF, equations 13 to 15), and its losses as one module.

Everything of a step happens inside the forward of `MetaLearner`, the inner step too, so that the training loop, mixed
precision and several processes work as with any other network.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from vision_cli.forgery_detect.networks.gmdf.detector import GmDf
from vision_cli.forgery_detect.networks.gmdf.masked import MaskedDecoder, masked_error
from vision_cli.forgery_detect.training.gmdf.batches import Batch
from vision_cli.forgery_detect.training.gmdf.losses import prompt_contrast, squared_wasserstein
from vision_cli.forgery_detect.training.localisation import localisation_loss
from vision_cli.forgery_detect.training.paired_loss import paired_loss

_DETECTOR = "detector."


@dataclass(frozen=True)
class GmDfPlan:
    """How a detector is trained.

    Attributes
    ----------
    is_meta
        Whether a domain is held out at each step; otherwise all domains are learned together.
    is_second_order
        Whether the derivative goes through the inner step.
    inner_rate
        Step size of the inner step (beta).
    classes, masked, contrast, alignment, paired, localisation
        Weights of the losses: classification, masked image modelling (lambda 1), prompts (lambda 2), alignment of
        domains (lambda 3), differences between a fake and its real, and agreement of heat maps with masks; the last two
        are not published.
    meta_train
        Weight of the classification of the domains that are not held out, in the outer step; 0 as published.
    trains_encoder
        Whether the encoder is trained, not its experts alone.
    wildcard
        Share of the pairs that are judged with the wildcard domain.
    hidden
        Share of the patches that masked image modelling hides.
    """

    is_meta: bool = True
    is_second_order: bool = False
    inner_rate: float = 1e-4
    classes: float = 1.0
    masked: float = 0.5
    contrast: float = 0.3
    alignment: float = 0.1
    paired: float = 1.0
    localisation: float = 0.3
    meta_train: float = 1.0
    trains_encoder: bool = False
    wildcard: float = 0.3
    hidden: float = 0.5


META = GmDfPlan()
"""Experts on a frozen encoder, with a held-out domain at each step."""

PRETRAINING = GmDfPlan(
    is_meta=False,
    classes=0.0,
    masked=1.0,
    contrast=1.0,
    alignment=0.0,
    paired=0.0,
    localisation=0.0,
    trains_encoder=True,
)
"""The encoder alone, by masked image modelling and prompts; for a detector without experts."""

JOINT = GmDfPlan(is_meta=False, masked=0.0, contrast=0.0, alignment=0.0, trains_encoder=True, wildcard=1.0)
"""The baseline ERM-joint: all domains together, no notion of a domain; for a detector without experts."""


@dataclass(frozen=True)
class Terms:
    """Losses of a batch.

    Attributes
    ----------
    classes, paired, masked, contrast, localisation
        See `GmDfPlan`.
    features
        ``(B, W)`` second-order features.
    """

    classes: Tensor
    paired: Tensor
    masked: Tensor
    contrast: Tensor
    localisation: Tensor
    features: Tensor


class Objective(nn.Module):
    """Detector and decoder with their losses.

    Parameters
    ----------
    detector
        The detector.
    decoder
        Of the masked image modelling; None without it.
    """

    def __init__(self, detector: GmDf, decoder: MaskedDecoder | None) -> None:
        super().__init__()
        self.detector, self.decoder = detector, decoder

    def forward(self, batch: Batch, is_masked: bool = True) -> Terms:
        """Return the losses of a batch; that of the masked image modelling is 0 unless it is asked for."""
        prompts = self.detector.prompts()
        found = self.detector(batch.image, batch.coherence, batch.weights, prompts)
        # Both the two prompts of the domain (equation 12) and the head, which has the last word.
        classes = F.cross_entropy(found.prompt_logits, batch.labels)
        classes = classes + F.binary_cross_entropy_with_logits(found.logit, batch.labels.to(found.logit.dtype))
        return Terms(
            classes,
            paired_loss(found.logit, batch.labels, batch.sources),
            self._masked(batch) if is_masked and self.decoder is not None else classes.new_zeros(()),
            prompt_contrast(found.features, prompts, batch.domains, batch.labels),
            localisation_loss(found.heat, batch.masks),
            found.features,
        )

    def _masked(self, batch: Batch) -> Tensor:
        assert self.decoder is not None
        encoder = self.detector.encoder
        encoded = encoder(batch.image, batch.weights @ self.detector.condition, seen=batch.seen)
        predicted = self.decoder(encoded.tokens, batch.seen)
        return masked_error(encoder.patches(batch.image), predicted.float(), batch.seen)


class MetaLearner(nn.Module):
    """A detector whose forward is a training step: it returns losses.

    Parameters
    ----------
    detector, decoder
        See `Objective`.
    plan
        How the detector is trained.
    """

    def __init__(self, detector: GmDf, decoder: MaskedDecoder | None, plan: GmDfPlan) -> None:
        super().__init__()
        self.objective, self.plan = Objective(detector, decoder if plan.masked else None), plan
        for parameter in detector.encoder.common_parameters():
            parameter.requires_grad_(plan.trains_encoder)

    @property
    def detector(self) -> GmDf:
        """The detector."""
        return self.objective.detector

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the losses of a step; ``loss`` is minimised, ``unaligned`` counts steps without alignment."""
        is_test = batch.domains == batch.meta_test
        if not self.plan.is_meta:
            return self._summed(self.objective(batch))
        if not bool(is_test.any()) or bool(is_test.all()):
            # A small batch may hold one side only. Other processes may hold both: the names of the losses are the same.
            losses = self._summed(self.objective(batch))
            none = torch.zeros_like(losses["loss"])
            return losses | {"alignment": none, "meta_train": none, "unaligned": torch.ones_like(none)}
        return self._meta_step(batch.chosen(~is_test), batch.chosen(is_test))

    def _meta_step(self, train: Batch, test: Batch) -> dict[str, Tensor]:
        """Return the losses of the held-out domain after a step on the others (equations 13 to 15)."""
        plan = self.plan
        before = self.objective(train, False)
        inner = before.classes + plan.paired * before.paired
        own = dict(self.objective.named_parameters())
        experts = {_DETECTOR + name: own[_DETECTOR + name] for name in self.detector.expert_names()}
        slopes = torch.autograd.grad(
            before.classes, list(experts.values()), create_graph=plan.is_second_order, retain_graph=True
        )
        stepped = {
            name: value - plan.inner_rate * slope for (name, value), slope in zip(experts.items(), slopes, strict=True)
        }
        after: Terms = functional_call(self.objective, stepped, (test,))
        losses = self._summed(after)
        can_align = min(len(train), len(test)) >= 2
        if can_align:
            losses["alignment"] = squared_wasserstein(before.features, after.features)
            losses["loss"] = losses["loss"] + plan.alignment * losses["alignment"]
        else:
            losses["alignment"] = inner.new_zeros(())
        losses["loss"] = losses["loss"] + plan.meta_train * inner
        return losses | {"meta_train": before.classes, "unaligned": inner.new_full((), float(not can_align))}

    def _summed(self, terms: Terms) -> dict[str, Tensor]:
        plan = self.plan
        loss = (
            plan.classes * terms.classes
            + plan.paired * terms.paired
            + plan.masked * terms.masked
            + plan.contrast * terms.contrast
            + plan.localisation * terms.localisation
        )
        names = ("classes", "paired", "masked", "contrast", "localisation")
        return {"loss": loss, **{name: getattr(terms, name) for name in names}}
