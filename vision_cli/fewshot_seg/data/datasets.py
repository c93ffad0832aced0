"""Data sets of annotated pictures by class; pictures and masks are read when they are asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError, UsageError
from vision_cli.fewshot_seg.data.masks import UNKNOWN, ReadMask, map_of_classes, read_mask
from vision_cli.fewshot_seg.data.pictures import read_picture_of_size
from vision_cli.fewshot_seg.values import Support
from vision_cli.io.pictures.indexed import read_stored_values
from vision_cli.io.pictures.photographs import photograph_size


class MaskSource(Protocol):
    """Where the mask of one class comes from."""

    def read(self) -> ReadMask:
        """Return the mask.

        Raises
        ------
        InputError
            If its file is damaged.
        """
        ...


@dataclass(frozen=True)
class MaskFile:
    """A mask of one class, by the rules of `vision_cli.fewshot_seg.data.masks`.

    Attributes
    ----------
    path
        The file.
    inverted
        Whether the class is what the rules leave out.
    """

    path: Path
    inverted: bool = False

    def read(self) -> ReadMask:
        """Return the mask."""
        found = read_mask(self.path)
        return replace(found, mask=~found.mask, rule=f"all but {found.rule}") if self.inverted else found


@dataclass(frozen=True)
class ClassOfMap:
    """One class of a map of class numbers.

    Attributes
    ----------
    path
        The file.
    number
        Number of the class.
    unknown
        Number of the pixels about which nothing is known.
    """

    path: Path
    number: int
    unknown: int = UNKNOWN

    def read(self) -> ReadMask:
        """Return the mask."""
        numbers = map_of_classes(self.path)
        ignored = numbers == self.unknown
        return ReadMask(numbers == self.number, ignored if ignored.any() else None, f"class {self.number}")


@dataclass(frozen=True)
class ColourOfMap:
    """One class of a map of colours, whose channels are lit or not.

    Attributes
    ----------
    path
        The file.
    colour
        The channels: red is 1, green 2, blue 4.
    unknown
        Colour of the pixels about which nothing is known; None where all are known.
    """

    path: Path
    colour: int
    unknown: int | None = None

    def read(self) -> ReadMask:
        """Return the mask."""
        colours = lit_channels(self.path)
        ignored = None if self.unknown is None else colours == self.unknown
        known = ignored if ignored is not None and ignored.any() else None
        return ReadMask(colours == self.colour, known, f"one colour of {self.path.name}")


@dataclass(frozen=True)
class NoMask:
    """The mask of a class that is not in a picture.

    Attributes
    ----------
    picture
        The picture.
    """

    picture: Path

    def read(self) -> ReadMask:
        """Return an empty mask of the size of the picture."""
        return ReadMask(np.zeros(photograph_size(self.picture), dtype=bool), None, "absent")


def lit_channels(path: Path) -> NDArray[np.uint8]:
    """Read a map of colours, ``(H, W)``: which channels have 128 or more, red 1, green 2, blue 4.

    Raises
    ------
    InputError
        If the file is damaged or holds no colours.
    """
    stored = read_stored_values(path)
    values: NDArray[np.integer] = stored.values if stored.palette is None else stored.palette[stored.values]
    if values.ndim != 3:
        values = np.repeat(values[..., None], 3, axis=2)
    lit: NDArray[np.uint8] = ((values >= 128) @ np.array([1, 2, 4])).astype(np.uint8)
    return lit


@dataclass(frozen=True)
class Pair:
    """A picture with the mask of a class.

    Attributes
    ----------
    name
        Name of the picture: the same in all classes of a data set, and of no other picture.
    picture
        The file.
    source
        The mask.
    """

    name: str
    picture: Path
    source: MaskSource

    def read(self) -> Support:
        """Return picture and mask.

        Raises
        ------
        InputError
            If a file is damaged, or the sizes differ.
        """
        found = self.source.read()
        height, width = found.mask.shape
        mask_path = getattr(self.source, "path", self.picture)
        picture = read_picture_of_size(self.picture, (height, width), str(mask_path))
        return Support(self.name, picture, found.mask, found.ignored)


@dataclass(frozen=True)
class FewShotDataset:
    """Annotated pictures of classes.

    Attributes
    ----------
    layout
        How the files are laid out.
    classes
        Pairs by class, each in the order of their names; a picture may occur in several.
    notes
        A sentence on each thing that was left out or assumed.
    """

    layout: str
    classes: Mapping[str, tuple[Pair, ...]]
    notes: tuple[str, ...] = ()

    def pair(self, class_name: str, name: str) -> Pair:
        """Return a pair by its class and name.

        Raises
        ------
        InputError
            If there is none.
        """
        pairs = self.classes.get(class_name)
        if pairs is None:
            raise InputError(
                f"class {class_name!r} is not in the data set; one of its {len(self.classes)} classes expected.",
                hint=did_you_mean(class_name, list(self.classes)),
            )
        found = next((pair for pair in pairs if pair.name == name), None)
        if found is None:
            raise InputError(f"picture {name!r} of class {class_name!r} is not in the data set.")
        return found

    def only(self, names: Sequence[str]) -> FewShotDataset:
        """Return the data set with these classes alone, in this order.

        Raises
        ------
        UsageError
            If one is not in it.
        """
        for name in names:
            if name not in self.classes:
                listed = ", ".join(list(self.classes)[:20])
                raise UsageError(f"class {name!r}; {listed} expected.", hint=did_you_mean(name, list(self.classes)))
        return replace(self, classes={name: self.classes[name] for name in names})


def by_class(layout: str, found: Mapping[str, Sequence[Pair]], notes: Sequence[str] = ()) -> FewShotDataset:
    """Make a data set of pairs by class, classes without pairs left out; pairs in the order of their names."""
    classes = {
        name: tuple(sorted(pairs, key=lambda pair: _natural(pair.name))) for name, pairs in found.items() if pairs
    }
    return FewShotDataset(layout, classes, tuple(notes))


def _natural(name: str) -> list[tuple[int, str]]:
    """Order ``2`` before ``10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split("([0-9]+)", name) if part]
