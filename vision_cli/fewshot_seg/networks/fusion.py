"""MFF, the fusion of several levels of the encoder, and the task's weights of these levels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vision_cli.fewshot_seg.networks.layers import ChannelNorm, two_layers, zeros_


class LevelProjection(nn.Module):
    """Each level in the same few channels: what fusion and the domain prototype read, and what is worth caching.

    Parameters
    ----------
    tap_channels
        Of each level.
    width
        Channels of a projected level.
    """

    def __init__(self, tap_channels: Sequence[int], width: int = 64) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, 1), ChannelNorm(width), nn.GELU()) for channels in tap_channels
        )

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Return the projected levels ``(N, L, width, h, w)``."""
        return torch.stack([level(tap) for level, tap in zip(self.levels, taps, strict=True)], 1)


class MultiLevelFusion(nn.Module):
    """F = e + γ · conv(weighted levels, e); γ starts at 0, so that an untrained network sees SAM's own embedding.

    Parameters
    ----------
    levels
        How many.
    width
        Channels of a level.
    channels
        Of the embedding.
    """

    def __init__(self, levels: int, width: int, channels: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(levels * width + channels, channels, 3, padding=1), nn.GELU(), nn.Conv2d(channels, channels, 1)
        )
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, levels: Tensor, embedding: Tensor, weights: Tensor) -> Tensor:
        """Return the fused features ``(N, D, h, w)``.

        Parameters
        ----------
        levels
            ``(N, L, width, h, w)``.
        embedding
            ``(N, D, h, w)``.
        weights
            ``(N, L)``, sum 1.
        """
        # Times L: equal weights leave the levels as they are.
        weighted = levels * (weights.shape[1] * weights)[..., None, None, None]
        mixed: Tensor = self.mix(torch.cat([weighted.flatten(1, 2), embedding], 1))
        return embedding + self.gamma * mixed


class TaskWeights(nn.Module):
    """How much each level counts in a task, and how much its class against its domain: from [c; d].

    Parameters
    ----------
    channels
        Of a prototype.
    levels
        How many.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.levels = levels
        self.mlp = two_layers(2 * channels, channels, levels + 1)
        # Equal weights at first.
        zeros_(self.mlp[-1])  # type: ignore[arg-type]

    def forward(self, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights ``(B, L)``, sum 1, and the gate ``(B, 1)`` within 0 to 1 of prototypes ``(B, D)``."""
        values = self.mlp(torch.cat([c, d], 1))
        return torch.softmax(values[:, :-1], 1), torch.sigmoid(values[:, -1:])
