"""TAVP: from the features of supports and query to a mask, by fusion, prototypes, generated prompts and SAM's decoder.

The task's weights of the levels depend on its prototypes, and the prototypes on the fused features. We take the
prototypes for the weights from SAM's own embedding, before fusion, so that each picture is fused once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vision_cli.fewshot_seg.networks.backbones import Backbone, Features
from vision_cli.fewshot_seg.networks.decoder import Clicks, Decoded, PresenceHead, PromptedDecoder
from vision_cli.fewshot_seg.networks.fusion import LevelProjection, MultiLevelFusion, TaskWeights
from vision_cli.fewshot_seg.networks.prompts import DensePrompt, SparsePrompts, TaskTokens
from vision_cli.fewshot_seg.networks.prototypes import Disentangling, DomainPrototype, local_prototypes, masked_average
from vision_cli.fewshot_seg.networks.shallow import Maps, ShallowBranch
from vision_cli.fewshot_seg.networks.similarity import Matching, support_pixels


@dataclass(frozen=True)
class Ablation:
    """Parts of the method, each of which can be left out.

    Attributes
    ----------
    fusion
        MFF; without it the features are SAM's embedding.
    domain_prototype
        p_d, its prompt and its share in the task weights.
    contrastive
        The contrastive loss, in training.
    dense_prompt
        The dense prompt; without it, SAM's for queries without a mask.
    task_weights
        Weights of levels and gate by task; without them, equal ones.
    prompts
        Generated for the task, or the learned queries as they are.
    """

    fusion: bool = True
    domain_prototype: bool = True
    contrastive: bool = True
    dense_prompt: bool = True
    task_weights: bool = True
    prompts: Literal["generated", "fixed"] = "generated"


ALL_PARTS = Ablation()
"""Nothing is left out."""


@dataclass(frozen=True)
class Encoded:
    """N pictures, as the network reads them; ``(B, K, ...)`` in the place of ``(N, ...)`` for supports.

    Attributes
    ----------
    embedding
        ``(N, D, h, w)``.
    levels
        Projected levels ``(N, L, W, h, w)``.
    shallow
        Maps of strides 2 and 4; None where they are not needed, as of supports.
    """

    embedding: Tensor
    levels: Tensor
    shallow: Maps | None = None

    def part(self, start: int, stop: int) -> Encoded:
        """Return some of the pictures."""
        shallow = None if self.shallow is None else (self.shallow[0][start:stop], self.shallow[1][start:stop])
        return Encoded(self.embedding[start:stop], self.levels[start:stop], shallow)

    def as_supports(self, episodes: int) -> Encoded:
        """Return ``(B·K, ...)`` as ``(B, K, ...)``, without the shallow maps."""
        return Encoded(self.embedding.unflatten(0, (episodes, -1)), self.levels.unflatten(0, (episodes, -1)))


@dataclass(frozen=True)
class SupportSet:
    """The supports of B episodes.

    Attributes
    ----------
    encoded
        Their pictures, ``(B, K, ...)``.
    foreground, background
        ``(B, K, h, w)``, share of each pixel that is class, or is known to be none.
    """

    encoded: Encoded
    foreground: Tensor
    background: Tensor


@dataclass(frozen=True)
class TaskSummary:
    """What the network knows of B tasks before it looks at the query's pixels.

    Attributes
    ----------
    c, b, d
        Prototypes ``(B, D)`` of class, background and domain, disentangled; ``d`` is zeros where it is left out.
    weights
        Of the levels, ``(B, L)``.
    gate
        ``(B, 1)``.
    fused
        Features of the supports, ``(B, K, D, h, w)``.
    """

    c: Tensor
    b: Tensor
    d: Tensor
    weights: Tensor
    gate: Tensor
    fused: Tensor


@dataclass(frozen=True)
class Prediction:
    """The class in B queries.

    Attributes
    ----------
    logits
        ``(B, 4h, 4w)`` of the mask.
    coarse
        Logits ``(B, h, w)`` of the similarity map.
    iou
        Predicted intersection over union ``(B,)``.
    presence
        Logits ``(B,)``.
    summary
        The tasks.
    """

    logits: Tensor
    coarse: Tensor
    iou: Tensor
    presence: Tensor
    summary: TaskSummary


class Tavp(nn.Module):
    """All of the method but the encoder.

    Parameters
    ----------
    backbone
        The encoder that it is for; only its shapes are read.
    prompt_encoder, mask_decoder
        SAM's.
    level_width
        Channels W of a projected level.
    local_count, local_steps
        Local prototypes a support, and steps of their k-means.
    shallow_width
        Channels of the shallow maps, where the backbone makes none.
    dense_width
        Channels within the dense prompt.
    queries
        Learned queries for class, background and domain.
    heads
        Of the queries' attention.
    priors
        Maps of another method that come with a query.
    most_pixels
        Support pixels that are matched, at most.
    ablation
        What is left out.
    """

    def __init__(
        self,
        backbone: Backbone,
        prompt_encoder: nn.Module,
        mask_decoder: nn.Module,
        *,
        level_width: int = 64,
        local_count: int = 5,
        local_steps: int = 3,
        shallow_width: int = 32,
        dense_width: int = 64,
        queries: Sequence[int] = (5, 2, 1),
        heads: int = 8,
        priors: int = 0,
        most_pixels: int = 4096,
        ablation: Ablation = ALL_PARTS,
    ) -> None:
        super().__init__()
        channels, levels = backbone.channels, len(backbone.tap_channels)
        self.ablation, self.local_count, self.local_steps = ablation, local_count, local_steps
        self.most_pixels, self.level_count = most_pixels, levels
        has_domain = ablation.domain_prototype
        # A fixed prompt reads no task, and so no gate.
        counts = (*queries[:2], queries[2] if has_domain else 0)
        has_weights = ablation.task_weights and (ablation.fusion or ablation.prompts == "generated")
        self.shallow = None if backbone.shallow_width is not None else ShallowBranch(shallow_width)
        needs_levels = ablation.fusion or (has_domain and (has_weights or ablation.prompts == "generated"))
        self.project = LevelProjection(backbone.tap_channels, level_width) if needs_levels else None
        self.fusion = MultiLevelFusion(levels, level_width, channels) if ablation.fusion else None
        self.domain = DomainPrototype(level_width, channels) if has_domain and needs_levels else None
        self.disentangling = Disentangling(channels, has_domain=self.domain is not None)
        self.task_weights = TaskWeights(channels, levels) if has_weights else None
        self.matching = Matching()
        self.sparse = SparsePrompts(channels, counts, heads, is_fixed=ablation.prompts == "fixed")
        self.dense = DensePrompt(channels, dense_width, priors) if ablation.dense_prompt else None
        width = shallow_width if backbone.shallow_width is None else backbone.shallow_width
        self.decoder = PromptedDecoder(prompt_encoder, mask_decoder, channels, width)
        self.presence = PresenceHead(channels)

    def describe(self, features: Features, images: Tensor) -> Encoded:
        """Return what the network reads of N normalised pictures ``(N, 3, H, W)`` and their features."""
        shallow = features.shallow if self.shallow is None else self.shallow(images)
        size = features.embedding.shape[-2:]
        if self.project is None:
            none = features.embedding.new_zeros(len(images), self.level_count, 0, *size)
            return Encoded(features.embedding, none, shallow)
        return Encoded(features.embedding, self.project(features.taps), shallow)

    def summarise(self, supports: SupportSet, query: Encoded | None, known: Tensor | None = None) -> TaskSummary:
        """Return the tasks of B episodes.

        Parameters
        ----------
        supports
            Of the episodes.
        query
            The queries, whose domain counts too; None for the domain of the supports alone.
        known
            ``(B, h, w)``, 0 where a query is padded.
        """
        encoded, foreground = supports.encoded, supports.foreground
        c = self.disentangling.of_class(masked_average(encoded.embedding, foreground))
        d = self.domain_of(supports, query, known)
        if self.task_weights is None:
            weights = c.new_full((len(c), self.level_count), 1 / self.level_count)
            gate = c.new_full((len(c), 1), 0.5)
        else:
            weights, gate = self.task_weights(c, d)
        fused = self._fuse(encoded, weights)
        c = self.disentangling.of_class(masked_average(fused, foreground))
        b = self.disentangling.of_background(masked_average(fused, supports.background))
        return TaskSummary(c, b, d, weights, gate, fused)

    def forward(
        self,
        supports: SupportSet,
        query: Encoded,
        *,
        known: Tensor | None = None,
        priors: Tensor | None = None,
        clicks: Clicks | None = None,
        image_size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Return the class in the queries of B episodes.

        Parameters
        ----------
        supports, query, known
            See `summarise`.
        priors
            ``(B, P, h, w)`` of another method; None for zeros.
        clicks
            Of a user, beside the generated prompts; with ``image_size``, height and width in px of what was encoded.
        """
        summary = self.summarise(supports, query, known)
        features = self._fuse(query, summary.weights)
        pixels = support_pixels(summary.fused, supports.foreground, supports.background, self.most_pixels)
        position = supports.foreground.mean(1)
        maps, coarse = self.matching(features, summary.c, summary.b, pixels, position)
        positions = self.decoder.positions(features.shape[-2:])
        sparse = self.sparse(self._tokens(summary, supports), features, positions, summary.gate)
        if clicks is not None and image_size is not None:
            sparse = torch.cat([sparse, self.decoder.click_tokens(clicks, image_size)], 1)
        dense = self.decoder.without_mask()
        if self.dense is not None:
            dense = dense + self.dense(features, summary.c, maps, priors)
        decoded = self._decode(features, sparse, dense, query)
        presence = self.presence(decoded.iou_token, summary.c)
        return Prediction(decoded.logits, coarse, decoded.iou, presence, summary)

    def click(self, query: Encoded, clicks: Clicks, image_size: tuple[int, int]) -> Decoded:
        """Return what the clicks of a user alone segment, without a task: SAM, where nothing is trained yet."""
        count = len(query.embedding)
        weights = query.embedding.new_full((count, self.level_count), 1 / self.level_count)
        sparse = self.decoder.click_tokens(clicks, image_size)
        return self._decode(self._fuse(query, weights), sparse, self.decoder.without_mask(), query)

    def _decode(self, features: Tensor, sparse: Tensor, dense: Tensor, query: Encoded) -> Decoded:
        assert query.shallow is not None, "a query is described with its shallow maps"
        decoded: Decoded = self.decoder(features, sparse, dense, query.shallow)
        return decoded

    def domain_of(self, supports: SupportSet, query: Encoded | None = None, known: Tensor | None = None) -> Tensor:
        """Return d, the prototype ``(B, D)`` of the domain, as `summarise` does; zeros where it is left out."""
        encoded = supports.encoded
        if self.domain is None or self.disentangling.of_domain is None:
            episodes, _, channels = encoded.embedding.shape[:3]
            return encoded.embedding.new_zeros(episodes, channels)
        levels, shares = encoded.levels, supports.foreground + supports.background
        if query is not None:
            own = torch.ones_like(shares[:, 0]) if known is None else known
            levels = torch.cat([levels, query.levels[:, None]], 1)
            shares = torch.cat([shares, own[:, None]], 1)
        d: Tensor = self.disentangling.of_domain(self.domain(levels, shares))
        return d

    def _fuse(self, encoded: Encoded, weights: Tensor) -> Tensor:
        """Return fused features of queries ``(B, D, h, w)`` or of supports ``(B, K, D, h, w)``."""
        embedding, levels = encoded.embedding, encoded.levels
        if self.fusion is None:
            return embedding
        if embedding.dim() == 4:
            fused: Tensor = self.fusion(levels, embedding, weights)
            return fused
        episodes, count = embedding.shape[:2]
        repeated = weights.repeat_interleave(count, 0)
        fused_all: Tensor = self.fusion(levels.flatten(0, 1), embedding.flatten(0, 1), repeated)
        return fused_all.view(episodes, count, *fused_all.shape[1:])

    def _tokens(self, summary: TaskSummary, supports: SupportSet) -> TaskTokens:
        """Return what the learned queries read: c, b, d and the local prototypes of all supports."""
        own = [summary.c, summary.b] + ([summary.d] if self.domain is not None else [])
        kinds = [0, 1] + ([2] if self.domain is not None else [])
        tokens, there = [torch.stack(own, 1)], [torch.ones_like(summary.c[:, : len(own)], dtype=torch.bool)]
        episodes = len(summary.c)
        for kind, shares in ((3, supports.foreground), (4, supports.background)):
            local, has = local_prototypes(
                summary.fused.flatten(0, 1), shares.flatten(0, 1), self.local_count, self.local_steps
            )
            tokens.append(local.unflatten(0, (episodes, -1)).flatten(1, 2))
            there.append(has.unflatten(0, (episodes, -1)).flatten(1, 2))
            kinds += [kind] * tokens[-1].shape[1]
        return TaskTokens(torch.cat(tokens, 1), torch.tensor(kinds, device=summary.c.device), torch.cat(there, 1))
