"""Data sets of one map of all classes a picture, as numbers or colours.

::

    JPEGImages/*.jpg  SegmentationClassAug/*.png  ImageSets/Segmentation/{train,val}.txt    PASCAL VOC, with SBD's masks
    {train,val,test}/*.png  {train,val,test}annot/*.png                  CamVid of 11 classes (SegNet); 11 is unknown
    images/*.jpg  masks/{FV,HD,PF,RI,RO,SR,WR}/*.bmp or masks/*.bmp      SUIM (Islam et al. 2020)
    *_sat.jpg  *_mask.png                                                DeepGlobe land cover (Demir et al. 2018)
    images/*.jpg  masks/*.png                                            any maps of class numbers

Which classes a picture has is found by reading each map once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.datasets import (
    ClassOfMap,
    ColourOfMap,
    FewShotDataset,
    MaskFile,
    MaskSource,
    Pair,
    by_class,
    lit_channels,
)
from vision_cli.fewshot_seg.data.layouts.masks_by_class import mask_named
from vision_cli.fewshot_seg.data.masks import UNKNOWN, is_map_of_classes, map_of_classes
from vision_cli.io.pictures.folders import (
    Findings,
    Request,
    child,
    folders_in,
    pictures_below,
    pictures_in,
    read_listed,
)

VOC = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]
"""Classes 1 to 20 of PASCAL VOC 2012; 0 is background."""

CAMVID = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist")
"""Classes 0 to 10 of CamVid as SegNet groups them."""

SUIM = {"HD": 4, "PF": 2, "WR": 6, "RO": 1, "RI": 5, "FV": 3, "SR": 7}
"""Lit channels by class: blue human divers, green plants, cyan wrecks, red robots, magenta reefs, yellow fish, white
sand and rocks."""

DEEPGLOBE = {"urban": 6, "agriculture": 3, "rangeland": 5, "forest": 2, "water": 4, "barren": 7}
"""Lit channels by class; black is unknown."""

_CAMVID_VOID = 11
_VOC_MAPS = ("SegmentationClassAug", "SegmentationClass")
_PARTS = ("train", "val", "test")
_PICTURES = ("images", "image", "imgs", "img", "jpegimages")
_MASKS = ("masks", "mask", "labels", "label", "annotations", "gt")
_SATELLITE, _SATELLITE_MASK = "_sat", "_mask"


def is_voc(root: Path) -> bool:
    """Return whether a folder, or the one year of VOCdevkit in it, has maps of PASCAL VOC."""
    return _voc_root(root) is not None


def read_voc(root: Path, request: Request) -> FewShotDataset:
    """Read PASCAL VOC, with the masks of SBD where they are there; 255 is unknown.

    Raises
    ------
    InputError
        If a map is damaged.
    """
    folder = _voc_root(root) or root
    maps = child(folder, *_VOC_MAPS) or folder / _VOC_MAPS[0]
    lists = folder / "ImageSets" / "Segmentation"
    parts = {name: lists / f"{name}.txt" for name in (*_PARTS, "trainval", "trainaug")}
    parts = {name: path for name, path in parts.items() if path.is_file()}
    pairs = _same_names(folder / "JPEGImages", maps, request, some=True)
    if parts:
        wanted = {word for path in request.parts(root, parts).values() for word in read_listed(path)}
        for name in sorted(wanted - {name for name, *_ in pairs}):
            request.findings.leave_out(name, f"listed, but no picture with a map in {maps.name}")
        pairs = [(name, picture, mask) for name, picture, mask in pairs if name in wanted]
    else:
        request.no_parts(root)
    found = _by_number(pairs, dict(enumerate(VOC, 1)), UNKNOWN)
    return by_class("pascal", found, request.findings.sentences())


def is_camvid(root: Path) -> bool:
    """Return whether there is a folder of a part and one of its maps."""
    return any((root / name).is_dir() and (root / f"{name}annot").is_dir() for name in _PARTS)


def read_camvid(root: Path, request: Request) -> FewShotDataset:
    """Read CamVid; 11 is unknown."""
    parts = {name: name for name in _PARTS if (root / f"{name}annot").is_dir() and (root / name).is_dir()}
    pairs = [
        (f"{part}/{name}", picture, mask)
        for part in request.parts(root, parts)
        for name, picture, mask in _same_names(root / part, root / f"{part}annot", request)
    ]
    found = _by_number(pairs, dict(enumerate(CAMVID)), _CAMVID_VOID)
    return by_class("camvid", found, request.findings.sentences())


def is_suim(root: Path) -> bool:
    """Return whether there are masks of SUIM, a folder a class."""
    return (root / "images").is_dir() and any((root / "masks" / name).is_dir() for name in SUIM)


def read_suim(root: Path, request: Request) -> FewShotDataset:
    """Read SUIM: masks by class, or one mask of colours a picture; empty masks are left out."""
    request.no_parts(root)
    by_folder = {name: root / "masks" / name for name in SUIM if (root / "masks" / name).is_dir()}
    found: dict[str, list[Pair]] = {name: [] for name in SUIM}
    if by_folder:
        for name, folder in by_folder.items():
            for stem, picture, mask in _same_names(root / "images", folder, request):
                source = MaskFile(mask)
                if source.read().mask.any():
                    found[name].append(Pair(stem, picture, source))
    else:
        pairs = _same_names(root / "images", root / "masks", request)
        found = _by_colour(pairs, SUIM, None)
    return by_class("suim", found, request.findings.sentences())


def is_deepglobe(root: Path) -> bool:
    """Return whether satellite pictures lie beside their masks."""
    return any(path.stem.endswith(_SATELLITE) for path in pictures_below(root)[:1000])


def read_deepglobe(root: Path, request: Request) -> FewShotDataset:
    """Read DeepGlobe land cover as published, masks of colours; black is unknown."""
    request.no_parts(root)
    pairs = deepglobe_pairs(root, request.findings)
    return by_class("deepglobe", _by_colour(pairs, DEEPGLOBE, 0), request.findings.sentences())


def deepglobe_pairs(root: Path, findings: Findings) -> list[tuple[str, Path, Path]]:
    """Return number, picture and mask of every picture of DeepGlobe as published.

    Raises
    ------
    InputError
        If there is none.
    """
    pairs = []
    for path in pictures_below(root):
        if not path.stem.endswith(_SATELLITE):
            continue
        number = path.stem.removesuffix(_SATELLITE)
        mask = path.with_name(f"{number}{_SATELLITE_MASK}.png")
        if mask.is_file():
            pairs.append((number, path, mask))
        else:
            findings.leave_out(path.name, "no mask beside it")
    if not pairs:
        raise InputError(f"{root}: no *{_SATELLITE}.jpg with a mask; DeepGlobe's land cover expected.")
    return pairs


def is_index_maps(root: Path) -> bool:
    """Return whether two folders hold pictures and maps of class numbers."""
    pictures, masks = child(root, *_PICTURES), child(root, *_MASKS)
    if pictures is None or masks is None or not masks.is_dir():
        return False
    found = pictures_in(masks)
    return bool(found) and any(is_map_of_classes(path) for path in found[:3])


def read_index_maps(root: Path, request: Request) -> FewShotDataset:
    """Read maps of class numbers: the classes are the numbers that occur but 0, and 255 is unknown.

    Raises
    ------
    InputError
        If a map is damaged, or there are no two folders.
    """
    request.no_parts(root)
    pictures, masks = child(root, *_PICTURES), child(root, *_MASKS)
    if pictures is None or masks is None:
        raise InputError(f"{root}: images/ and masks/ expected.", hint="Give the folder that holds both.")
    pairs = _same_names(pictures, masks, request)
    found = _by_number(pairs, None, UNKNOWN)
    request.findings.say("Classes are named by their numbers; 0 is background and 255 unknown.")
    return by_class("index", found, request.findings.sentences())


def _same_names(pictures: Path, masks: Path, request: Request, *, some: bool = False) -> list[tuple[str, Path, Path]]:
    """Return name, picture and map; with ``some``, that pictures have none is as it should be."""
    by_stem = {path.stem: path for path in pictures_in(masks)}
    found = []
    for path in pictures_in(pictures):
        mask = mask_named(path.stem, by_stem)
        if mask is not None:
            found.append((path.stem, path, mask))
        elif not some:
            request.findings.leave_out(path.name, f"no mask in {masks.name}")
    return found


def _by_number(
    pairs: Iterable[tuple[str, Path, Path]], names: Mapping[int, str] | None, unknown: int
) -> dict[str, list[Pair]]:
    def source(mask: Path, number: int) -> MaskSource:
        return ClassOfMap(mask, number, unknown)

    def numbers(mask: Path) -> list[int]:
        return [number for number in np.unique(map_of_classes(mask)).tolist() if number != unknown]

    if names is None:
        loose = _collect(pairs, numbers, None, source)
        return {name: loose[name] for name in sorted(loose, key=int) if name != "0"}
    return _collect(pairs, numbers, names, source)


def _by_colour(
    pairs: Iterable[tuple[str, Path, Path]], colours: Mapping[str, int], unknown: int | None
) -> dict[str, list[Pair]]:
    def source(mask: Path, colour: int) -> MaskSource:
        return ColourOfMap(mask, colour, unknown)

    def numbers(mask: Path) -> list[int]:
        return [int(number) for number in np.unique(lit_channels(mask))]

    return _collect(pairs, numbers, {number: name for name, number in colours.items()}, source)


def _collect(
    pairs: Iterable[tuple[str, Path, Path]],
    numbers: Callable[[Path], list[int]],
    names: Mapping[int, str] | None,
    source: Callable[[Path, int], MaskSource],
) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = {} if names is None else {name: [] for name in names.values()}
    for stem, picture, mask in pairs:
        for number in numbers(mask):
            name = str(number) if names is None else names.get(number)
            if name is not None:
                found.setdefault(name, []).append(Pair(stem, picture, source(mask, number)))
    return found


def _voc_root(root: Path) -> Path | None:
    if not root.is_dir():
        return None
    years = [path for place in (root, root / "VOCdevkit") if place.is_dir() for path in folders_in(place)]
    candidates = [root, *(path for path in years if path.name.startswith("VOC20"))]
    found = [path for path in candidates if (path / "JPEGImages").is_dir() and child(path, *_VOC_MAPS) is not None]
    return found[0] if len(found) == 1 else None
