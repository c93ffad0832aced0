"""Run a network on a picture in tiles, so that memory does not grow with the picture.

A network of convolutions that pad with zeros gives the same values in a tile as in the whole picture, if the tile has
a margin (halo) as wide as its receptive field reaches, and if at the picture's own border it has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vision_cli.core.errors import InputTooLarge
from vision_cli.enhance_eval.values import Picture

if TYPE_CHECKING:
    from torch import nn

LEAST_TILE = 64


def run_network(
    network: nn.Module, picture: Picture, *, halo: int | None, tile: int, device: str = "cpu", least: int = 1
) -> Picture:
    """Return the network's output within [0, 1].

    Parameters
    ----------
    network
        Takes and gives ``(B, 3, H, W)``, or a tuple that begins with it; in evaluation mode on the device.
    picture
        ``(H, W, 3)``.
    halo
        Pixels that the receptive field reaches beyond a pixel; None for a network that sees the whole picture.
    tile
        Side of a tile, pixels; 0 for the whole picture at once.
    device
        Where the network is.
    least
        Least height and width that the network takes; smaller pictures are padded by repeating the border.

    Raises
    ------
    InputTooLarge
        If the device's memory is too small for the smallest tile.
    """
    import torch

    size = tile if tile and halo is not None else 0
    while True:
        try:
            return _in_tiles(network, picture, halo or 0, size, device, least)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            smaller = (size or max(picture.shape[:2])) // 2
            if halo is None or smaller < LEAST_TILE:
                raise InputTooLarge(
                    f"a picture of {picture.shape[1]} x {picture.shape[0]} pixels does not fit into the memory of "
                    f"{device}.",
                    hint="Use --device cpu, or a smaller copy of the picture.",
                ) from None
            size = smaller


def _in_tiles(network: nn.Module, picture: Picture, halo: int, tile: int, device: str, least: int) -> Picture:
    height, width = picture.shape[:2]
    if not tile or max(height, width) <= tile + 2 * halo:
        return _whole(network, picture, device, least)
    result = np.empty_like(picture)
    for rows in _spans(height, tile):
        for columns in _spans(width, tile):
            top, left = max(rows.start - halo, 0), max(columns.start - halo, 0)
            part = picture[top : rows.stop + halo, left : columns.stop + halo]
            done = _whole(network, part, device, least)
            result[rows, columns] = done[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return result


def _spans(length: int, tile: int) -> Iterator[slice]:
    for start in range(0, length, tile):
        yield slice(start, min(start + tile, length))


def _whole(network: nn.Module, picture: Picture, device: str, least: int) -> Picture:
    import torch

    height, width = picture.shape[:2]
    below, right = max(least - height, 0), max(least - width, 0)
    if below or right:
        picture = np.pad(picture, ((0, below), (0, right), (0, 0)), mode="edge")
    tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].to(device)
    with torch.inference_mode():
        outputs = network(tensor)
        # What a network gives beside the picture, such as its curve maps, is for training.
        picture_out = outputs[0] if isinstance(outputs, tuple) else outputs
        output = picture_out[0, :, :height, :width].clamp_(0, 1)
    del tensor
    return np.ascontiguousarray(output.float().cpu().numpy().transpose(1, 2, 0))
