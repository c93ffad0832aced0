"""WiNet: a convolutional network that predicts the wavelet coefficients of a displacement or velocity field.

Jia et al., "WiNet: Wavelet-based Incremental Learning for Efficient Medical Image Registration", MICCAI 2024
(arXiv:2407.13426), section 2 and figure 1. Names follow the paper: Conv-0 to Conv-2 predict coefficients at 1/8, 1/4
and 1/2 of the resolution, refinement blocks (RB) combine the detail bands of neighbouring scales, inverse wavelet
transforms assemble the field, and the convolutions C1 to C3 smooth it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pywt
import torch
from torch import Tensor, nn

from vision_cli.core.errors import InputError
from vision_cli.register.networks.blocks import LEAKY_SLOPE, convolution
from vision_cli.register.networks.encoder_decoder import EncoderDecoder
from vision_cli.register.networks.refinement import RefinementBlock
from vision_cli.register.networks.wavelet_transforms import DWT, IDWT

Variant = Literal["displacement", "diffeo"]

STRIDE = 16
"""The sides of the images must be multiples of this."""

_REFINEMENT_STD = 1e-5
_COEFFICIENTS_STD = 1e-3


@dataclass(frozen=True)
class Prediction:
    """Output of WiNet for a batch of pairs.

    Attributes
    ----------
    normalised_field
        ``(B, D, *S)``, the displacement or velocity in normalised coordinates, component ``c`` along axis ``c``: the
        distance from the first to the last voxel centre of an axis is 2.
    coefficients
        Predicted coefficients at 1/8, 1/4 and 1/2 of the resolution; the components of a band follow each other.
    """

    normalised_field: Tensor
    coefficients: tuple[Tensor, Tensor, Tensor]

    def field_voxels(self, reference: Sequence[int] | None = None) -> Tensor:
        """Return the field in voxels, ``(B, D, *S)``.

        Parameters
        ----------
        reference
            Shape that the normalised coordinates refer to. For images of another size than those of the training it is
            the shape of the training: the network has learned shifts in voxels. None for ``S``.
        """
        half = [0.5 * (n - 1) for n in reference or self.normalised_field.shape[2:]]
        return self.normalised_field * self.normalised_field.new_tensor(half).view(1, -1, *[1] * len(half))


class WiNet(EncoderDecoder):
    """WiNet in 2D or 3D (arXiv:2407.13426, figure 1); 1,418,573 parameters in 3D with start width 8.

    Parameters
    ----------
    dim
        2 or 3.
    width
        Start width: the encoder has 4, 4, 8 and 8 times as many channels.
    wavelet
        PyWavelets name; the paper has Haar for brains and db4 for hearts.
    variant
        What the field is: a velocity (``diffeo``) or a displacement; the layers are the same.
    refine
        Whether there are refinement blocks.
    smooth
        Whether there are convolutions C1 to C3 after the inverse transforms.
    scales
        Number of scales, 1 to 3, at which coefficients are predicted, the coarsest first; other details are zero.
    longest_side
        Voxels along the longest side of the training images.
    reference
        Shape that the normalised coordinates of the field refer to, see `Prediction.field_voxels`.

    Raises
    ------
    InputError
        If the wavelet, the variant, the number of axes or of scales is not known.
    """

    def __init__(
        self,
        dim: int = 3,
        width: int = 8,
        wavelet: str = "haar",
        variant: Variant = "diffeo",
        *,
        refine: bool = True,
        smooth: bool = True,
        scales: int = 3,
        longest_side: int = 64,
        reference: Sequence[int] | None = None,
    ) -> None:
        if scales not in (1, 2, 3):
            raise InputError(f"{scales} scales found; 1, 2 or 3 expected.")
        if dim not in (2, 3) or variant not in get_args(Variant) or wavelet not in pywt.wavelist(kind="discrete"):
            raise InputError(
                f"a network of {dim} axes, variant {variant} and wavelet {wavelet} found; 2 or 3 axes, displacement or "
                "diffeo, and a discrete wavelet of PyWavelets expected."
            )
        super().__init__(dim, width)
        self.dim, self.width, self.wavelet, self.variant = dim, width, wavelet, variant
        self.refine, self.smooth, self.scales, self.longest_side = refine, smooth, scales, longest_side
        self.reference = None if reference is None else tuple(reference)
        bands = 2**dim
        narrow, wide = 4 * width, 8 * width
        conv = convolution(dim)
        self.dwt, self.idwt = DWT(wavelet), IDWT(wavelet)
        self.conv0 = conv(wide, bands * dim, 3, padding=1, bias=False)
        self.conv1 = conv(wide, (bands - 1) * dim, 3, padding=1, bias=False)
        self.conv2 = conv(narrow, (bands - 1) * dim, 3, padding=1, bias=False)
        if refine:
            self.rb1, self.rb2 = RefinementBlock(dim), RefinementBlock(dim)
        if smooth:
            self.c1, self.c2, self.c3 = (conv(dim, dim, 3, padding=1, groups=dim, bias=False) for _ in range(3))
        self._initialise()

    def forward(self, moving: Tensor, fixed: Tensor) -> Prediction:
        """Predict the field from fixed points to moving points.

        Parameters
        ----------
        moving, fixed
            ``(B, 1, *S)`` intensities in [0, 1] on one grid, with sides that are multiples of 16.

        Raises
        ------
        InputError
            If a side is not a multiple of 16, or the images have another number of axes.
        """
        shape = tuple(fixed.shape[2:])
        if len(shape) != self.dim or moving.shape != fixed.shape or any(n % STRIDE for n in shape):
            raise InputError(
                f"images of {tuple(moving.shape[2:])} and {shape} voxels found; two {self.dim}D images of one shape "
                f"with sides that are multiples of {STRIDE} expected.",
                hint="Pad the images.",
            )
        at_eighth, at_quarter, at_half = self.features(torch.cat([self.dwt(moving), self.dwt(fixed)], 1))
        w8, w4, w2 = self.conv0(at_eighth), self.conv1(at_quarter), self.conv2(at_half)
        w4, w2 = w4 * float(self.scales > 1), w2 * float(self.scales > 2)

        low, details = w8[:, : self.dim], w8[:, self.dim :]
        x4 = self._assemble(low, details, 1)
        x2 = self._assemble(x4, self.rb1(details, w4) if self.refine else w4, 2)
        field = self._assemble(x2, self.rb2(w4, w2) if self.refine else w2, 3)
        return Prediction(field, (w8, w4, w2))

    def _assemble(self, low: Tensor, details: Tensor, number: int) -> Tensor:
        """Return the IDWT of an approximation ``(B, D, *S)`` and details ``(B, bands D, *S)``, ``(B, D, *2S)``.

        The convolution C1, C2 or C3 follows, by ``number``.
        """
        bands = torch.cat([low, details], 1).reshape(len(low), -1, self.dim, *low.shape[2:])
        joined: Tensor = self.idwt(bands.transpose(1, 2).flatten(1, 2))
        return self.get_submodule(f"c{number}")(joined) if self.smooth else joined

    def _initialise(self) -> None:
        """Draw the parameters so that the first predictions are close to zero."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
                # With torch's default the signal shrinks to a third in each layer: deep layers see their biases.
                nn.init.kaiming_normal_(layer.weight, a=LEAKY_SLOPE)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for head in (self.conv0, self.conv1, self.conv2):
            nn.init.normal_(head.weight, std=_COEFFICIENTS_STD)
        if self.refine:
            for block in (self.rb1, self.rb2):
                nn.init.normal_(block.merge.weight, std=_REFINEMENT_STD)
        if self.smooth:
            for filtering in (self.c1, self.c2, self.c3):
                nn.init.constant_(filtering.weight, 3.0**-self.dim)
