"""Data sets of one mask a picture and class: side by side, or in a tree of masks beside that of the pictures.

::

    <class>/{1..10}.jpg  <class>/{1..10}.png             FSS-1000 (Li et al. 2020)
    MT_<class>/Imgs/*.jpg  MT_<class>/Imgs/*.png         magnetic tiles (Huang et al. 2020)
    {cat_00,dog_00}.jpg  {cat_00,dog_00}.png             side by side in one folder, the class in the name
    Images/<class>/NN.jpg  Annotations/<class>/NN.png    PerSeg (Zhang et al. 2023)
    images/<class>/*.jpg  masks/<class>/*.png            the generic form
    images/*.jpg  masks/*.png                            the same of one class, named as the folder
    image/*.png  label/*.png                             membranes in slices of EM (ISBI 2012), where they are 0
    <1..6>/test/origin/*.jpg  <1..6>/test/groundtruth/*.png    DeepGlobe as PATNet cuts it (Lei et al. 2022)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.datasets import FewShotDataset, MaskFile, Pair, by_class
from vision_cli.fewshot_seg.data.masks import is_map_of_classes
from vision_cli.io.pictures.folders import (
    Findings,
    Request,
    child,
    folders_in,
    pictures_below,
    pictures_in,
    read_listed,
)

_MASK_SUFFIXES = {".png", ".bmp", ".tif", ".tiff", ".gif"}
_NUMBERED = re.compile("(.*[^0-9 _-])[ _-]*[0-9]+")
_MASK_ENDINGS = ("", "_mask", "_seg", "_segmentation", "_gt", "-mask")
_PICTURES = ("images", "image", "imgs", "img")
_MASKS = ("masks", "mask", "annotations", "labels", "label", "gt", "groundtruth")
_PATNET = {
    "1": "urban",
    "2": "agriculture",
    "3": "rangeland",
    "4": "forest",
    "5": "water",
    "6": "barren",
}
_FSS_PICTURES = 10


def is_fss1000(root: Path) -> bool:
    """Return whether most folders hold pictures 1 to 10 beside their masks."""
    folders = folders_in(root) if root.is_dir() else []
    full = [folder for folder in folders if _is_fss_class(folder)]
    return bool(full) and 2 * len(full) > len(folders)


def read_fss1000(root: Path, request: Request) -> FewShotDataset:
    """Read FSS-1000; a split is a list of classes, ``test.txt`` or ``splits/test.txt``.

    Raises
    ------
    UsageError
        If a split is asked for and there is no list of it.
    """
    folders = [folder for folder in folders_in(root) if folder.name != "splits"]
    lists = {
        name: found
        for name in ("train", "val", "test")
        if (found := child(root, f"{name}.txt") or child(root / "splits", f"{name}.txt")) is not None
    }
    if lists:
        wanted = {word for path in request.parts(root, lists).values() for word in read_listed(path)}
        folders = [folder for folder in folders if folder.name in wanted]
    else:
        request.no_parts(root)
    classes = {folder.name: _side_by_side(folder, folder.name, request.findings) for folder in folders}
    return by_class("fss1000", classes, request.findings.sentences())


def is_side_by_side(root: Path) -> bool:
    """Return whether pictures lie beside masks of their name, in the folder or below."""
    return any(_mask_beside(path) is not None for path in pictures_below(root) if path.suffix.lower() != ".png")


def read_side_by_side(root: Path, request: Request) -> FewShotDataset:
    """Read pictures beside their masks: the class is the folder, in the folder itself the name without its number."""
    request.no_parts(root)
    folders = sorted({path.parent for path in pictures_below(root)})
    found: dict[str, list[Pair]] = {}
    for folder in folders:
        place = folder.relative_to(root).as_posix()
        for pair in _side_by_side(folder, place, request.findings):
            found.setdefault(_class_of(place, pair.picture.stem, root), []).append(pair)
    return by_class("side-by-side", found, request.findings.sentences())


def is_mask_tree(root: Path) -> bool:
    """Return whether there is a folder of pictures, and beside it one of masks."""
    return _two_trees(root) is not None


def read_mask_tree(root: Path, request: Request, layout: str = "folder") -> FewShotDataset:
    """Read two trees of one shape, a folder a class; without such folders all is one class.

    Raises
    ------
    InputError
        If there are no two such folders.
    """
    request.no_parts(root)
    pictures, masks = _required_trees(root)
    folders = {folder.name: folder for folder in folders_in(pictures)}
    if not folders or pictures_in(pictures):
        found = _partners(pictures, masks, "", request.findings)
        return by_class(layout, {root.resolve().name: found}, request.findings.sentences())
    classes = {}
    for name, folder in folders.items():
        of_class = child(masks, name)
        if of_class is None:
            request.findings.leave_out(name, f"no folder of it in {masks.name}")
        else:
            classes[name] = _partners(folder, of_class, f"{name}/", request.findings)
    return by_class(layout, classes, request.findings.sentences())


def is_perseg(root: Path) -> bool:
    """Return whether the trees are named as those of PerSeg."""
    return (root / "Images").is_dir() and (root / "Annotations").is_dir() and bool(folders_in(root / "Annotations"))


def read_perseg(root: Path, request: Request) -> FewShotDataset:
    """Read PerSeg; as `read_mask_tree`."""
    return read_mask_tree(root, request, "perseg")


def is_binary_tree(root: Path) -> bool:
    """Return whether there are two trees, and the first mask is one of a class, no map of many."""
    trees = _two_trees(root)
    masks = pictures_below(trees[1]) if trees else []
    return bool(masks) and not is_map_of_classes(masks[0])


def read_membranes(root: Path, request: Request) -> FewShotDataset:
    """Read slices of EM whose masks are 0 on membranes; as `read_mask_tree`."""
    request.no_parts(root)
    pictures, masks = _required_trees(root)
    pairs = _partners(pictures, masks, "", request.findings, inverted=True)
    request.findings.say("The class is what the masks leave out: membranes are 0 in them.")
    return by_class("em-membrane", {"membrane": pairs}, request.findings.sentences())


def is_patnet(root: Path) -> bool:
    """Return whether folders of numbers hold ``test/origin`` and ``test/groundtruth``."""
    return bool(_patnet_folders(root))


def read_patnet(root: Path, request: Request) -> FewShotDataset:
    """Read DeepGlobe as PATNet cuts it into tiles, a folder a class."""
    request.no_parts(root)
    found = {}
    for folder in _patnet_folders(root):
        name = _PATNET.get(folder.name, folder.name)
        found[name] = _partners(
            folder / "test" / "origin", folder / "test" / "groundtruth", f"{folder.name}/", request.findings
        )
    return by_class("deepglobe-patnet", found, request.findings.sentences())


def mask_named(stem: str, masks: Mapping[str, Path]) -> Path | None:
    """Return the mask of a picture by its stem, with one of the usual endings."""
    return next((masks[stem + ending] for ending in _MASK_ENDINGS if stem + ending in masks), None)


def _partners(pictures: Path, masks: Path, prefix: str, findings: Findings, *, inverted: bool = False) -> list[Pair]:
    by_stem = {path.stem: path for path in pictures_in(masks)}
    pairs = []
    for path in pictures_in(pictures):
        mask = mask_named(path.stem, by_stem)
        if mask is None:
            findings.leave_out(f"{prefix}{path.name}", f"no mask in {masks.name}")
        else:
            pairs.append(Pair(f"{prefix}{path.stem}", path, MaskFile(mask, inverted)))
    return pairs


def _side_by_side(folder: Path, place: str, findings: Findings) -> list[Pair]:
    prefix = "" if place == "." else f"{place}/"
    pairs = []
    found = pictures_in(folder)
    used = {mask for path in found if (mask := _mask_beside(path)) is not None}
    for path in found:
        mask = _mask_beside(path)
        if mask is not None:
            pairs.append(Pair(f"{prefix}{path.stem}", path, MaskFile(mask)))
        elif path not in used:
            findings.leave_out(f"{prefix}{path.name}", "no mask beside it")
    return pairs


def _mask_beside(path: Path) -> Path | None:
    """Return the mask in the folder of a picture: of its name with another ending, or with ``_mask`` behind it."""
    candidates = (
        path.with_name(f"{path.stem}{ending}{suffix}")
        for ending in _MASK_ENDINGS
        for suffix in sorted(_MASK_SUFFIXES)
        if ending or suffix != path.suffix.lower()
    )
    if path.suffix.lower() in _MASK_SUFFIXES and any(
        path.with_suffix(suffix).is_file() for suffix in (".jpg", ".jpeg", ".JPG")
    ):
        return None
    return next((mask for mask in candidates if mask.is_file()), None)


def _class_of(place: str, stem: str, root: Path) -> str:
    if place == ".":
        numbered = _NUMBERED.fullmatch(stem)
        return numbered.group(1) if numbered else root.resolve().name
    parts = [part for part in place.split("/") if part.lower() not in _PICTURES]
    return "/".join(parts) if parts else root.resolve().name


def _two_trees(root: Path) -> tuple[Path, Path] | None:
    pictures, masks = child(root, *_PICTURES), child(root, *_MASKS)
    if pictures is None or masks is None or not (pictures.is_dir() and masks.is_dir()):
        return None
    return pictures, masks


def _required_trees(root: Path) -> tuple[Path, Path]:
    found = _two_trees(root)
    if found is None:
        raise InputError(f"{root}: images/ and masks/ expected.", hint="Give the folder that holds both.")
    return found


def _is_fss_class(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()}
    return {f"{n}.jpg" for n in range(1, _FSS_PICTURES + 1)} <= names and "1.png" in names


def _patnet_folders(root: Path) -> Sequence[Path]:
    if not root.is_dir():
        return []
    return [
        folder
        for folder in folders_in(root)
        if (folder / "test" / "origin").is_dir() and (folder / "test" / "groundtruth").is_dir()
    ]
