"""A detector of GM-DF and its faces, as the training loop takes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.networks.gmdf.detector import GmDf
from vision_cli.forgery_detect.networks.gmdf.masked import MaskedDecoder
from vision_cli.forgery_detect.networks.gmdf.prompts import WILDCARD
from vision_cli.forgery_detect.training.faces import domain_measures, parts_of, pictures_of, scores_of, tensors_below
from vision_cli.forgery_detect.training.gmdf.batches import Batch, PairedBatches
from vision_cli.forgery_detect.training.gmdf.meta import GmDfPlan, MetaLearner
from vision_cli.forgery_detect.values import Examples, Floats

_PREFIX = "objective.detector."
OWN = "own"
"""Each face is judged with the domain that it belongs to."""


class GmDfTask:
    """Detector, losses and validation, for `vision_cli.core.compute.training.fit` with unlimited samples.

    Parameters
    ----------
    detector
        Its domains are those of `training`, in the same order.
    decoder
        Of the masked image modelling; None without it.
    training
        Faces to learn from.
    validation
        Faces to validate with; None for none.
    plan
        How it is trained.
    device
        Where it is computed; the networks are there already.
    seed
        Of all drawing.
    batch_size
        Faces a step, over all processes.

    Raises
    ------
    InputError
        If there is one class only, or one domain only for meta-learning.
    """

    network: nn.Module

    def __init__(
        self,
        detector: GmDf,
        decoder: MaskedDecoder | None,
        training: Examples,
        validation: Examples | None,
        plan: GmDfPlan,
        device: torch.device,
        *,
        seed: int,
        batch_size: int,
    ) -> None:
        if detector.domains != training.domain_names:
            raise ValueError(f"detector of {detector.domains}, faces of {training.domain_names}")
        self.batches = PairedBatches(
            training,
            device,
            seed=seed,
            batch_size=batch_size,
            patches=detector.encoder.grid**2,
            hidden=plan.hidden,
            wildcard=plan.wildcard,
        )
        if plan.is_meta:
            require_two_domains([training.domain_names[domain] for domain in self.batches.domains])
        self.network = MetaLearner(detector, decoder, plan)
        self.detector, self.validation, self.plan, self.device = detector, validation, plan, device

    def load(self, numbers: Sequence[int]) -> Batch:
        """Return the batch of these sample numbers."""
        return self.batches.load(numbers)

    def training_step(self, network: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        """Return the losses of a step by name."""
        losses: dict[str, Tensor] = network(batch)
        return losses

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return ``auc``, the mean over the domains with both classes, and the AUC of each; empty without faces."""
        if self.validation is None:
            return {}
        domain = WILDCARD if self.plan.wildcard == 1 else OWN
        scores = logits_of(self.detector, self.validation, domain, device=self.device)
        return domain_measures(self.validation, scores)


def require_two_domains(names: Collection[str]) -> None:
    """Refuse to hold out the only domain.

    Raises
    ------
    InputError
        If there are fewer than two names.
    """
    if len(names) < 2:
        raise InputError(
            f"faces of {len(names)} domain found ({', '.join(names)}); GM-DF needs two domains or more.",
            hint="Give manifests of several data sets, or use another --method.",
        )


@torch.no_grad()
def logits_of(detector: GmDf, examples: Examples, domain: str, *, device: torch.device) -> Floats:
    """Return the logits ``(N,)`` of faces.

    Parameters
    ----------
    detector
        On `device`.
    examples
        Faces.
    domain
        ``own`` or one of :meth:`GmDf.domain_weights`.
    device
        Where it is computed.
    """
    known = torch.eye(1 + len(detector.domains), device=device)
    prompts = detector.prompts()

    def logits(rows: NDArray[np.int64]) -> Tensor:
        image = pictures_of(examples, rows, device)
        if domain == OWN:
            weights = known[torch.from_numpy(1 + examples.domains[rows]).to(device)]
        else:
            weights = detector.domain_weights(image, domain)
        coherence = torch.from_numpy(examples.coherence[rows]).to(device)
        found: Tensor = detector(image, coherence, weights, prompts).logit
        return found

    return scores_of(detector, len(examples), logits)


@torch.no_grad()
def prototypes(detector: GmDf, examples: Examples, *, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return what tells domains apart, for :meth:`GmDf.set_prototypes`.

    Parameters
    ----------
    detector
        On `device`; only its encoder counts, without experts.
    examples
        Training faces, of every domain of the detector.
    device
        Where it is computed.

    Returns
    -------
    tuple
        Mean class token of each domain ``(D, W)``, and the mean squared distance of a face to that of its own domain.
    """
    tokens = torch.cat([detector.describe(pictures_of(examples, rows, device)) for rows in parts_of(len(examples))])
    domains = torch.from_numpy(examples.domains).to(device)
    sums = tokens.new_zeros(len(detector.domains), tokens.shape[1]).index_add(0, domains, tokens)
    counts = torch.bincount(domains, minlength=len(sums))
    means = sums / counts.clamp(min=1)[:, None]
    return means, (tokens - means[domains]).square().sum(dim=1).mean()


def take_over(detector: GmDf, pretrained: GmDf) -> None:
    """Copy all that a pretrained detector without experts has into one with experts, of the same variant."""
    missing, unexpected = detector.load_state_dict(pretrained.state_dict(), strict=False)
    strange = [name for name in missing if not name.startswith("encoder.experts.")]
    if strange or unexpected:
        raise ValueError(f"another variant: {strange} missing, {unexpected} unexpected.")


def detector_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the detector among those of a task's network, whose decoder is of no further use."""
    return tensors_below(state, _PREFIX)
