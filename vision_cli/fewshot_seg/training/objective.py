"""What is computed of a batch, and the loss of it.

L = (BCE + Dice) of the query + 0.5 (BCE + Dice) of a support predicted from the others + 0.4 BCE of the coarse map
+ 0.1 contrast + 0.1 cos²(c, d) + 0.2 BCE of presence + 0.05 (predicted IoU - IoU)²
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.fewshot_seg.networks.building import FewShotNetwork, shares
from vision_cli.fewshot_seg.networks.layers import to_size
from vision_cli.fewshot_seg.networks.tavp import Encoded, Prediction, SupportSet, TaskSummary
from vision_cli.fewshot_seg.training.batches import Batch
from vision_cli.fewshot_seg.training.losses import contrast, cross_entropy, mask_loss, orthogonality, overlap


@dataclass(frozen=True)
class LossWeights:
    """Factors of the losses beside that of the query's mask."""

    support: float = 0.5
    coarse: float = 0.4
    contrast: float = 0.1
    orthogonality: float = 0.1
    presence: float = 0.2
    iou: float = 0.05


STANDARD = LossWeights()


@dataclass(frozen=True)
class Computed:
    """What the network makes of a batch.

    Attributes
    ----------
    query
        The class in the queries.
    support
        The class in the chosen supports, from the others, or from the view where there are no others.
    view
        The tasks as the views alone show them; None without contrast.
    styles
        d of the chosen supports alone, ``(B, D)``; None without contrast or domain.
    has_domain
        Whether there is a domain prototype.
    """

    query: Prediction
    support: Prediction
    view: TaskSummary | None
    styles: Tensor | None
    has_domain: bool


class TrainedPart(nn.Module):
    """The part of a network that is trained; its weights have the names that they have in the network.

    Parameters
    ----------
    network
        The whole.
    freezes_encoder
        Whether the encoder stays as it is: its weights are then neither trained nor saved.
    """

    def __init__(self, network: FewShotNetwork, *, freezes_encoder: bool) -> None:
        super().__init__()
        self.tavp = network.tavp
        if not freezes_encoder:
            self.backbone = network.backbone
        # Within a tuple it is no part of this module.
        self._frozen = (network.backbone.requires_grad_(False).eval(),) if freezes_encoder else ()

    def move_frozen(self, device: torch.device) -> None:
        """Put a frozen encoder on a device; the rest is moved by whoever trains it."""
        for backbone in self._frozen:
            backbone.to(device)

    def encode(self, images: Tensor) -> Encoded:
        """Return what the network reads of normalised pictures ``(N, 3, S, S)``."""
        if not self._frozen:
            return self.tavp.describe(self.backbone(images), images)
        with torch.no_grad():
            features = self._frozen[0](images)
        return self.tavp.describe(features, images)

    def answer(self, batch: Batch) -> Prediction:
        """Return the class in the queries of a batch."""
        episodes = len(batch.query)
        encoded = self.encode(torch.cat([batch.query, batch.images.flatten(0, 1)]))
        size = encoded.embedding.shape[-2:]
        pictures = encoded.part(episodes, len(encoded.embedding)).as_supports(episodes)
        supports = SupportSet(pictures, *shares(batch.masks, batch.known, size))
        answer: Prediction = self.tavp(supports, encoded.part(0, episodes), known=to_size(batch.query_known, size))
        return answer

    def forward(self, batch: Batch) -> Computed:
        """Return all that the losses need; each picture is encoded once."""
        episodes, count = batch.images.shape[:2]
        encoded = self.encode(torch.cat([batch.query, batch.images.flatten(0, 1), batch.view]))
        query = encoded.part(0, episodes)
        pictures = encoded.part(episodes, episodes * (1 + count))
        size = encoded.embedding.shape[-2:]
        supports = SupportSet(pictures.as_supports(episodes), *shares(batch.masks, batch.known, size))
        views = SupportSet(
            encoded.part(episodes * (1 + count), len(encoded.embedding)).as_supports(episodes),
            *shares(batch.view_mask[:, None], batch.view_known[:, None], size),
        )
        answer = self.tavp(supports, query, known=to_size(batch.query_known, size))
        rows = torch.arange(episodes, device=batch.chosen.device)
        flat = rows * count + batch.chosen
        target = _rows(pictures, flat)
        chosen = _supports(supports, batch.chosen[:, None])
        others = views
        if count > 1:
            numbers = torch.arange(count - 1, device=flat.device)
            others = _supports(supports, numbers + (numbers >= batch.chosen[:, None]))
        own = self.tavp(others, target, known=to_size(batch.known[rows, batch.chosen], size))
        view, styles = None, None
        if self.tavp.ablation.contrastive:
            view = own.summary if count == 1 else self.tavp.summarise(views, None)
            if self.tavp.domain is not None:
                view_style, styles = self.tavp.domain_of(views), self.tavp.domain_of(chosen)
                view = TaskSummary(view.c, view.b, view_style, view.weights, view.gate, view.fused)
        return Computed(answer, own, view, styles, self.tavp.domain is not None)


