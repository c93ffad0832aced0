"""Second-order statistics of the tokens of some blocks, added to the class token (GM-DF, equations 7 and 8)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SecondOrder(nn.Module):
    """Covariance of the tokens, its square root, and what of it belongs to the class token (equation 7).

    Parameters
    ----------
    width
        Features of a token.
    reduced
        Features that the covariance is taken of.
    steps
        Newton-Schulz steps towards the square root.
    """

    def __init__(self, width: int, reduced: int = 64, steps: int = 5) -> None:
        super().__init__()
        self.steps = steps
        self.norm, self.reduce = nn.LayerNorm(width), nn.Linear(width, reduced)
        self.expand = nn.Linear(reduced * (reduced + 1) // 2, width)
        rows, columns = torch.triu_indices(reduced, reduced)
        self.register_buffer("places", rows * reduced + columns, persistent=False)
        self.places: Tensor

    def forward(self, tokens: Tensor) -> Tensor:
        """Return ``(B, W)`` for tokens ``(B, T, W)``."""
        root = square_root(covariance(self.reduce(self.norm(tokens)).float()), self.steps)
        added: Tensor = self.expand(root.flatten(1)[:, self.places])
        return added


class Aggregation(nn.Module):
    """The class token and the second-order features of some blocks as one vector (equation 8).

    Parameters
    ----------
    width, outputs
        Features of a token and of the result.
    levels
        Number of blocks whose tokens are used.
    reduced
        See `SecondOrder`; the blocks share it.
    """

    def __init__(self, width: int, outputs: int, levels: int, reduced: int = 64) -> None:
        super().__init__()
        self.second_order = SecondOrder(width, reduced)
        self.shares = nn.Parameter(torch.full((levels,), 0.1))
        self.project = nn.Linear(width, outputs, bias=False)

    def forward(self, first: Tensor, levels: tuple[Tensor, ...]) -> Tensor:
        """Return ``(B, outputs)`` of class tokens ``(B, W)`` and the patch tokens ``(B, T, W)`` of each level."""
        for share, tokens in zip(self.shares, levels, strict=True):
            first = first + share * self.second_order(tokens)
        joined: Tensor = self.project(first)
        return joined


def covariance(values: Tensor, ridge: float = 1e-4) -> Tensor:
    """Return the covariances ``(B, D, D)`` of T values ``(B, T, D)``; `ridge` of their mean variance on the diagonal.

    There are fewer tokens than features in a small picture: without the ridge the matrix would be singular, and the
    square root would have no derivative there.
    """
    centred = values - values.mean(dim=1, keepdim=True)
    product = centred.transpose(1, 2) @ centred / max(values.shape[1] - 1, 1)
    level = product.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
    return product + (ridge * level + 1e-8) * torch.eye(values.shape[2], device=values.device, dtype=values.dtype)


def square_root(matrices: Tensor, steps: int = 5) -> Tensor:
    """Return approximate square roots of positive definite matrices ``(B, D, D)`` by coupled Newton-Schulz iteration.

    Five steps do not converge for small eigenvalues, which come out too small: the published setting, and what keeps
    the derivative bounded. The scale of the matrix is taken out first, as convergence asks for.
    """
    scale = matrices.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
    unit = torch.eye(matrices.shape[-1], device=matrices.device, dtype=matrices.dtype)
    root, inverse = matrices / scale, unit.expand_as(matrices)
    for _ in range(steps):
        step = 1.5 * unit - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root * scale.sqrt()
