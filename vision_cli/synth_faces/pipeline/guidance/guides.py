"""A recogniser of expressions as a guide: pictures to logits, with a gradient.

Recognisers look at small grey cuts of faces. `FaceCutter` makes them of files by OpenCV; here the same cut, at the
place where generated faces usually are, is a product with two matrices, which has a gradient.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.io.pictures.luma import LUMA
from vision_cli.synth_faces.networks.recognisers import ExpressionNet
from vision_cli.synth_faces.pipeline.framing import usual_cut


class CutGuide(nn.Module):
    """A recogniser that looks at whole pictures.

    Parameters
    ----------
    recogniser
        In evaluation mode: its logits of a face must not depend on the others.
    side
        Of the faces that it takes, px.

    Raises
    ------
    ValueError
        If the recogniser is in training mode.
    """

    def __init__(self, recogniser: ExpressionNet, side: int) -> None:
        super().__init__()
        if recogniser.training:
            raise ValueError("a guide in training mode; call eval() first")
        self.recogniser = recogniser.requires_grad_(False)
        self.side = side

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return self.recogniser.classes

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits ``(B, K)`` of pictures ``(B, 3, H, W)`` in 0 to 1, in float32."""
        logits: Tensor = self.recogniser(grey_cut(pictures.float(), self.side))
        return logits


def grey_cut(pictures: Tensor, side: int) -> Tensor:
    """Return the usual place of the face, ``(B, 1, side, side)``, of pictures ``(B, 3, H, W)``.

    It is the cut of `FaceCutter` where no face is found, but for the rounding to whole grey levels.
    """
    height, width = pictures.shape[-2:]
    left, top, extent = usual_cut(height, width)
    grey = torch.einsum("bchw,c->bhw", pictures, pictures.new_tensor(LUMA))
    down, across = (
        torch.from_numpy(_resampling(size, start, extent, side)).to(pictures)
        for size, start in ((height, top), (width, left))
    )
    return (down @ grey @ across.T).unsqueeze(1)


@lru_cache(maxsize=32)
def _resampling(size: int, start: float, extent: float, side: int) -> NDArray[np.float64]:
    """Return the weights of pixels in a cut, ``(side, size)``: areas where it shrinks, linear interpolation else.

    Pixels beyond the edge count for those of the edge.
    """
    low, high = int(np.floor(start)), int(np.ceil(start + extent))
    count = high - low
    step = count / side
    pixels = np.arange(count)
    if count > side:
        begin = np.arange(side)[:, None] * step
        covered = np.minimum(begin + step, pixels + 1) - np.maximum(begin, pixels)
        weights = np.clip(covered, 0, None) / step
    else:
        centres = np.clip((np.arange(side)[:, None] + 0.5) * step - 0.5, 0, count - 1)
        weights = np.clip(1 - np.abs(centres - pixels), 0, None)
    whole = np.zeros((side, size))
    np.add.at(whole.T, np.clip(pixels + low, 0, size - 1), weights.T)
    return whole
