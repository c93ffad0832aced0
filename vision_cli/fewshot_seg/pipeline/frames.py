"""Between pictures of any size and the square that a network takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vision_cli.fewshot_seg.networks.backbones import normalise
from vision_cli.fewshot_seg.pixels.sizes import resize_map, resize_picture
from vision_cli.fewshot_seg.values import Floats, Picture, Support


@dataclass(frozen=True)
class Frame:
    """How pictures become squares.

    Attributes
    ----------
    side
        Of the square, px.
    pads
        Whether proportions are kept and zeros fill the right or the bottom, as SAM was trained; otherwise a picture is
        stretched to the square, as the small networks were trained.
    """

    side: int
    pads: bool

    def content(self, shape: Sequence[int]) -> tuple[int, int]:
        """Return the height and width that a picture ``(H, W, ...)`` has within the square."""
        if not self.pads:
            return self.side, self.side
        height, width = shape[0], shape[1]
        scale = self.side / max(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    def picture(self, picture: Picture) -> Tensor:
        """Return a picture normalised, ``(3, side, side)``."""
        height, width = self.content(picture.shape)
        resized = resize_picture(picture, (height, width)).astype(np.float32)
        image = torch.zeros(3, self.side, self.side)
        image[:, :height, :width] = normalise(torch.from_numpy(np.ascontiguousarray(np.moveaxis(resized, -1, 0))))
        return image

    def known(self, shape: Sequence[int]) -> Tensor:
        """Return which pixels of the square are of the picture, ``(side, side)``."""
        height, width = self.content(shape)
        known = torch.zeros(self.side, self.side)
        known[:height, :width] = 1
        return known

    def mask(self, support: Support) -> tuple[Tensor, Tensor]:
        """Return the share of each pixel that is class, and whether it is known, ``(side, side)`` each."""
        size = self.content(support.mask.shape)
        known = self.known(support.mask.shape)
        if support.ignored is not None:
            known[: size[0], : size[1]] = torch.from_numpy(1 - resize_map(support.ignored.astype(np.float32), size))
        mask = torch.zeros(self.side, self.side)
        mask[: size[0], : size[1]] = torch.from_numpy(resize_map(support.mask.astype(np.float32), size))
        return mask, known

    def restore(self, values: Tensor, shape: Sequence[int]) -> Floats:
        """Return a map of the square ``(h, w)`` at the height and width of a picture, without its padding."""
        height, width = self.content(shape)
        rows, columns = (max(1, round(length * values.shape[-1] / self.side)) for length in (height, width))
        own = values[:rows, :columns].float().cpu().numpy()
        return resize_map(np.ascontiguousarray(own), (int(shape[0]), int(shape[1])))
