"""A recogniser of expressions as a guide: pictures to logits, with a gradient.

Recognisers look at small grey cuts of faces. `FaceCutter` makes them of files by OpenCV; here the same cut is a product
with two matrices, which has a gradient. Where the face is comes from the detector, without one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.io.pictures.luma import LUMA
from vision_cli.synth_faces.networks.recognisers import ExpressionNet
from vision_cli.synth_faces.pipeline.framing import Box, FaceCutter
from vision_cli.synth_faces.pipeline.guidance.decoders import Decoder
from vision_cli.synth_faces.values import Picture


class CutGuide(nn.Module):
    """A recogniser that looks at the faces of whole pictures.

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

    def forward(self, pictures: Tensor, cuts: Sequence[Box]) -> Tensor:
        """Return logits ``(B, K)``, in float32.

        Parameters
        ----------
        pictures
            ``(B, 3, H, W)`` in 0 to 1.
        cuts
            Of the face of each, as shares of the lesser side.
        """
        least = min(pictures.shape[-2:])
        boxes = [(left * least, top * least, extent * least) for left, top, extent in cuts]
        logits: Tensor = self.recogniser(grey_cuts(pictures.float(), boxes, self.side))
        return logits


class Sight:
    """What a guide sees of the latents of some samples; where the face of each is, is kept once it is found.

    Parameters
    ----------
    guide
        Names the expressions.
    decoder
        From latents to the pictures that it looks at, with a gradient.
    whole
        From latents to whole pictures in which the face is looked for, such as the model's autoencoder.
    """

    def __init__(self, guide: CutGuide, decoder: Decoder, whole: Decoder) -> None:
        self._guide, self._decoder, self._whole = guide, decoder, whole
        self._cutter = FaceCutter(guide.side)
        self._cuts: dict[int, Box] = {}

    def __call__(self, clean: Tensor, places: Tensor) -> Tensor:
        """Return logits ``(B, K)`` of latents without noise ``(B, 4, s, s)``, of the samples of these numbers."""
        numbers = places.tolist()
        return self._guide(self._decoder(clean), self._cuts_of(clean.detach(), numbers))  # type: ignore[no-any-return]

    def _cuts_of(self, clean: Tensor, numbers: Sequence[int]) -> list[Box]:
        unknown = [row for row, number in enumerate(numbers) if number not in self._cuts]
        usual: dict[int, Box] = {}
        if unknown:
            with torch.no_grad():
                pictures = as_pixels(self._whole(clean[unknown]))
            for row, picture in zip(unknown, pictures, strict=True):
                cut, is_found = self._cutter.cut_of(picture)
                (self._cuts if is_found else usual)[numbers[row]] = cut
        return [self._cuts.get(number) or usual[number] for number in numbers]


def grey_cuts(pictures: Tensor, boxes: Sequence[Box], side: int) -> Tensor:
    """Return squares of pictures ``(B, 3, H, W)`` in grey, ``(B, 1, side, side)``.

    They are the cuts of `FaceCutter` at these boxes, px, but for the rounding to whole grey levels.
    """
    height, width = pictures.shape[-2:]
    grey = torch.einsum("bchw,c->bhw", pictures, pictures.new_tensor(LUMA))
    cuts = []
    for one, (left, top, extent) in zip(grey, boxes, strict=True):
        down, across = (
            torch.from_numpy(_resampling(size, start, extent, side)).to(pictures)
            for size, start in ((height, top), (width, left))
        )
        cuts.append(down @ one @ across.T)
    return torch.stack(cuts).unsqueeze(1)


def as_pixels(pictures: Tensor) -> list[Picture]:
    """Return pictures ``(B, 3, H, W)`` in 0 to 1 as those of files, ``(H, W, 3)``."""
    pixels = pictures.detach().float().nan_to_num(0.0).clamp(0, 1).mul(255).round().byte()
    return list(pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy())


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
