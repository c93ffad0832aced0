"""The encoder and decoder of WiNet (figure 1), on the wavelet bands of both images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vision_cli.register.networks.blocks import convolution_block, upsampling_block


class EncoderDecoder(nn.Module):
    """Encoder with skip connections to a decoder; features at 1/8, 1/4 and 1/2 of the resolution.

    Parameters
    ----------
    dim
        2 or 3.
    width
        Start width: the encoder has 4, 4, 8 and 8 times as many channels.
    """

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        narrow, wide = 4 * width, 8 * width
        self.enc1 = convolution_block(dim, 2 * 2**dim, narrow, norm=True)
        self.enc2 = convolution_block(dim, narrow, narrow, stride=2)
        self.enc3 = convolution_block(dim, narrow, wide, stride=2)
        self.enc4 = convolution_block(dim, wide, wide, stride=2)
        self.up1, self.dec1 = upsampling_block(dim, wide), convolution_block(dim, 2 * wide, wide)
        self.up2, self.dec2 = upsampling_block(dim, wide), convolution_block(dim, wide + narrow, wide)
        self.up3, self.dec3 = upsampling_block(dim, wide), convolution_block(dim, wide + narrow, narrow)

    def features(self, bands: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the decoder's features of bands ``(B, 2 2^D, *S / 2)`` of the two images, ``S`` a multiple of 16.

        Returns
        -------
        tuple
            ``(B, 8 width, *S / 8)``, ``(B, 8 width, *S / 4)`` and ``(B, 4 width, *S / 2)``.
        """
        half = self.enc1(bands)
        quarter = self.enc2(half)
        eighth = self.enc3(quarter)
        at_eighth = self.dec1(torch.cat([self.up1(self.enc4(eighth)), eighth], 1))
        at_quarter = self.dec2(torch.cat([self.up2(at_eighth), quarter], 1))
        at_half = self.dec3(torch.cat([self.up3(at_quarter), half], 1))
        return at_eighth, at_quarter, at_half
