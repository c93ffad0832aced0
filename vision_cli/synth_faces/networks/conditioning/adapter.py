"""The adapter: an encoder of action units, and keys and values for every cross-attention of a frozen UNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vision_cli.synth_faces.networks.conditioning.attention import (
    AuProjection,
    DecoupledAttention,
    cross_attentions,
    weights_of_text,
)
from vision_cli.synth_faces.networks.conditioning.encoders import AuTokens, build_encoder
from vision_cli.synth_faces.options.training import EncoderKind
from vision_cli.synth_faces.values import AUS


@dataclass(frozen=True)
class AdapterShape:
    """What an adapter is for.

    Attributes
    ----------
    aus
        Names of the action units, in the order of the vectors.
    kind
        Of the encoder.
    width
        Channels of a token of text, C.
    layers, hidden
        Names of the layers of cross-attention of the UNet, and their channels.
    """

    aus: tuple[str, ...]
    kind: EncoderKind
    width: int
    layers: tuple[str, ...]
    hidden: tuple[int, ...]


class AuAdapter(nn.Module):
    """Action units for a UNet whose own weights stay as they are.

    Parameters
    ----------
    shape
        What it is for.
    generator
        Of the first weights of the encoder.
    """

    def __init__(self, shape: AdapterShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = build_encoder(shape.kind, len(shape.aus), shape.width, generator)
        self.layers = nn.ModuleList(AuProjection(shape.width, hidden) for hidden in shape.hidden)
        self._scale = [1.0]
        self._before: dict[str, Any] = {}

    @property
    def scale(self) -> float:
        """Factor of the attention to action units; 0 is the UNet without them."""
        return self._scale[0]

    @scale.setter
    def scale(self, value: float) -> None:
        self._scale[0] = float(value)

    def forward(self, intensities: Tensor) -> AuTokens:
        """Return the tokens of intensities ``(B, A)`` from 0 to 5."""
        tokens: AuTokens = self.encoder(intensities)
        return tokens

    def context(self, text: Tensor, intensities: Tensor) -> tuple[Tensor, AuTokens]:
        """Return what the UNet reads in place of text alone: text ``(B, T, C)``, action units of ``(B, A)``."""
        return text, self.forward(intensities.to(text.device))

    def install(self, unet: nn.Module) -> None:
        """Let the cross-attention of a UNet read action units; its weights and its answer to text alone stay.

        Raises
        ------
        ValueError
            If the layers of the UNet are others, or the adapter is installed.
        """
        if self._before:
            raise ValueError("the adapter is installed; remove it first")
        if (found := shape_of_unet(unet, self.shape.kind, self.shape.aus)) != self.shape:
            raise ValueError(f"an adapter for {self.shape.width} channels of text; {found.width} expected")
        self._before = dict(unet.attn_processors)  # type: ignore[arg-type]
        ours = {
            f"{name}.processor": DecoupledAttention(layer, self._scale)  # type: ignore[arg-type]
            for name, layer in zip(self.shape.layers, self.layers, strict=True)
        }
        unet.set_attn_processor(self._before | ours)  # type: ignore[operator]

    def remove(self, unet: nn.Module) -> None:
        """Give a UNet back the processors that it had."""
        if self._before:
            # The method of diffusers takes entries out of what it is given.
            unet.set_attn_processor(dict(self._before))  # type: ignore[operator]
        self._before = {}


def shape_of_unet(unet: nn.Module, kind: EncoderKind, aus: Sequence[str] = AUS) -> AdapterShape:
    """Return the shape of an adapter for a UNet."""
    found = cross_attentions(unet)
    widths = {layer.to_k.in_features for layer in found.values()}
    if len(widths) != 1:
        raise ValueError(f"cross-attention of {len(widths)} widths; one expected")
    hidden = tuple(int(layer.to_k.out_features) for layer in found.values())
    return AdapterShape(tuple(aus), kind, int(widths.pop()), tuple(found), hidden)


def build_adapter(
    unet: nn.Module, kind: EncoderKind, aus: Sequence[str] = AUS, generator: torch.Generator | None = None
) -> AuAdapter:
    """Return an adapter for a UNet, not yet installed; keys and values begin as copies of those of its text.

    Parameters
    ----------
    unet
        A ``UNet2DConditionModel`` of diffusers.
    kind
        Of the encoder.
    aus
        Names of the action units.
    generator
        Of the first weights of the encoder.
    """
    adapter = AuAdapter(shape_of_unet(unet, kind, aus), generator)
    for layer, attn in zip(adapter.layers, cross_attentions(unet).values(), strict=True):
        assert isinstance(layer, AuProjection)
        key, value = weights_of_text(attn)
        layer.to_k.weight.data, layer.to_v.weight.data = key.float(), value.float()
    return adapter
