"""Any data set by its folder: the layout is recognised, or it is said what was looked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.datasets import FewShotDataset, NoMask, Pair
from vision_cli.fewshot_seg.data.layouts import coco, labelme, maps, masks_by_class, medical
from vision_cli.io.pictures.folders import Findings, Request, is_picture, names_below, pictures_below
from vision_cli.io.pictures.layouts import AUTO, Layout, choose_layout

_TRAINING_FIRST = ("train", "val", "test")

UNLABELLED = "unlabelled"
"""Name of the one class of pictures without masks."""


def open_dataset(
    path: Path,
    layout: str = AUTO,
    *,
    split: str | None = None,
    classes: Sequence[str] | None = None,
    strict: bool = False,
    for_training: bool = False,
) -> FewShotDataset:
    """Read a data set; its pictures and masks are read later, when they are asked for.

    Parameters
    ----------
    path
        Its folder, or a JSON file of COCO.
    layout
        Name of its layout, or ``auto``.
    split
        ``train``, ``val``, ``test`` or ``all``; by default ``test`` where there is such a part, else ``val``.
    classes
        The classes to take, in this order; by default all.
    strict
        Whether a missing mask or picture is an error instead of a note.
    for_training
        Whether the part ``train`` is read by default, where there is one.

    Raises
    ------
    UsageError
        If there is no such layout, part or class.
    InputError
        If the layout is not recognised, its files are damaged, or nothing in it can be used.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.", hint="Give the folder of a data set.")
    findings = Findings(strict)
    request = Request(split, findings, _TRAINING_FIRST) if for_training else Request(split, findings)
    found = choose_layout(LAYOUTS, path, layout, hint="Give the folder that holds these.").read(path, request)
    if not found.classes:
        raise InputError(
            f"{path}: nothing of the layout {found.layout} can be used. {' '.join(found.notes)}".strip(),
            hint="Repair the data set, or name another layout with --layout.",
        )
    return found if classes is None else found.only(classes)


def open_unlabelled(path: Path) -> FewShotDataset:
    """Return the pictures of a folder as a class that no mask shows: what a class is searched in and must not be found.

    Raises
    ------
    InputError
        If there are none.
    """
    pictures = [path] if is_picture(path) else pictures_below(path)
    root = path.parent if path.is_file() else path
    if not pictures:
        raise InputError(f"{path}: no pictures; some expected.", hint="Give a folder with pictures.")
    pairs = tuple(
        Pair(name, picture, NoMask(picture))
        for name, picture in zip(names_below(root, pictures), pictures, strict=True)
    )
    return FewShotDataset("unlabelled", {UNLABELLED: pairs})


def _only_by_name(_: Path) -> bool:
    return False


LAYOUTS: tuple[Layout[FewShotDataset], ...] = (
    Layout("isic", "ISIC2018_Task1-2_*_Input/", medical.is_isic, medical.read_isic),
    Layout("lung", "CXR_png/ and masks/", medical.is_chest, medical.read_chest),
    Layout("suim", "images/ and masks/{FV,HD,...}/", maps.is_suim, maps.read_suim),
    Layout("pascal", "JPEGImages/ and SegmentationClassAug/", maps.is_voc, maps.read_voc),
    Layout("camvid", "{train,val,test}/ and valannot/", maps.is_camvid, maps.read_camvid),
    Layout("deepglobe", "*_sat.jpg and *_mask.png", maps.is_deepglobe, maps.read_deepglobe),
    Layout(
        "deepglobe-patnet", "<1..6>/test/{origin,groundtruth}/", masks_by_class.is_patnet, masks_by_class.read_patnet
    ),
    Layout("perseg", "Images/<class>/ and Annotations/<class>/", masks_by_class.is_perseg, masks_by_class.read_perseg),
    Layout("labelme", "*.json of LabelMe", labelme.is_labelme, labelme.read_labelme),
    Layout("coco", "annotations/instances_*.json or another JSON file of COCO", coco.is_coco, coco.read_coco),
    Layout("fss", "<class>/{1..10}.jpg and .png", masks_by_class.is_fss1000, masks_by_class.read_fss1000),
    Layout("index", "images/ and masks/ of class numbers", maps.is_index_maps, maps.read_index_maps),
    Layout("folder", "images/<class>/ and masks/<class>/", masks_by_class.is_mask_tree, masks_by_class.read_mask_tree),
    Layout("em-membrane", "image/ and label/, only by its name", _only_by_name, masks_by_class.read_membranes),
    Layout("side-by-side", "x.jpg beside x.png", masks_by_class.is_side_by_side, masks_by_class.read_side_by_side),
)
"""All layouts, the more special ones first."""
