"""A detector of MFCLIP or a baseline and its faces, as the training loop takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.forgery_detect.networks.baselines import LinearDetector
from vision_cli.forgery_detect.networks.mfclip.detector import MfClip
from vision_cli.forgery_detect.networks.mfclip.guide import LanguageGuide
from vision_cli.forgery_detect.training.faces import domain_measures, pictures_of, scores_of, tensors_below
from vision_cli.forgery_detect.training.mfclip.batches import FaceBatch, FaceBatches
from vision_cli.forgery_detect.training.mfclip.learning import FaceLearner, FacePlan
from vision_cli.forgery_detect.values import Examples, Floats

_PREFIX = "detector."


class FaceTask:
    """Detector, losses and validation, for `vision_cli.core.compute.training.fit` with unlimited samples.

    Parameters
    ----------
    detector
        The detector; see `faces.standardise` for its coherence features.
    guide
        Its language, of the prompts of `training` (`batches.prompts_of`); None without.
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

    Raises
    ------
    InputError
        If there is one class only.
    """

    network: nn.Module

    def __init__(
        self,
        detector: MfClip | LinearDetector,
        guide: LanguageGuide | None,
        training: Examples,
        validation: Examples | None,
        plan: FacePlan,
        device: torch.device,
        *,
        seed: int,
    ) -> None:
        self.batches = FaceBatches(training, device, seed=seed)
        if guide is not None and len(guide.tokens) != len(self.batches.prompts):
            raise ValueError(f"guide of {len(guide.tokens)} prompts, faces of {len(self.batches.prompts)}")
        self.network = FaceLearner(detector, guide, plan)
        self.detector, self.validation, self.device = detector, validation, device

    def load(self, numbers: Sequence[int]) -> FaceBatch:
        """Return the batch of these sample numbers."""
        return self.batches.load(numbers)

    def training_step(self, network: nn.Module, batch: FaceBatch) -> Mapping[str, Tensor]:
        """Return the losses of a step by name."""
        losses: dict[str, Tensor] = network(batch)
        return losses

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return ``auc``, the mean over the domains with both classes, and the AUC of each; empty without faces."""
        if self.validation is None:
            return {}
        return domain_measures(self.validation, logits_of(self.detector, self.validation, device=self.device))


def logits_of(detector: MfClip | LinearDetector, examples: Examples, *, device: torch.device) -> Floats:
    """Return the logits ``(N,)`` of faces.

    Parameters
    ----------
    detector
        On `device`.
    examples
        Faces.
    device
        Where it is computed.
    """

    def logits(rows: NDArray[np.int64]) -> Tensor:
        patch = torch.from_numpy(examples.patches[rows]).to(device).float() / 255
        coherence = torch.from_numpy(examples.coherence[rows]).to(device)
        found: Tensor = detector(pictures_of(examples, rows, device), patch, coherence).logit
        return found

    return scores_of(detector, len(examples), logits)


def detector_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the detector among those of a task's network, whose language is of no further use."""
    return tensors_below(state, _PREFIX)
