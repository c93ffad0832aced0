"""Decoupled cross-attention: attention to the text as it was, and attention to action units beside it.

H. Ye et al., "IP-Adapter: text compatible image prompt adapter for text-to-image diffusion models", 2023, section
3.2.2; SynFER, section 3.2: ``Z = softmax(Q K_t' / sqrt(d)) V_t + scale * softmax(Q K_a' / sqrt(d)) V_a``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.synth_faces.networks.conditioning.encoders import AuTokens

if TYPE_CHECKING:
    from diffusers.models.attention_processor import Attention

Context: TypeAlias = Tensor | tuple[Tensor, AuTokens]
"""What a UNet reads: text ``(B, T, C)``, or text and action units. A UNet without an adapter reads text alone."""


class AuProjection(nn.Module):
    """Keys and values of the action units for one layer of cross-attention.

    Parameters
    ----------
    width
        Of a token.
    hidden
        Channels of the layer.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.to_k = nn.Linear(width, hidden, bias=False)
        self.to_v = nn.Linear(width, hidden, bias=False)

    def forward(self, query: Tensor, units: AuTokens) -> Tensor:
        """Return the attention to action units, ``(B, H, P, D)``, of queries ``(B, H, P, D)``."""
        tokens = units.tokens.to(query.dtype)
        key, value = (
            split_heads(functional.linear(tokens, layer.weight.to(query.dtype)), query.shape[1])
            for layer in (self.to_k, self.to_v)
        )
        mask = None
        if units.log_weights is not None:
            key, value = (functional.pad(one, (0, 0, 0, 1)) for one in (key, value))
            mask = functional.pad(units.log_weights.to(query.dtype), (0, 1))[:, None, None]
        found: Tensor = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return found


class DecoupledAttention:
    """A processor of a cross-attention of diffusers that reads `Context`.

    Parameters
    ----------
    layer
        Keys and values of the action units.
    scale
        One number in a list, which all layers share and which the adapter may change.
    """

    def __init__(self, layer: AuProjection, scale: list[float]) -> None:
        self.layer, self.scale = layer, scale

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Context | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Return what the layer adds at each place, ``(B, P, C)``; arguments are those of diffusers' processors."""
        text, units = parted(encoder_hidden_states)
        query, key, value = text_heads(attn, hidden_states, text)
        found = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask_of(attn, attention_mask, key.shape[2], len(query))
        )
        if units is not None and self.scale[0] != 0:
            found = found + self.scale[0] * self.layer(query, units)
        return to_output(attn, found, hidden_states)


def together(first: Context, second: Context) -> Context:
    """Return two contexts as one batch; both or none must have action units."""
    (text, units), (other_text, other_units) = parted(first), parted(second)
    both = torch.cat([text, other_text])
    if units is None or other_units is None:
        return both
    weights, others = units.log_weights, other_units.log_weights
    return both, AuTokens(
        torch.cat([units.tokens, other_units.tokens]),
        None if weights is None or others is None else torch.cat([weights, others]),
    )


def rows_of(context: Context, rows: Tensor) -> Context:
    """Return some samples of a context."""
    text, units = parted(context)
    if units is None:
        return text[rows]
    weights = units.log_weights
    return text[rows], AuTokens(units.tokens[rows], None if weights is None else weights[rows])


def parted(context: Context | None) -> tuple[Tensor, AuTokens | None]:
    """Return text and action units of a context."""
    if context is None:
        raise ValueError("no context; text expected, as the layer is one of cross-attention")
    return (context, None) if isinstance(context, Tensor) else context


def split_heads(channels: Tensor, heads: int) -> Tensor:
    """Return ``(B, H, T, D)`` of ``(B, T, H * D)``."""
    batch, tokens, _ = channels.shape
    return channels.view(batch, tokens, heads, -1).transpose(1, 2)


def text_heads(attn: Attention, hidden: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values of a layer's attention to text, ``(B, H, P or T, D)``."""
    if attn.norm_cross:
        text = attn.norm_encoder_hidden_states(text)
    query, key, value = attn.to_q(hidden), attn.to_k(text), attn.to_v(text)
    return split_heads(query, attn.heads), split_heads(key, attn.heads), split_heads(value, attn.heads)


def mask_of(attn: Attention, mask: Tensor | None, tokens: int, batch: int) -> Tensor | None:
    """Return a mask of text, ``(B, H, 1, T)``, of that of diffusers."""
    if mask is None:
        return None
    prepared: Tensor = attn.prepare_attention_mask(mask, tokens, batch)
    return prepared.view(batch, attn.heads, -1, prepared.shape[-1])


def to_output(attn: Attention, found: Tensor, hidden: Tensor) -> Tensor:
    """Return the output of a layer from the attention of its heads, ``(B, H, P, D)``."""
    merged = found.transpose(1, 2).flatten(2)
    projected: Tensor = attn.to_out[1](attn.to_out[0](merged))
    if attn.residual_connection:
        projected = projected + hidden
    scaled: Tensor = projected / attn.rescale_output_factor
    return scaled


def cross_attentions(unet: Any) -> dict[str, Attention]:
    """Return the layers of cross-attention of a UNet by their names, in the order of its processors."""
    ending = ".attn2.processor"
    names = [name.removesuffix(".processor") for name in unet.attn_processors if name.endswith(ending)]
    return {name: unet.get_submodule(name) for name in names}


def weights_of_text(attn: Attention) -> tuple[Tensor, Tensor]:
    """Return copies of the weights of keys and values of a layer's attention to text, ``(hidden, width)``."""
    with torch.no_grad():
        return attn.to_k.weight.clone(), attn.to_v.weight.clone()
