"""Weight of the penalties by place: stiffer where the images agree already after the linear alignment.

Where two images agree but for noise and interpolation, nothing supports a deformation, and an optimiser fits the noise.
The prior variance of the deformation at a place is therefore taken as proportional to what the linear alignment leaves
unexplained around it, ``1 - q`` with the squared local correlation ``q``, up to the amount that is usual between two
subjects.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vision_cli.register.optimisation.images import Image
from vision_cli.register.optimisation.losses import LocalCorrelation
from vision_cli.register.transforms import fields

_COARSER = 2.0
_WINDOW = 5
_BLUR_VOXELS = 4.0
_UNEXPLAINED = 0.15
"""Unexplained share from which on the penalties have their own weight."""
_GREATEST = 20.0


def stiffness(fixed: Image, moving: Image, inside: Tensor) -> Tensor:
    """Return the factor of the penalties, ``(*grid)``, from 1 to 20.

    Parameters
    ----------
    fixed, moving
        Images on one grid, aligned linearly.
    inside
        ``(*grid)`` bool, the subject; the correlation of the background does not count.

    Notes
    -----
    The correlation is taken at half the resolution, where less of it is noise, and averaged over the subject with a
    Gaussian of four voxels there.
    """
    spacing = float(fixed.grid.spacing.min()) * _COARSER
    target, source = fixed.reduced_to(spacing), moving.reduced_to(spacing)
    shape = target.grid.shape
    weight = fields.resize(inside[None].float(), shape)
    correlation = LocalCorrelation(target.values, _WINDOW).map(source.values)[None]
    sigma = tuple(_BLUR_VOXELS if n > 1 else 0.0 for n in shape)
    both = fields.gaussian_blur(torch.cat([correlation * weight, weight]), sigma)
    unexplained = 1 - both[0] / both[1].clamp(min=1e-3)
    factor = (_UNEXPLAINED / unexplained.clamp(min=1e-6)).clamp(1.0, _GREATEST)
    return fields.resize(factor[None], fixed.grid.shape)[0]