def losses(computed: Computed, batch: Batch, weights: LossWeights) -> dict[str, Tensor]:
    """Return the loss of a batch and its parts by name, unweighted."""
    query, c, d = computed.query, computed.query.summary.c.float(), computed.query.summary.d.float()
    rows = torch.arange(len(batch.chosen), device=batch.chosen.device)
    present = (batch.query_mask * batch.query_known).flatten(1).amax(1)
    logits = enlarge(query.logits, batch.query_mask)
    own = enlarge(computed.support.logits, batch.query_mask)
    coarse = query.coarse.float()
    size = coarse.shape[-2:]
    share, known = to_size(batch.query_mask * batch.query_known, size), to_size(batch.query_known, size)
    parts = {
        "mask": mask_loss(logits, batch.query_mask, batch.query_known),
        "support": mask_loss(own, batch.masks[rows, batch.chosen], batch.known[rows, batch.chosen]),
        "coarse": cross_entropy(coarse, share / known.clamp_min(1e-6), known),
        "presence": F.binary_cross_entropy_with_logits(query.presence.float(), present),
        "iou": F.mse_loss(query.iou.float(), overlap(logits, batch.query_mask, batch.query_known)),
    }
    if computed.has_domain:
        parts["orthogonality"] = orthogonality(c, d)
    if computed.view is not None:
        parts["contrast"] = _contrast(computed, c)
    total = parts["mask"] + sum(
        (factor * parts[name] for name, factor in vars(weights).items() if name in parts), torch.zeros_like(c[0, 0])
    )
    return {"loss": total, **parts}


def enlarge(logits: Tensor, like: Tensor) -> Tensor:
    """Return logits ``(B, h, w)`` as float32 at the size of masks ``(B, S, S)``."""
    return F.interpolate(logits.float()[:, None], size=like.shape[-2:], mode="bilinear", align_corners=False)[:, 0]


def _contrast(computed: Computed, c: Tensor) -> Tensor:
    """Return the contrast of classes, and with the roles of class and style exchanged that of domains.

    A view has the class of its own episode and the style of the next one's support.
    """
    view = computed.view
    assert view is not None
    same = torch.eye(len(c), dtype=torch.bool, device=c.device)
    b = computed.query.summary.b.float()
    of_class = contrast(c, view.c.float(), torch.cat([c, b]), torch.cat([~same, torch.ones_like(same)], 1))
    if computed.styles is None:
        return of_class
    styles = computed.styles.float()
    donors = styles.roll(-1, 0)
    return of_class + contrast(view.d.float(), donors, donors, ~same)


def _rows(encoded: Encoded, rows: Tensor) -> Encoded:
    shallow = None if encoded.shallow is None else (encoded.shallow[0][rows], encoded.shallow[1][rows])
    return Encoded(encoded.embedding[rows], encoded.levels[rows], shallow)


def _supports(supports: SupportSet, numbers: Tensor) -> SupportSet:
    """Return some supports ``(B, n)`` of each episode."""
    rows = torch.arange(len(numbers), device=numbers.device)[:, None]
    encoded = Encoded(supports.encoded.embedding[rows, numbers], supports.encoded.levels[rows, numbers])
    return SupportSet(encoded, supports.foreground[rows, numbers], supports.background[rows, numbers])
