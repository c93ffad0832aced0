"""The projector: the sentence becomes a kernel, and the kernel turns the map into a density.

Source: CRIS (arXiv:2111.15174, section 3.4), as GEM uses it for its correlation map H.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.gaze_predict.networks.layers import ConvBlock


class Projector(nn.Module):
    """Doubles the size of the map and convolves with a 3×3 kernel of the sentence.

    Parameters
    ----------
    width
        Channels of the decoded map.
    sentence_width
        Channels of a sentence.
    kernel_width
        Channels that the kernel reads; 256 in the paper.
    has_context
        Whether the kernel follows from the sentence; else it is one learned kernel.
    """

    def __init__(self, width: int, sentence_width: int, kernel_width: int = 256, *, has_context: bool = True) -> None:
        super().__init__()
        self.features = ConvBlock(width, kernel_width)
        count = 9 * kernel_width + 1
        self.kernel = nn.Linear(sentence_width, count)
        # The map starts flat, whatever the sentence: kernels of unit numbers would make it a few random peaks.
        nn.init.normal_(self.kernel.weight, std=0.1 * (sentence_width * 9 * kernel_width) ** -0.5)
        nn.init.normal_(self.kernel.bias, std=0.1 * (9 * kernel_width) ** -0.5)
        self.has_context = has_context
        if not has_context:
            self.kernel.weight.requires_grad_(False).zero_()

    def forward(self, maps: Tensor, sentences: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the density and what they are computed from.

        Parameters
        ----------
        maps
            ``(B, D, h, w)``.
        sentences
            ``(B, E)``.

        Returns
        -------
        tuple of Tensor
            Logits ``(B, 2h, 2w)``, features ``(B, kernel_width, 2h, 2w)``.
        """
        # Convolved before it is enlarged: the same features for a quarter of the work.
        features = F.interpolate(self.features(maps), scale_factor=2, mode="bilinear", align_corners=False)
        kernels = self.kernel(sentences)
        count, channels = features.shape[:2]
        # A product with each of the nine taps, added to the neighbour on the tap's side: a convolution with the kernel
        # turned by 180 degrees, as one product of matrices a sentence.
        taps = kernels[:, :-1].reshape(count, channels, 9).transpose(1, 2)
        parts = torch.bmm(taps, features.flatten(2))
        logits = F.fold(parts, output_size=tuple(features.shape[-2:]), kernel_size=3, padding=1)[:, 0]
        return logits + kernels[:, -1, None, None], features


def log_density(logits: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """Return the logarithm of a density, per cell: what its exponential sums to over a map is 1.

    Parameters
    ----------
    logits
        ``(B, h, w)``.
    size
        Height and width of the result; None for those of the logits.
    """
    if size is not None and tuple(logits.shape[-2:]) != size:
        logits = F.interpolate(logits[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
    normalised: Tensor = torch.log_softmax(logits.flatten(1), 1).unflatten(1, tuple(logits.shape[-2:]))
    return normalised
