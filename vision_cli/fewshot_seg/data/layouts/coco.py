"""COCO instances, all objects of a category one mask: COCO-20i (Nguyen and Todorovic 2019) and any COCO JSON file.

::

    annotations/instances_val2014.json  val2014/*.jpg       or images/val2014/, images/, or beside the JSON file
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.datasets import FewShotDataset, Pair, by_class
from vision_cli.fewshot_seg.data.masks import ReadMask
from vision_cli.fewshot_seg.values import Mask
from vision_cli.io.limits import require_room
from vision_cli.io.pictures.coco_files import coco_files, coco_pictures
from vision_cli.io.pictures.folders import Request, inside
from vision_cli.io.pictures.rle import counts_mask, expand_counts, polygon_mask
from vision_cli.io.reading import read_json

_PARTS = ("train", "val", "test")
_PIXEL_BYTES = 12
"""Bytes a pixel that a mask takes while it is made."""


@dataclass(frozen=True)
class Region:
    """One segmentation of COCO: polygons, or run lengths.

    Attributes
    ----------
    polygons
        Flat lists ``x1 y1 x2 y2 ...``.
    counts
        Run lengths, or their compressed text; None of polygons.
    size
        Height and width that the run lengths are of.
    """

    polygons: tuple[tuple[float, ...], ...] = ()
    counts: tuple[int, ...] | str | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class RegionMask:
    """The union of regions of a JSON file.

    Attributes
    ----------
    path
        The JSON file.
    name
        Of the picture, for messages.
    size
        Height and width.
    regions
        Where the class is.
    crowds
        Regions of crowds, whose single objects nobody outlined: unknown where no region is.
    """

    path: Path
    name: str
    size: tuple[int, int]
    regions: tuple[Region, ...]
    crowds: tuple[Region, ...] = ()

    def read(self) -> ReadMask:
        """Return the mask.

        Raises
        ------
        InputError
            If a region is damaged.
        InputTooLarge
            If the mask would not fit into memory.
        """
        height, width = self.size
        require_room(
            self.path,
            _PIXEL_BYTES * height * width,
            f"{self.name} is said to have {width} x {height} pixels",
            most=math.inf,
        )
        mask = self._union(self.regions)
        ignored = self._union(self.crowds) & ~mask if self.crowds else None
        return ReadMask(mask, ignored, f"{len(self.regions)} regions of {self.path.name}")

    def _union(self, regions: Sequence[Region]) -> Mask:
        mask = np.zeros(self.size, dtype=bool)
        try:
            for region in regions:
                mask |= region_mask(region, self.size)
        except ValueError as error:
            raise InputError(f"{self.path}: {self.name}: damaged segmentation ({error}).") from error
        return mask


def region_mask(region: Region, size: tuple[int, int]) -> Mask:
    """Return the mask of a region, ``(H, W)``.

    Raises
    ------
    ValueError
        If it is damaged or of another size.
    """
    height, width = size
    if region.counts is not None:
        if region.size not in (None, size):
            raise ValueError(f"run lengths of {region.size}, the picture has {size}")
        counts = expand_counts(region.counts) if isinstance(region.counts, str) else region.counts
        return counts_mask(counts, height, width)
    mask = np.zeros(size, dtype=bool)
    for flat in region.polygons:
        mask |= polygon_mask(np.reshape(np.asarray(flat, dtype=np.float64), (-1, 2)), height, width)
    return mask


def is_coco(root: Path) -> bool:
    """Return whether there is a JSON file of COCO: the path itself, or in ``annotations``, or in the folder."""
    return bool(coco_files(root))


def read_coco(root: Path, request: Request) -> FewShotDataset:
    """Read COCO instances: a pair is a picture and the union of its objects of a category.

    Raises
    ------
    InputError
        If a JSON file is damaged, or its pictures are nowhere.
    """
    files = coco_files(root)
    if len(files) > 1:
        parts: dict[str, list[Path]] = {}
        for path in files:
            parts.setdefault(next((name for name in _PARTS if name in path.stem.lower()), path.stem), []).append(path)
        files = [path for chosen in request.parts(root, parts).values() for path in chosen]
    else:
        request.no_parts(root)
    if not files:
        raise InputError(f"{root}: no JSON file of COCO; one expected.", hint="Give the JSON file itself.")
    found: dict[str, list[Pair]] = {}
    for path in files:
        for name, pairs in _read_file(path, request).items():
            found.setdefault(name, []).extend(pairs)
    return by_class("coco", found, request.findings.sentences())


def fold_classes(names: Sequence[str], fold: int) -> tuple[str, ...]:
    """Return the classes of a fold of COCO-20i: every fourth of 80 in the order of their numbers, from ``fold`` on.

    Raises
    ------
    ValueError
        If there is no such fold.
    """
    if not 0 <= fold < 4:
        raise ValueError(f"fold {fold}; 0 to 3 expected")
    return tuple(names[fold::4])


def parse_region(segmentation: object) -> Region | None:
    """Return the region of a ``segmentation``; None where it holds none.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is neither polygons nor run lengths.
    """
    if isinstance(segmentation, Mapping):
        counts = segmentation["counts"]
        height, width = (int(value) for value in segmentation["size"])
        if isinstance(counts, str):
            return Region(counts=counts, size=(height, width))
        return Region(counts=tuple(int(count) for count in counts), size=(height, width))
    if not isinstance(segmentation, list):
        raise TypeError("a segmentation that is no list and no run lengths")
    polygons = [tuple(float(value) for value in flat) for flat in segmentation]
    if any(len(flat) % 2 or not all(map(math.isfinite, flat)) for flat in polygons):
        raise ValueError("a polygon that is no list of x and y")
    polygons = [flat for flat in polygons if len(flat) >= 6]
    return Region(tuple(polygons)) if polygons else None


def _read_file(path: Path, request: Request) -> dict[str, list[Pair]]:
    document = read_json(path)
    try:
        if not isinstance(document, dict):
            raise TypeError("no object")
        categories = {int(entry["id"]): str(entry["name"]) for entry in document["categories"]}
        pictures = {
            int(entry["id"]): (str(entry["file_name"]), (int(entry["height"]), int(entry["width"])))
            for entry in document["images"]
        }
        if any(min(size) < 1 for _, size in pictures.values()):
            raise ValueError("a picture without pixels")
        regions: dict[tuple[int, int], tuple[list[Region], list[Region]]] = {}
        for entry in document["annotations"]:
            region = parse_region(entry["segmentation"])
            if region is not None:
                places = regions.setdefault((int(entry["category_id"]), int(entry["image_id"])), ([], []))
                places[bool(entry.get("iscrowd", 0))].append(region)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{path}: not a COCO file of segmentations ({type(error).__name__}: {error}); images with their sizes, "
            "categories and annotations with segmentation expected.",
            hint="Give the instances_*.json file.",
        ) from error
    folder = coco_pictures(path, [name for name, _ in pictures.values()])
    found: dict[str, list[Pair]] = {categories[number]: [] for number in sorted(categories)}
    for (category, number), (single, crowds) in regions.items():
        if category not in categories or number not in pictures:
            request.findings.leave_out(f"{path.name}: {number}", "an object of no category or picture")
            continue
        name, size = pictures[number]
        picture = inside(folder, name)
        if picture is None or not picture.is_file():
            request.findings.leave_out(name, f"no such picture in {folder.name}")
        elif single:
            source = RegionMask(path, name, size, tuple(single), tuple(crowds))
            found[categories[category]].append(Pair(f"{folder.name}/{name}", picture, source))
    return found
