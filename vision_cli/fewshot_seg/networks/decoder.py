"""SAM's mask decoder for B pictures with one set of prompts each, its first mask token, and a presence head.

SAM's own forward repeats one picture for every set of prompts, so that B pictures with B sets raise an error; here each
picture keeps to its own. The modules and their weights are SAM's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vision_cli.fewshot_seg.networks.layers import two_layers
from vision_cli.fewshot_seg.networks.shallow import Maps, ShallowJoin


@dataclass(frozen=True)
class Clicks:
    """Points of a user, as SAM takes them.

    Attributes
    ----------
    points
        ``(B, P, 2)``, x and y in px of the network's picture.
    labels
        ``(B, P)``, 1 on the class, 0 beside it, -1 for none.
    """

    points: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Decoded:
    """What the decoder says.

    Attributes
    ----------
    logits
        ``(B, 4h, 4w)`` of the mask.
    iou
        ``(B,)``, predicted intersection over union.
    iou_token
        ``(B, D)``, what it was predicted from.
    """

    logits: Tensor
    iou: Tensor
    iou_token: Tensor


class PromptedDecoder(nn.Module):
    """SAM's prompt encoder and mask decoder.

    Parameters
    ----------
    prompt_encoder, mask_decoder
        SAM's.
    channels
        D.
    shallow_width
        Channels of each shallow map.
    """

    def __init__(
        self, prompt_encoder: nn.Module, mask_decoder: nn.Module, channels: int, shallow_width: int = 32
    ) -> None:
        super().__init__()
        self.channels = channels
        self.prompt_encoder, self.mask_decoder = prompt_encoder, mask_decoder
        self.join = ShallowJoin(shallow_width, channels // 8)
        # Points, boxes and masks are prompts of users, the other mask tokens answers to ambiguous ones: no episode
        # trains them. The embedding for queries without a mask is part of every answer.
        for parameter in prompt_encoder.parameters():
            parameter.requires_grad_(False)
        prompt_encoder.no_mask_embed.weight.requires_grad_(True)  # type: ignore[union-attr]
        for unused in mask_decoder.output_hypernetworks_mlps[1:]:  # type: ignore[index]
            unused.requires_grad_(False)

    def positions(self, size: tuple[int, int] | torch.Size) -> Tensor:
        """Return SAM's encoding of positions ``(1, D, h, w)`` at any size."""
        encoded: Tensor = self.prompt_encoder.pe_layer(tuple(size))  # type: ignore[operator]
        return encoded[None]

    def without_mask(self) -> Tensor:
        """Return the dense prompt ``(1, D, 1, 1)`` of queries without a mask."""
        weight: Tensor = self.prompt_encoder.no_mask_embed.weight  # type: ignore[union-attr, assignment]
        return weight.view(1, -1, 1, 1)

    def click_tokens(self, clicks: Clicks, image_size: tuple[int, int]) -> Tensor:
        """Return sparse prompts ``(B, P + 1, D)`` of clicks on a picture of some size, height and width in px."""
        made_for = self.prompt_encoder.input_image_size
        scale = clicks.points.new_tensor([made_for[1] / image_size[1], made_for[0] / image_size[0]])  # type: ignore[index]
        # SAM adds half a pixel before it divides by the size that it was made for.
        points = clicks.points if bool((scale == 1).all()) else (clicks.points + 0.5) * scale - 0.5
        tokens: Tensor = self.prompt_encoder(points=(points, clicks.labels), boxes=None, masks=None)[0]
        return tokens

    def forward(self, embedding: Tensor, sparse: Tensor, dense: Tensor, shallow: Maps) -> Decoded:
        """Return masks.

        Parameters
        ----------
        embedding
            ``(B, D, h, w)``.
        sparse
            ``(B, Q, D)``.
        dense
            ``(B, D, h, w)``, or what broadcasts to it.
        shallow
            Maps of strides 2 and 4 of the same pictures.
        """
        decoder = self.mask_decoder
        batch, _, height, width = embedding.shape
        own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])  # type: ignore[union-attr, list-item]
        tokens = torch.cat([own.expand(batch, -1, -1), sparse], 1)
        positions = self.positions((height, width)).expand(batch, -1, -1, -1)
        read, pixels = decoder.transformer(embedding + dense, positions, tokens)  # type: ignore[operator]
        pixels = pixels.transpose(1, 2).unflatten(2, (height, width))
        upscaled = decoder.output_upscaling(pixels)  # type: ignore[operator]
        upscaled = upscaled + self.join(shallow, upscaled.shape[-2:])
        weights = decoder.output_hypernetworks_mlps[0](read[:, 1])  # type: ignore[index, operator]
        logits = torch.einsum("bc,bchw->bhw", weights, upscaled)
        iou = decoder.iou_prediction_head(read[:, 0])[:, 0]  # type: ignore[operator]
        return Decoded(logits, iou, read[:, 0])


class PresenceHead(nn.Module):
    """Whether the class is in the query at all: from [iou token; c].

    Parameters
    ----------
    channels
        D.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp = two_layers(2 * channels, channels, 1)

    def forward(self, iou_token: Tensor, c: Tensor) -> Tensor:
        """Return logits ``(B,)``."""
        logits: Tensor = self.mlp(torch.cat([iou_token, c], 1))
        return logits[:, 0]
