"""What heat maps are trained with: which cells of a face are forged."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vision_cli.forgery_detect.values import MASK_CELLS

_LEAST = 1e-5


def unknown_masks(count: int) -> Tensor:
    """Return masks ``(N, M, M)`` of faces of which nobody knows where they are forged."""
    return torch.full((count, MASK_CELLS, MASK_CELLS), torch.nan)


def localisation_loss(heat: Tensor, masks: Tensor) -> Tensor:
    """Return the mean cross-entropy of heat maps with masks; 0 where no mask is known.

    Parameters
    ----------
    heat
        ``(B, R, C)`` in 0 to 1.
    masks
        ``(B, M, M)`` shares of the cells that are forged, NaN of faces of which that is unknown.
    """
    wanted = F.adaptive_avg_pool2d(masks[:, None].to(heat.dtype), (heat.shape[1], heat.shape[2]))[:, 0]
    is_known = torch.isfinite(wanted)
    if not bool(is_known.any()):
        return heat.sum() * 0
    return F.binary_cross_entropy(heat[is_known].clamp(_LEAST, 1 - _LEAST), wanted[is_known].clamp(0, 1))
