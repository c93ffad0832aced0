"""The noise of a patch: residuals of three fixed high-pass kernels, the steganalysis rich model (SRM) of MFCLIP."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SECOND_ORDER = ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0))
_KV = ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1))
_HORIZONTAL = ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0))
_DIVISORS = (4.0, 12.0, 2.0)
_CLIP_AT = 3.0
# A step of 8 bits: noise below it is rounding.
_LEAST_AMPLITUDE = 1 / 255


class NoiseResidual(nn.Module):
    """Residuals of three fixed kernels, each summed over the colours and clipped to +-3.

    Parameters
    ----------
    is_normalised
        Whether the residuals of a picture are divided by their root mean square: generators differ in the structure of
        the noise, cameras and codecs in its strength. Otherwise as published: of pictures in 0 to 1, where the clipping
        does next to nothing.
    """

    def __init__(self, *, is_normalised: bool) -> None:
        super().__init__()
        self.is_normalised = is_normalised
        kernels = torch.tensor([_SECOND_ORDER, _KV, _HORIZONTAL], dtype=torch.float32)
        kernels = kernels / torch.tensor(_DIVISORS)[:, None, None]
        self.register_buffer("kernels", kernels[:, None].expand(-1, 3, -1, -1).contiguous(), persistent=False)
        self.kernels: Tensor

    def forward(self, patch: Tensor) -> Tensor:
        """Return the residuals ``(B, 3, P, P)`` of patches ``(B, 3, P, P)`` in 0 to 1.

        Edges are mirrored: zeros beyond them would be an edge of their own.
        """
        residual = nn.functional.conv2d(nn.functional.pad(patch, (2, 2, 2, 2), mode="reflect"), self.kernels)
        if self.is_normalised:
            strength = residual.square().mean(dim=(2, 3), keepdim=True).sqrt()
            residual = residual / strength.clamp(min=_LEAST_AMPLITUDE)
        return residual.clamp(-_CLIP_AT, _CLIP_AT)
