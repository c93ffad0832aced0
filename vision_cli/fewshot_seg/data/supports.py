"""A support of files named on the command line: a picture, and a mask or polygons of LabelMe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.datasets import NoMask
from vision_cli.fewshot_seg.data.layouts.labelme import read_labelme_mask
from vision_cli.fewshot_seg.data.masks import read_mask
from vision_cli.fewshot_seg.data.pictures import read_picture_of_size
from vision_cli.fewshot_seg.values import Support


@dataclass(frozen=True)
class ReadSupport:
    """A support and how its mask was read.

    Attributes
    ----------
    support
        The support.
    rule
        Which values of the mask are the class, in a few words.
    share
        Share of the known pixels that are of the class, 0 to 1.
    """

    support: Support
    rule: str
    share: float

    def __str__(self) -> str:
        """Return the line that a command shows."""
        kind = "negative support, 0 % is the class" if self.support.is_negative else f"{self.share:.2%} is the class"
        return f"{self.support.name}: {kind} ({self.rule})"


def read_support(
    picture: Path,
    mask: Path | None,
    *,
    class_id: int | None = None,
    class_name: str | None = None,
    inverted: bool = False,
    name: str | None = None,
) -> ReadSupport:
    """Read an annotated picture.

    Parameters
    ----------
    picture
        The picture.
    mask
        A mask, a map of class numbers, or a LabelMe JSON file; None for a picture without the class.
    class_id
        Number of the class in a map of class numbers.
    class_name
        Label of the class in a LabelMe file; may be left out where there is one label.
    inverted
        Whether the class is what the mask leaves out.
    name
        For messages and tables; by default the path of the picture.

    Raises
    ------
    InputError
        If a file is damaged, the mask covers all that is known, the sizes differ, or the mask does not say by itself
        which pixels are the class.
    InputTooLarge
        If a file would not fit into memory.
    """
    if mask is None:
        found = NoMask(picture).read()
    elif mask.suffix.lower() == ".json":
        found = read_labelme_mask(mask, class_name)
    else:
        found = read_mask(mask, class_id)
    if inverted:
        outside = ~found.mask if found.ignored is None else ~found.mask & ~found.ignored
        found = replace(found, mask=outside, rule=f"all but {found.rule}")
    if found.share == 1.0:
        raise InputError(
            f"{mask}: every pixel is the class ({found.rule}); some that are not expected.",
            hint="Give a mask with the class as 255 and all else as 0.",
        )
    height, width = found.mask.shape
    pixels = read_picture_of_size(picture, (height, width), str(mask))
    return ReadSupport(Support(name or str(picture), pixels, found.mask, found.ignored), found.rule, found.share)
