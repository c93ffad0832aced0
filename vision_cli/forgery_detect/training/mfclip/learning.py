"""A detector, its language and their losses as one module, whose forward is a training step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.forgery_detect.networks.baselines import LinearDetector
from vision_cli.forgery_detect.networks.mfclip.detector import MfClip, MfClipOutput
from vision_cli.forgery_detect.networks.mfclip.guide import LanguageGuide
from vision_cli.forgery_detect.training.localisation import localisation_loss
from vision_cli.forgery_detect.training.mfclip.batches import FaceBatch
from vision_cli.forgery_detect.training.mfclip.losses import ALPHA, contrast_loss, prediction_loss
from vision_cli.forgery_detect.training.paired_loss import paired_loss


@dataclass(frozen=True)
class FacePlan:
    """How a detector is trained.

    Attributes
    ----------
    classes
        Weight of the cross-entropy; published is 1.5, once 1 and once 1 - alpha.
    contrast, prediction
        Weights of the losses of language; 0 without a `LanguageGuide`.
    paired
        Weight of the differences between a fake and its real; not published.
    localisation
        Weight of the heat map's agreement with masks, where there are some; not published.
    is_soft
        Whether all faces of the same prompt are positives of the contrast.
    is_detached
        Whether texts learn nothing from their prediction.
    """

    classes: float = 1 + (1 - ALPHA)
    contrast: float = 1.0
    prediction: float = 1.0
    paired: float = 1.0
    localisation: float = 0.3
    is_soft: bool = True
    is_detached: bool = True


MFCLIP = FacePlan()
PAPER = FacePlan(paired=0.0, localisation=0.0, is_soft=False, is_detached=False)
"""As published."""

ERM = FacePlan(contrast=0.0, prediction=0.0)
"""The same losses without language, of the same weights."""

LINEAR = FacePlan(classes=1.0, contrast=0.0, prediction=0.0, localisation=0.0)


class FaceLearner(nn.Module):
    """A detector whose forward is a training step: it returns losses.

    Parameters
    ----------
    detector
        The detector.
    guide
        Its language; None without.
    plan
        How it is trained.
    """

    def __init__(self, detector: MfClip | LinearDetector, guide: LanguageGuide | None, plan: FacePlan) -> None:
        super().__init__()
        if (guide is None) != (plan.contrast == plan.prediction == 0):
            raise ValueError("a plan with losses of language needs a guide, one without has none.")
        self.detector, self.guide, self.plan = detector, guide, plan

    def forward(self, batch: FaceBatch) -> dict[str, Tensor]:
        """Return the losses of a step; ``loss`` is minimised."""
        plan = self.plan
        found: MfClipOutput = self.detector(batch.image, batch.patch, batch.coherence)
        classes = F.binary_cross_entropy_with_logits(found.logit, batch.labels.to(found.logit.dtype))
        paired = paired_loss(found.logit, batch.labels, batch.sources)
        loss = plan.classes * classes + plan.paired * paired
        losses = {"classes": classes, "paired": paired}
        if plan.localisation:
            losses["localisation"] = localisation_loss(found.heat, batch.masks)
            loss = loss + plan.localisation * losses["localisation"]
        if self.guide is not None:
            said = self.guide(found.features, batch.prompts)
            losses["contrast"] = contrast_loss(said.scores, batch.prompts, is_soft=plan.is_soft)
            losses["prediction"] = prediction_loss(said.texts, said.predicted, is_detached=plan.is_detached)
            loss = loss + plan.contrast * losses["contrast"] + plan.prediction * losses["prediction"]
        return {"loss": loss, **losses}
