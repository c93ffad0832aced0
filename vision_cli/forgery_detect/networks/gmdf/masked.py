"""Masked image modelling (GM-DF, equation 6): half of the patches are hidden, and their pixels are predicted.

The paper may predict codes of a tokenizer; pixels, normalised within each patch, need no second network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vision_cli.forgery_detect.networks.transformers import Transformer


class MaskedDecoder(nn.Module):
    """Predicts the pixels of patches that the encoder did not see.

    Parameters
    ----------
    inputs
        Features of an encoded token.
    patches, patch
        Number of patches of a picture, and the side of one in pixels.
    width, depth, heads
        Of the decoder's transformer.
    """

    def __init__(
        self, inputs: int, *, patches: int, patch: int, width: int = 384, depth: int = 4, heads: int = 6
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.hidden_token = nn.Parameter(torch.randn(width) * 0.02)
        self.positions = nn.Parameter(torch.randn(patches, width) * 0.02)
        self.transformer = Transformer(width, depth, heads, is_clip=False)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, patch * patch * 3)

    def forward(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """Return the pixels of all patches, ``(B, T, P P 3)``.

        Parameters
        ----------
        tokens
            ``(B, 1 + K, W)`` encoded class token and seen patches.
        seen
            ``(B, K)`` their places.
        """
        entered = self.enter(tokens)
        places = seen[..., None].expand(-1, -1, entered.shape[-1])
        hidden = self.hidden_token.to(entered.dtype).expand(len(tokens), len(self.positions), -1)
        whole = torch.cat([entered[:, :1], hidden.scatter(1, places, entered[:, 1:]) + self.positions], dim=1)
        for block in self.transformer.resblocks:
            whole = block(whole)
        pixels: Tensor = self.leave(self.norm(whole[:, 1:]))
        return pixels


def masked_error(pixels: Tensor, predicted: Tensor, seen: Tensor) -> Tensor:
    """Return the mean squared error over the hidden patches, each normalised to mean 0 and variance 1 (equation 6).

    Parameters
    ----------
    pixels, predicted
        ``(B, T, K)`` pixels of the patches, and what was predicted.
    seen
        ``(B, S)`` places of the patches that were seen, which do not count.
    """
    variance, mean = torch.var_mean(pixels, dim=-1, keepdim=True)
    # A flat patch has no variance; its noise is not to be predicted.
    error = (predicted - (pixels - mean) / (variance + 1e-4).sqrt()).square().mean(dim=-1)
    is_hidden = torch.ones_like(error).scatter(1, seen, 0.0)
    return (error * is_hidden).sum() / is_hidden.sum()
