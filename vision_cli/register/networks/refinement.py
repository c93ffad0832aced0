"""The refinement block (RB) of WiNet (figure 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.register.networks.blocks import LEAKY_SLOPE, convolution


class RefinementBlock(nn.Module):
    """Detail bands of a scale from those predicted there and the upsampled ones of the next coarser scale.

    Parameters
    ----------
    dim
        2 or 3.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.bands = 2**dim - 1
        conv = convolution(dim)
        self.mix = conv(2 * dim * self.bands, 2 * dim * self.bands, 3, padding=1, groups=self.bands)
        self.merge = conv(2 * dim * self.bands, dim * self.bands, 3, padding=1, groups=self.bands)

    def forward(self, coarse: Tensor, own: Tensor) -> Tensor:
        """Return refined details ``(B, bands D, *2S)``.

        Parameters
        ----------
        coarse, own
            Details ``(B, bands D, *S)`` of the coarser scale and ``(B, bands D, *2S)`` of this one; the components of a
            band follow each other.
        """
        mode = "trilinear" if self.dim == 3 else "bilinear"
        enlarged = functional.interpolate(coarse, size=own.shape[2:], mode=mode, align_corners=True)
        size = own.shape[2:]
        pair = [part.reshape(len(own), self.bands, self.dim, *size) for part in (enlarged, own)]
        joined = torch.cat(pair, 2).reshape(len(own), -1, *size)
        result: Tensor = self.merge(functional.leaky_relu(self.mix(joined), LEAKY_SLOPE))
        return result
