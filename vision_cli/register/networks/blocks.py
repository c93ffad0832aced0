"""Convolution blocks of WiNet, in 2D and 3D."""

from __future__ import annotations

from torch import nn

LEAKY_SLOPE = 0.01
"""Negative slope of every leaky ReLU."""


def convolution(dim: int) -> type[nn.Conv2d | nn.Conv3d]:
    """Return the convolution class for ``dim`` axes."""
    return nn.Conv3d if dim == 3 else nn.Conv2d


def convolution_block(dim: int, channels: int, out: int, *, stride: int = 1, norm: bool = False) -> nn.Sequential:
    """Return two convolutions with leaky ReLU, ``(B, channels, *S)`` to ``(B, out, *S / stride)``.

    Parameters
    ----------
    dim
        2 or 3.
    channels, out
        Input and output channels.
    stride
        Stride of the first convolution.
    norm
        Whether an instance norm follows each convolution.
    """
    layers: list[nn.Module] = []
    for inputs, step in ((channels, stride), (out, 1)):
        layers.append(convolution(dim)(inputs, out, 3, stride=step, padding=1))
        if norm:
            layers.append((nn.InstanceNorm3d if dim == 3 else nn.InstanceNorm2d)(out))
        layers.append(nn.LeakyReLU(LEAKY_SLOPE))
    return nn.Sequential(*layers)


def upsampling_block(dim: int, channels: int) -> nn.Sequential:
    """Return a transposed convolution with leaky ReLU, ``(B, channels, *S)`` to ``(B, channels, *2S)``."""
    deconv = nn.ConvTranspose3d if dim == 3 else nn.ConvTranspose2d
    return nn.Sequential(deconv(channels, channels, 2, stride=2), nn.LeakyReLU(LEAKY_SLOPE))
