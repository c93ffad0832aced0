"""IAT: the illumination-adaptive transformer (Cui et al., BMVC 2022).

A local branch gives a factor and an offset a pixel; a global branch attends to the whole picture with ten learned
queries and gives a colour matrix and a gamma (eq. 2): ``out = (max(W (factor * I + offset), eps)) ** gamma``.
Names are those of the official checkpoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEAST = 1e-8


class ColourNormalisation(nn.Module):
    """A matrix over the channels, then a scale and a shift a channel (Sec. 3.2); ``(B, N, C)`` to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, channels))
        self.color = nn.Parameter(torch.eye(channels))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the normalised tokens."""
        mixed: Tensor = tokens @ self.color.T
        return mixed * self.alpha + self.beta


class _PixelMlp(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        mixed: Tensor = self.fc2(nn.functional.gelu(self.fc1(features)))
        return mixed


class _TokenMlp(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        mixed: Tensor = self.fc2(nn.functional.gelu(self.fc1(tokens)))
        return mixed


class PixelBlock(nn.Module):
    """A transformer block whose attention is a convolution over 5 x 5 pixels (Fig. 3b).

    Parameters
    ----------
    channels
        Of its input and output.
    ratio
        Hidden channels of the last part, as a multiple.
    """

    def __init__(self, channels: int, ratio: int = 4) -> None:
        super().__init__()
        self.pos_embed = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm1 = ColourNormalisation(channels)
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 1)
        self.attn = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.norm2 = ColourNormalisation(channels)
        self.gamma_1 = nn.Parameter(torch.full((1, channels, 1, 1), 1e-4))
        self.gamma_2 = nn.Parameter(torch.full((1, channels, 1, 1), 1e-4))
        self.mlp = _PixelMlp(channels, ratio * channels)

    def forward(self, features: Tensor) -> Tensor:
        """Return ``(B, channels, H, W)``."""
        features = features + self.pos_embed(features)
        attended = self.conv2(self.attn(self.conv1(_normalised(self.norm1, features))))
        features = features + self.gamma_1 * attended
        mixed: Tensor = self.mlp(_normalised(self.norm2, features))
        return features + self.gamma_2 * mixed


class LocalBranch(nn.Module):
    """Factor and offset of each pixel.

    Parameters
    ----------
    channels
        Hidden channels.
    blocks
        Blocks of each of the two stacks.
    """

    def __init__(self, channels: int = 16, blocks: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels, 3, padding=1)
        self.mul_blocks = nn.Sequential(*(PixelBlock(channels) for _ in range(blocks)))
        self.add_blocks = nn.Sequential(*(PixelBlock(channels) for _ in range(blocks)))
        self.mul_end = nn.Sequential(nn.Conv2d(channels, 3, 3, padding=1), nn.ReLU())
        self.add_end = nn.Sequential(nn.Conv2d(channels, 3, 3, padding=1), nn.Tanh())

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return factor (at least 0) and offset (within [-1, 1]), ``(B, 3, H, W)`` each."""
        features = nn.functional.leaky_relu(self.conv1(picture), 0.2)
        return (
            self.mul_end(self.mul_blocks(features) + features),
            self.add_end(self.add_blocks(features) + features),
        )


class QueryAttention(nn.Module):
    """Attention of learned queries to all tokens; ``(B, N, C)`` to ``(B, queries, C)``."""

    def __init__(self, channels: int, heads: int, queries: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Parameter(torch.ones(1, queries, channels))
        self.k = nn.Linear(channels, channels, bias=False)
        self.v = nn.Linear(channels, channels, bias=False)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return one token a query."""
        query = self._heads(self.q.expand(tokens.shape[0], -1, -1))
        attended = nn.functional.scaled_dot_product_attention(
            query, self._heads(self.k(tokens)), self._heads(self.v(tokens))
        )
        projected: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return projected

    def _heads(self, tokens: Tensor) -> Tensor:
        batch, count, channels = tokens.shape
        return tokens.view(batch, count, self.heads, channels // self.heads).transpose(1, 2)


class _Generator(nn.Module):
    def __init__(self, channels: int, heads: int, queries: int) -> None:
        super().__init__()
        self.pos_embed = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm1 = nn.LayerNorm(channels)
        self.attn = QueryAttention(channels, heads, queries)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = _TokenMlp(channels, 4 * channels)

    def forward(self, features: Tensor) -> Tensor:
        features = features + self.pos_embed(features)
        queried: Tensor = self.attn(self.norm1(features.flatten(2).transpose(1, 2)))
        mixed: Tensor = self.mlp(self.norm2(queried))
        return queried + mixed


class _Embedding(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(
            nn.Conv2d(3, channels // 2, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels // 2),
            nn.GELU(),
            nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, picture: Tensor) -> Tensor:
        embedded: Tensor = self.proj(picture)
        return embedded


class GlobalBranch(nn.Module):
    """Gamma and colour matrix of the whole picture.

    Parameters
    ----------
    channels
        Of the tokens.
    heads
        Of the attention.
    """

    def __init__(self, channels: int = 64, heads: int = 4) -> None:
        super().__init__()
        self.gamma_base = nn.Parameter(torch.ones(1))
        self.color_base = nn.Parameter(torch.eye(3))
        self.conv_large = _Embedding(channels)
        self.generator = _Generator(channels, heads, queries=10)
        self.gamma_linear = nn.Linear(channels, 1)
        self.color_linear = nn.Linear(channels, 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return gamma ``(B, 1)`` and colour matrix ``(B, 3, 3)``."""
        queried = self.generator(self.conv_large(picture))
        gamma = self.gamma_linear(queried[:, 0]) + self.gamma_base
        colour = self.color_linear(queried[:, 1:]).view(-1, 3, 3) + self.color_base
        return gamma, colour


class IAT(nn.Module):
    """Both branches."""

    def __init__(self) -> None:
        super().__init__()
        self.local_net = LocalBranch()
        self.global_net = GlobalBranch()

    def forward(self, picture: Tensor) -> Tensor:
        """Return the enhanced picture, ``(B, 3, H, W)`` of any size."""
        factor, offset = self.local_net(picture)
        gamma, colour = self.global_net(picture)
        adjusted = torch.einsum("bij,bjhw->bihw", colour, picture * factor + offset).clamp(_LEAST, 1)
        exponent: Tensor = gamma[:, :, None, None]
        return adjusted**exponent


def iat() -> IAT:
    """Return the published network."""
    return IAT()


def _normalised(norm: nn.Module, features: Tensor) -> Tensor:
    tokens: Tensor = norm(features.flatten(2).transpose(1, 2))
    return tokens.transpose(1, 2).reshape(features.shape)
