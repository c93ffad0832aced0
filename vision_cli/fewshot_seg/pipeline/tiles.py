"""Large pictures in tiles, so that small objects keep their pixels.

A method works a picture at a fixed size. With tiles it works squares of a picture's own pixels, and learns from such
squares around the class in the supports, so that both show it at one scale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.fewshot_seg.pixels.sizes import WORKING_SIDE, resize_mask, resize_picture
from vision_cli.fewshot_seg.values import Floats, Mask, Picture, Segmentation, Support, Task

_WANTED_PX, _TOO_SMALL_PX = 32, 16
_SMALLEST_TILE = 64
_WORTH = 0.7
_PRESENT = 0.5
_OVERLAP = 0.25
_CROPS, _EMPTY_CROPS = 3, 2


def object_size(support: Support, side: int = WORKING_SIDE) -> float:
    """Return the root of the area of the largest connected piece of a mask, px, as a method sees it."""
    import cv2

    count, _, stats, _ = cv2.connectedComponentsWithStats(support.mask.astype(np.uint8))
    if count < 2:
        return 0.0
    height, width = support.mask.shape
    largest = float(stats[1:, cv2.CC_STAT_AREA].max())
    return float(np.sqrt(largest)) * side / float(np.sqrt(height * width))


def choose_tile(supports: Sequence[Support], side: int = WORKING_SIDE) -> int | None:
    """Return the side of tiles in which the class is about 32 px large; None where it is 16 px or more without tiles.

    Parameters
    ----------
    supports
        As they were given, in their own size.
    side
        Root of the number of pixels that a method works at.
    """
    positive = [one for one in supports if not one.is_negative]
    sizes = [object_size(one, side) for one in positive]
    if not sizes or np.median(sizes) >= _TOO_SMALL_PX:
        return None
    shortest = [float(np.sqrt(one.mask.size)) for one in positive]
    own = [size * length / side for size, length in zip(sizes, shortest, strict=True)]
    tile = max(_SMALLEST_TILE, round(float(np.median(own)) * side / _WANTED_PX))
    return tile if tile < _WORTH * float(np.median(shortest)) else None


def tile_for(supports: Sequence[Support], wanted: int | None) -> int | None:
    """Return the side of tiles that is wanted: None for `choose_tile`, 0 for whole pictures, which are None then."""
    return choose_tile(supports) if wanted is None else (wanted or None)


def prepare_supports(supports: Sequence[Support], *, tile: int | None, most: int) -> list[Support]:
    """Return supports as a method learns from them and as a task file stores them.

    Parameters
    ----------
    supports
        As they were given.
    tile
        Side of squares around the pieces of the class, up to three a support; None for the whole pictures.
    most
        Greatest height or width; larger ones are reduced.
    """
    shown = [part for one in supports for part in ([one] if tile is None else _crops(one, tile))]
    return [_reduced(one, most) for one in shown]


@dataclass(frozen=True)
class TiledTask:
    """A class that is searched for in overlapping squares of a picture.

    Attributes
    ----------
    task
        What was learned from squares of this size.
    tile
        Their side, px.
    """

    task: Task
    tile: int

    def segment(self, picture: Picture) -> Segmentation:
        """Return where the class is in a query of any size."""
        size = picture.shape[0], picture.shape[1]
        weights = np.zeros(size, np.float32)
        sums = {name: np.zeros(size, np.float32) for name in ("probability", "mask", "uncertainty")}
        found: list[Segmentation] = []
        areas: list[float] = []
        for rows, columns in windows(size, self.tile):
            one = self.task.segment(np.ascontiguousarray(picture[rows, columns]))
            taper = _taper(one.mask.shape)
            weights[rows, columns] += taper
            sums["probability"][rows, columns] += taper * one.probability
            if one.presence >= _PRESENT:
                sums["mask"][rows, columns] += taper * one.mask
            if one.uncertainty is not None:
                sums["uncertainty"][rows, columns] += taper * one.uncertainty
            found.append(one)
            areas.append(float(one.mask.sum()))
        likeliest = int(np.argmax([one.presence for one in found]))
        scores = [one.score for one in found]
        return Segmentation(
            probability=sums["probability"] / weights,
            mask=np.asarray(sums["mask"] > 0.5 * weights),
            presence=found[likeliest].presence,
            score=float(np.average(scores, weights=areas)) if sum(areas) else scores[likeliest],
            candidate=Counter(one.candidate for one in found).most_common(1)[0][0],
            best_support=found[likeliest].best_support,
            uncertainty=None if found[0].uncertainty is None else sums["uncertainty"] / weights,
        )


def windows(size: tuple[int, int], tile: int) -> Iterator[tuple[slice, slice]]:
    """Yield squares that cover a picture, a quarter or more of each over its neighbour; smaller only if it is."""
    for top in _starts(size[0], tile):
        for left in _starts(size[1], tile):
            yield slice(top, min(top + tile, size[0])), slice(left, min(left + tile, size[1]))


def _starts(length: int, tile: int) -> list[int]:
    if length <= tile:
        return [0]
    count = int(np.ceil((length - tile) / (tile * (1 - _OVERLAP)))) + 1
    return [int(start) for start in np.linspace(0, length - tile, count).round()]


def _taper(size: tuple[int, ...]) -> Floats:
    """Return weights that fall towards the edges of a tile, where a method sees least of what surrounds a pixel."""
    sides = [np.minimum(np.arange(length) + 1, np.arange(length)[::-1] + 1) / length for length in size[:2]]
    return np.asarray(np.outer(sides[0], sides[1]), np.float32)


def _crops(support: Support, tile: int) -> list[Support]:
    """Return squares around the largest pieces of a mask, each piece once; the middle of a negative support."""
    import cv2

    count, labels, stats, centres = cv2.connectedComponentsWithStats(support.mask.astype(np.uint8))
    height, width = support.mask.shape
    if count < 2:
        return [_crop(support, (height / 2, width / 2), tile)]
    order = np.argsort(-stats[1:, cv2.CC_STAT_AREA]) + 1
    seen = np.zeros(count, bool)
    crops: list[Support] = []
    for piece in order:
        if seen[piece] or len(crops) == _CROPS:
            continue
        rows, columns = _window((float(centres[piece][1]), float(centres[piece][0])), (height, width), tile)
        seen[np.unique(labels[rows, columns])] = True
        cut = _cut(support, rows, columns)
        if not cut.is_negative:
            crops.append(cut)
    return crops + _empty_crops(support, tile) if crops else [support]


def _empty_crops(support: Support, tile: int) -> list[Support]:
    """Return squares without the class, those with most contrast: most tiles of a query have none of it."""
    height, width = support.mask.shape
    cuts = [_cut(support, rows, columns) for rows, columns in windows((height, width), tile)]
    empty = [one for one in cuts if one.is_negative]
    return sorted(empty, key=lambda one: -float(one.picture.std()))[:_EMPTY_CROPS]


def _crop(support: Support, centre: tuple[float, float], tile: int) -> Support:
    height, width = support.mask.shape
    return _cut(support, *_window(centre, (height, width), tile))


def _window(centre: tuple[float, float], size: tuple[int, int], tile: int) -> tuple[slice, slice]:
    def one(middle: float, length: int) -> slice:
        start = int(np.clip(round(middle - tile / 2), 0, max(0, length - tile)))
        return slice(start, min(start + tile, length))

    return one(centre[0], size[0]), one(centre[1], size[1])


def _cut(support: Support, rows: slice, columns: slice) -> Support:
    ignored = None if support.ignored is None else np.ascontiguousarray(support.ignored[rows, columns])
    picture, mask = (np.ascontiguousarray(values[rows, columns]) for values in (support.picture, support.mask))
    return Support(support.name, np.asarray(picture, np.uint8), np.asarray(mask, bool), ignored)


def reduced_picture(picture: Picture, most: int) -> Picture:
    """Return a picture as `prepare_supports` would keep it without tiles."""
    return resize_picture(picture, _reduced_size(picture.shape, most))


def _reduced_size(shape: Sequence[int], most: int) -> tuple[int, int]:
    height, width = shape[0], shape[1]
    scale = min(1.0, most / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _reduced(support: Support, most: int) -> Support:
    size = _reduced_size(support.mask.shape, most)
    if size == support.mask.shape:
        return support
    ignored: Mask | None = None if support.ignored is None else resize_mask(support.ignored, size)
    return Support(support.name, reduced_picture(support.picture, most), resize_mask(support.mask, size), ignored)
