"""Networks: the head of IUN and IAN, and the Point-MAE encoder with the parameter names of its published weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ENCODER_WIDTH = 384
TOKEN_BLOCKS = (3, 7, 11)
_GROUPS_AT_ONCE = 512


class GroupHead(nn.Module):
    """The head that IUN and IAN train (derived): a residual layer on the vector of a group.

    Both losses act on directions, on the unit sphere. Groups are compared by vectors that are not normalised: a
    normalised vector tells which cluster a group belongs to, but alignment has removed how far it deviates.

    Parameters
    ----------
    inputs
        Width of a group vector; 1152 for Point-MAE.
    hidden
        Width of the hidden layer.
    """

    def __init__(self, inputs: int, hidden: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, inputs))

    def embed(self, groups: Tensor) -> Tensor:
        """Return embeddings ``(N, inputs)`` of vectors ``(N, inputs)``, over √inputs so that lengths are about 1."""
        vectors: Tensor = groups + self.layers(groups)
        return vectors / math.sqrt(groups.shape[-1])

    def forward(self, groups: Tensor) -> Tensor:
        """Return unit vectors ``(N, inputs)`` of vectors ``(N, inputs)``, for the losses."""
        return F.normalize(self.embed(groups), dim=-1)


class PatchEncoder(nn.Module):
    """The mini-PointNet of Point-MAE: the points of a group to one token (Pang et al. 2022, section 3.1)."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.encoder_channel = outputs
        self.first_conv = nn.Sequential(
            nn.Conv1d(3, 128, 1), nn.BatchNorm1d(128), nn.ReLU(inplace=True), nn.Conv1d(128, 256, 1)
        )
        self.second_conv = nn.Sequential(
            nn.Conv1d(512, 512, 1), nn.BatchNorm1d(512), nn.ReLU(inplace=True), nn.Conv1d(512, outputs, 1)
        )

    def forward(self, groups: Tensor) -> Tensor:
        """Return tokens ``(B, G, outputs)`` of centred groups ``(B, G, M, 3)``."""
        batch, count, size, _ = groups.shape
        points = groups.reshape(batch * count, size, 3).transpose(1, 2)
        features = self.first_conv(points)
        whole = features.max(dim=2, keepdim=True).values.expand(-1, -1, size)
        features = self.second_conv(torch.cat([whole, features], dim=1))
        tokens: Tensor = features.max(dim=2).values.reshape(batch, count, self.encoder_channel)
        return tokens


class Attention(nn.Module):
    """Self-attention over groups."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.num_heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens ``(B, G, C)`` of tokens ``(B, G, C)``; memory is linear in G with a fused kernel of torch."""
        batch, count, width = tokens.shape
        q, k, v = (
            self.qkv(tokens).reshape(batch, count, 3, self.num_heads, width // self.num_heads).permute(2, 0, 3, 1, 4)
        )
        mixed = F.scaled_dot_product_attention(q, k, v)
        projected: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        return projected


class Mlp(nn.Module):
    """The two-layer perceptron of a transformer block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens ``(B, G, C)`` of tokens ``(B, G, C)``."""
        changed: Tensor = self.fc2(self.act(self.fc1(tokens)))
        return changed


class Block(nn.Module):
    """A transformer block, pre-norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens ``(B, G, C)`` of tokens ``(B, G, C)``."""
        mixed: Tensor = tokens + self.attn(self.norm1(tokens))
        changed: Tensor = mixed + self.mlp(self.norm2(mixed))
        return changed


class TransformerEncoder(nn.Module):
    """The transformer blocks; the position embedding is added before each of them."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])

    def forward(self, tokens: Tensor, positions: Tensor) -> list[Tensor]:
        """Return the output of every block, ``(B, G, C)`` each."""
        outputs = []
        for block in self.blocks:
            tokens = block(tokens + positions)
            outputs.append(tokens)
        return outputs


class PointMAE(nn.Module):
    """The encoder of Point-MAE (Pang et al. 2022), with tokens as Reg3D-AD takes them.

    Parameters
    ----------
    width, depth, heads
        Width, number of blocks and attention heads of the transformer.
    taps
        Numbers of the blocks whose outputs are concatenated.
    """

    def __init__(self, width: int, depth: int, heads: int, taps: tuple[int, ...]) -> None:
        super().__init__()
        self.taps = taps
        self.encoder = PatchEncoder(width)
        self.pos_embed = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, width))
        self.blocks = TransformerEncoder(width, depth, heads)
        self.norm = nn.LayerNorm(width)

    def forward(self, groups: Tensor, centres: Tensor) -> Tensor:
        """Return tokens ``(B, G, taps · width)`` of centred groups ``(B, G, M, 3)`` and their centres ``(B, G, 3)``."""
        # In parts: 16384 groups of 128 points at once would take gigabytes.
        patches = torch.cat([self.encoder(part) for part in groups.split(_GROUPS_AT_ONCE, dim=1)], dim=1)
        outputs = self.blocks(patches, self.pos_embed(centres))
        return torch.cat([self.norm(outputs[tap]) for tap in self.taps], dim=-1)


def build_point_mae() -> PointMAE:
    """Return the encoder of the published Point-MAE weights, with tokens of the blocks that Reg3D-AD takes."""
    return PointMAE(ENCODER_WIDTH, depth=12, heads=6, taps=TOKEN_BLOCKS)
