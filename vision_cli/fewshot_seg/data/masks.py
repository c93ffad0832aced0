"""Which pixels of a mask file are the class: rules for binary masks, soft ones and maps of class numbers.

Without a class number, of the values that occur:

- two: the one that is not 0 is the class, as in masks of 0 and 128; without a 0, what is bright, if one of them is;
- many, or 0 and 255 with soft edges: 128 or more;
- 3 to 30 small numbers: a map of classes, which needs a class number;
- a JPEG mask: 128 or more, whatever occurs, as the format changes values.

With a class number, pixels of that value are the class, and 255 is unknown (PASCAL VOC). A palette counts by its
numbers; where all its colours are grey and no class is asked for, by its colours. Of colours, luminance counts where
they are nearly grey, else the brightest channel, if there is one colour on black. Opacity never counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.values import Mask
from vision_cli.io.pictures.indexed import StoredValues, read_stored_values
from vision_cli.io.pictures.luma import luma

UNKNOWN = 255
"""Value of pixels about which nothing is known, in a map of class numbers."""

_MOST_CLASSES = 30
_SMALL = 30
_HALF = 128
_LOW_END, _HIGH_END = 5, 250
"""Values of soft masks that are as good as 0 and 255."""

_SOFT_SHARE = 0.5
"""Pixels between the ends, of those of the class, up to which they are soft edges: 0.18 at most in defects of a few
hundred pixels of magnetic tiles, while classes of a map cover whole regions."""

_NEARLY_GREY = 48
_RARE = 0.01
_EIGHT_BITS, _SIXTEEN_BITS = 255, 65535
_LISTED = 12


@dataclass(frozen=True)
class ReadMask:
    """A mask and how it was read.

    Attributes
    ----------
    mask
        Where the class is.
    ignored
        Where nothing is known; None where there are no such pixels.
    rule
        Which values are the class, in a few words.
    """

    mask: Mask
    ignored: Mask | None
    rule: str

    @property
    def share(self) -> float:
        """Share of the known pixels that are of the class."""
        known = self.mask.size if self.ignored is None else int(np.count_nonzero(~self.ignored))
        return float(np.count_nonzero(self.mask)) / known if known else 0.0


def read_mask(path: Path, class_id: int | None = None) -> ReadMask:
    """Read a mask by the rules of this module.

    Parameters
    ----------
    path
        The file.
    class_id
        Number of the class in a map of class numbers.

    Raises
    ------
    InputError
        If the file is damaged, is a map of classes and no class number is given, is none and one is given, or its
        values are neither.
    InputTooLarge
        If it would not fit into memory.
    """
    stored = read_stored_values(path)
    if class_id is not None:
        return _class_of(path, stored, class_id)
    grey, of_what = _grey(path, stored)
    most = _SIXTEEN_BITS if int(grey.max(initial=0)) > _EIGHT_BITS else _EIGHT_BITS
    half = _HALF * (most + 1) // (_EIGHT_BITS + 1)
    levels, counts = np.unique(grey, return_counts=True)
    bright = grey >= half
    bright_rule = f"{half} or more {of_what}"
    if stored.is_lossy:
        return _bright(path, bright, f"{bright_rule}, of a JPEG", levels)
    if len(levels) == 1:
        return ReadMask(grey != 0, None, f"only {levels[0]} {of_what}")
    if len(levels) == 2 and levels[0] == 0:
        return ReadMask(grey != 0, None, f"{levels[1]} of the two values 0 and {levels[1]} {of_what}")
    if len(levels) == 2 and levels[0] < half <= levels[1]:
        return ReadMask(bright, None, f"{levels[1]} of the two values {levels[0]} and {levels[1]} {of_what}")
    if len(levels) <= _MOST_CLASSES and not _has_soft_edges(levels, counts, most):
        shares = [f"{level} ({count / grey.size:.1%})" for level, count in zip(levels, counts, strict=True)]
        listed = ", ".join(shares[:_LISTED]) + (", ..." if len(shares) > _LISTED else "")
        raise InputError(
            f"{path}: a map of {len(levels)} classes, {listed}; a mask of one class expected.",
            hint="Name the class with --class-id N.",
        )
    return _bright(path, bright, bright_rule, levels)


def map_of_classes(path: Path) -> NDArray[np.int32]:
    """Read a map of class numbers, ``(H, W)``; of a palette its numbers.

    Raises
    ------
    InputError
        If the file is damaged, or holds colours or values that its format changed.
    """
    return _numbers(path, read_stored_values(path))


def is_map_of_classes(path: Path) -> bool:
    """Return whether a file holds class numbers by the rules of this module, or a palette of three colours or more.

    Raises
    ------
    InputError
        If it is damaged.
    """
    stored = read_stored_values(path)
    if stored.is_lossy or stored.values.ndim == 3:
        return False
    levels, counts = np.unique(stored.values.astype(np.int32), return_counts=True)
    if stored.palette is not None and len(levels) > 2:
        return True
    most = _SIXTEEN_BITS if levels[-1] > _EIGHT_BITS else _EIGHT_BITS
    return 2 < len(levels) <= _MOST_CLASSES and not _has_soft_edges(levels, counts, most)


def _class_of(path: Path, stored: StoredValues, class_id: int) -> ReadMask:
    numbers = _numbers(path, stored)
    levels = np.unique(numbers)
    others = levels[levels != 0]
    if stored.palette is None and len(others) == 1 and others[0] > _SMALL and class_id not in levels:
        raise InputError(
            f"{path}: a mask of {' and '.join(map(str, levels))}; a map with class {class_id} expected.",
            hint="Leave out --class-id for a mask of one class.",
        )
    ignored = numbers == UNKNOWN if class_id != UNKNOWN and UNKNOWN in levels else None
    listed = ", ".join(map(str, levels[:_LISTED])) + (", ..." if len(levels) > _LISTED else "")
    return ReadMask(numbers == class_id, ignored, f"class {class_id} of the numbers {listed}")


def _numbers(path: Path, stored: StoredValues) -> NDArray[np.int32]:
    if stored.is_lossy:
        raise InputError(
            f"{path}: a JPEG, which changes class numbers; a PNG expected.", hint="Export the map of classes as PNG."
        )
    if stored.values.ndim == 3:
        if not (stored.values == stored.values[..., :1]).all():
            raise InputError(
                f"{path}: a mask of colours; a map of class numbers expected.",
                hint="Convert the colours to numbers, or leave out --class-id for one colour on black.",
            )
        return stored.values[..., 0].astype(np.int32)
    return stored.values.astype(np.int32)


def _grey(path: Path, stored: StoredValues) -> tuple[NDArray[np.int32], str]:
    """Return one value a pixel, and what it is in words."""
    values = stored.values
    if stored.palette is not None:
        used = stored.palette[np.unique(values)]
        if (used == used[:, :1]).all():
            return stored.palette[values][..., 0].astype(np.int32), "by the grey of its palette"
        return values.astype(np.int32), "by palette number"
    if values.ndim == 2:
        return values.astype(np.int32), "in grey"
    whole = values.astype(np.int32)
    if (whole == whole[..., :1]).all():
        return whole[..., 0], "in grey"
    highest = whole.max(axis=2)
    if int((highest - whole.min(axis=2)).max()) <= _NEARLY_GREY:
        return np.rint(luma(whole)).astype(np.int32), "in luminance"
    if len(np.unique(_packed(whole))) == 2:
        return highest, "in the brightest channel"
    # Soft edges of one colour on black are darker pixels of it; rare ones are where two edges meet.
    lit = np.bincount(((whole >= _HALF) @ np.array([1, 2, 4])).ravel(), minlength=8)[1:]
    colours = int(np.count_nonzero(lit > _RARE * lit.sum()))
    if colours > 1:
        raise InputError(
            f"{path}: a mask of {colours} colours; one colour on black expected.",
            hint="Make one mask of each class, or a map of class numbers for --class-id.",
        )
    return highest, "in the brightest channel"


def _packed(colours: NDArray[np.int32]) -> NDArray[np.int64]:
    packed: NDArray[np.int64] = colours.astype(np.int64) @ np.array([1, 1 << 16, 1 << 32])
    return packed


def _has_soft_edges(levels: NDArray[np.int32], counts: NDArray[np.int64], most: int) -> bool:
    """Return whether a few values are those of one class with soft edges, not numbers of classes."""
    scaled = levels * (_EIGHT_BITS / most)
    if scaled[0] > _LOW_END or scaled[-1] < _HIGH_END:
        return False
    between = (scaled > _LOW_END) & (scaled < _HIGH_END)
    if not between.any():
        # 0, 1, 2 and 255 may be classes and unknown pixels; 254 is no class.
        return bool((scaled[:-1] >= _HIGH_END).any())
    soft = int(counts[between].sum())
    return int(between.sum()) > 1 and soft <= _SOFT_SHARE * int(counts[scaled >= _HALF].sum())


def _bright(path: Path, bright: Mask, rule: str, levels: NDArray[np.int32]) -> ReadMask:
    if not bright.any() and levels[-1] > _LOW_END:
        raise InputError(
            f"{path}: values up to {levels[-1]}, none of them bright; {rule} expected for the class.",
            hint="Store the class as 255 and all else as 0.",
        )
    return ReadMask(bright, None, rule)
