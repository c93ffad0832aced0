"""Label maps of random shapes: worlds without anatomy, for what must hold for any image.

After Hoffmann et al., "SynthMorph: learning contrast-invariant registration without acquired images", IEEE TMI 2022,
section III-B: each voxel takes the label whose smooth noise is greatest there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

_LINEAR = {2: "bilinear", 3: "trilinear"}


def smooth_noise(
    channels: int, shape: Sequence[int], step: float, generator: torch.Generator, device: torch.device
) -> Tensor:
    """Return Gaussian noise on a coarse grid, brought up by linear interpolation.

    Parameters
    ----------
    channels, shape
        Of the result.
    step
        Distance of the coarse grid's points in voxels.
    generator
        A CPU generator, so that a device does not change what is drawn.
    device
        Where the result lives.

    Returns
    -------
    Tensor
        ``(channels, *shape)``, standard deviation one at the coarse points.
    """
    coarse = [max(2, round(n / step) + 1) for n in shape]
    noise = torch.randn(1, channels, *coarse, generator=generator).to(device)
    return functional.interpolate(noise, size=tuple(shape), mode=_LINEAR[len(shape)], align_corners=True)[0]


def draw_blobs(shape: Sequence[int], labels: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Draw a map of random shapes.

    Parameters
    ----------
    shape
        Voxels along each of two or three axes.
    labels
        Number of labels, 0 among them.
    generator
        A CPU generator.
    device
        Where the result lives.

    Returns
    -------
    Tensor
        ``(*shape)`` int64, 0 to ``labels - 1``.
    """
    # From a few large shapes to many small ones.
    step = float(torch.empty(1).uniform_(max(shape) / 8, max(shape) / 3, generator=generator))
    noise = smooth_noise(labels, shape, step, generator, device)
    noise += 0.5 * smooth_noise(labels, shape, step / 2, generator, device)
    return noise.argmax(0)
