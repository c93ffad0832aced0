"""Single objects of a mask: its connected pieces, and touching objects split where they are narrow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.values import Mask

_NECK = 0.25
"""An object is split from its neighbour if the way between their middles is narrower than this share of its radius."""
_LEAST_SHARE = 0.02


def split_instances(mask: Mask, *, least_pixels: int = 9) -> NDArray[np.int32]:
    """Return the objects of a mask, numbered from 1 by their size, the largest first; 0 is none of them.

    Touching objects are split by the watershed of the distance to the edge (Beucher and Lantuejoul 1979), from its
    maxima that stand out by a quarter of their height.

    Parameters
    ----------
    mask
        ``(H, W)``.
    least_pixels
        Pieces that are smaller, or smaller than 2 % of the largest one, are left out.
    """
    from scipy import ndimage
    from skimage.morphology import reconstruction
    from skimage.segmentation import watershed

    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    # A maximum is a middle if it stays above its surroundings lowered in proportion to their own depth.
    lowered = reconstruction(depth * (1 - _NECK), depth)
    middles, _ = ndimage.label(np.asarray(depth > lowered + 1e-6) & mask, np.ones((3, 3)))
    pieces, count = ndimage.label(mask, np.ones((3, 3)))
    tops = ndimage.maximum(depth, pieces, np.arange(1, count + 1)) if count else np.zeros(0)
    peaks = np.asarray(ndimage.maximum(depth, middles, np.arange(1, middles.max() + 1)))
    owner = np.asarray(ndimage.maximum(pieces, middles, np.arange(1, middles.max() + 1)), dtype=np.int64)
    # A bump on a large object is no object of its own.
    small = np.flatnonzero(peaks < 0.5 * tops[owner - 1]) + 1
    middles[np.isin(middles, small)] = 0
    found = np.asarray(watershed(-depth, middles, mask=mask), np.int32)
    sizes = np.bincount(found.ravel())
    sizes[0] = 0
    kept = np.flatnonzero(sizes >= max(least_pixels, _LEAST_SHARE * sizes.max()))
    order = kept[np.argsort(-sizes[kept], kind="stable")]
    numbers = np.zeros(len(sizes), np.int32)
    numbers[order] = np.arange(1, len(order) + 1)
    return np.asarray(numbers[found], np.int32)
