"""A face as networks take it: the whole at one size, its richest tile at the resolution of the file, its features.

The richest tile is that of MFCLIP: the one of lowest homogeneity of the grey-level co-occurrence matrix (distance 1,
angle 0, 256 levels, symmetric, normed). The published code cuts a picture that was resized to 224 px into four; here
the tiles are those of the face at its own resolution, because resizing removes what a generator left in the finest
detail.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.coherence.features import features
from vision_cli.forgery_detect.values import FaceCrop, FaceInput, Picture
from vision_cli.io.pictures.luma import luma32


def face_input(crop: FaceCrop, *, side: int, patch: int) -> FaceInput:
    """Return a face as networks take it.

    Parameters
    ----------
    crop
        The square around it.
    side
        Side of the whole face, px.
    patch
        Side of the tile, px.
    """
    return face_inputs(crop, [(side, patch)])[side, patch]


def face_inputs(crop: FaceCrop, sizes: Iterable[tuple[int, int]]) -> dict[tuple[int, int], FaceInput]:
    """Return a face as several networks take it, by side and patch in px; the features are computed once."""
    coherence = np.asarray(features(crop.picture), np.float32)
    return {
        (side, patch): FaceInput(
            image=_planes(resized(crop.picture, side)),
            patch=_planes(richest_tile(crop.picture, patch)),
            coherence=coherence,
        )
        for side, patch in sizes
    }


def resized(picture: Picture, side: int) -> Picture:
    """Return a square picture at another size; areas are averaged where it shrinks."""
    import cv2

    if len(picture) == side:
        return picture
    method = cv2.INTER_AREA if len(picture) > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (side, side), interpolation=method), np.uint8)


def richest_tile(picture: Picture, side: int) -> Picture:
    """Return the tile of lowest homogeneity of a grid in the middle of a picture; the first of equal ones.

    A picture smaller than a tile is mirrored until it fills one.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    side
        Of the tiles, px.
    """
    height, width = picture.shape[:2]
    if min(height, width) < side:
        missing = [(0, max(side - count, 0)) for count in (height, width)]
        picture = np.pad(picture, (*missing, (0, 0)), mode="symmetric")
        height, width = picture.shape[:2]
    rows, columns = height // side, width // side
    top, left = (height - rows * side) // 2, (width - columns * side) // 2
    whole = picture[top : top + rows * side, left : left + columns * side]
    values = homogeneity(_grey(whole), side)
    row, column = divmod(int(values.argmin()), columns)
    return np.ascontiguousarray(whole[row * side : (row + 1) * side, column * side : (column + 1) * side])


def homogeneity(grey: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """Return the homogeneity of each tile of a grey picture, ``(R, C)``: the mean of 1 / (1 + difference squared).

    The mean runs over horizontal neighbours; it equals the sum over the symmetric co-occurrence matrix.

    Parameters
    ----------
    grey
        ``(R * side, C * side)``.
    side
        Of the tiles, px.
    """
    steps = np.diff(grey.astype(np.int32), axis=1)
    # Of 511 differences each has one weight: a table is faster than a division a pixel.
    table = 1 / (1 + np.arange(256, dtype=np.float64) ** 2)
    weights = np.zeros(grey.shape)
    weights[:, :-1] = table[np.abs(steps)]
    rows, columns = grey.shape[0] // side, grey.shape[1] // side
    tiles = weights.reshape(rows, side, columns, side)[..., :-1]
    return np.asarray(tiles.mean(axis=(1, 3)))


def _grey(picture: Picture) -> NDArray[np.uint8]:
    return np.asarray(np.rint(luma32(picture.astype(np.float32))), np.uint8)


def _planes(picture: Picture) -> NDArray[np.float32]:
    return np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32) / np.float32(255)
