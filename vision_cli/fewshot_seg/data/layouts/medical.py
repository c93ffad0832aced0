"""Skin lesions and lungs as their authors lay them out.

::

    ISIC2018_Task1-2_Training_Input[/1|2|3]/ISIC_*.jpg                      ISIC 2018 (Codella et al. 2019)
    ISIC2018_Task1_Training_GroundTruth/ISIC_*_segmentation.png             [class_id.csv]
    CXR_png/*.png  masks/{CHNCXR_0001_0_mask,MCUCXR_0001_0}.png             chest X-rays (Candemir, Jaeger et al. 2014)
"""

from __future__ import annotations

from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.datasets import FewShotDataset, MaskFile, Pair, by_class
from vision_cli.fewshot_seg.data.layouts.masks_by_class import mask_named
from vision_cli.io.pictures.folders import Request, child, pictures_below, pictures_in
from vision_cli.io.tables.tables import read_csv_table

_ISIC_INPUTS, _ISIC_TRUTHS = "ISIC2018_Task1-2_*_Input", "ISIC2018_Task1_*_GroundTruth"
_PARTS = {"Training": "train", "Validation": "val", "Test": "test"}
_CLASS_TABLE = "class_id.csv"
_LESION = "lesion"


def is_isic(root: Path) -> bool:
    """Return whether the folders are named as those of ISIC 2018."""
    return root.is_dir() and any(root.glob(_ISIC_INPUTS)) and any(root.glob(_ISIC_TRUTHS))


def read_isic(root: Path, request: Request) -> FewShotDataset:
    """Read ISIC 2018; the classes are subfolders or those of ``class_id.csv``, else all lesions are one.

    The three classes have about 70, 22 and 8 % of the pictures: a mean over pictures is not the mean over classes.

    Raises
    ------
    InputError
        If the table of classes is damaged.
    """
    findings = request.findings
    inputs = {_PARTS.get(path.name.split("_")[2], path.name.split("_")[2]): path for path in root.glob(_ISIC_INPUTS)}
    table = child(root, _CLASS_TABLE)
    listed = _listed_classes(table) if table is not None else {}
    found: dict[str, list[Pair]] = {}
    for folder in request.parts(root, dict(sorted(inputs.items()))).values():
        truths = root / folder.name.replace("Task1-2", "Task1").replace("_Input", "_GroundTruth")
        masks = {path.stem: path for path in pictures_below(truths)}
        for path in pictures_below(folder):
            mask = mask_named(path.stem, masks)
            if mask is None:
                findings.leave_out(path.name, f"no mask in {truths.name}")
                continue
            name = listed.get(path.stem) or (path.parent.name if path.parent != folder else _LESION)
            if listed and path.stem not in listed and path.parent == folder:
                findings.leave_out(path.name, f"not in {_CLASS_TABLE}")
                continue
            found.setdefault(name, []).append(Pair(path.stem, path, MaskFile(mask)))
    if set(found) == {_LESION}:
        findings.say(f"Neither subfolders nor {_CLASS_TABLE} say the classes: all lesions are one class.")
    return by_class("isic", dict(sorted(found.items())), findings.sentences())


def is_chest(root: Path) -> bool:
    """Return whether the folders are named as those of the chest X-rays."""
    return (root / "CXR_png").is_dir() and (root / "masks").is_dir()


def read_chest(root: Path, request: Request) -> FewShotDataset:
    """Read the chest X-rays of Shenzhen and Montgomery; those without a mask are left out."""
    request.no_parts(root)
    masks = {path.stem: path for path in pictures_in(root / "masks")}
    pairs = []
    for path in pictures_in(root / "CXR_png"):
        mask = mask_named(path.stem, masks)
        if mask is None:
            request.findings.leave_out(path.name, "no mask in masks")
        else:
            pairs.append(Pair(path.stem, path, MaskFile(mask)))
    return by_class("lung", {"lungs": pairs}, request.findings.sentences())


def _listed_classes(path: Path) -> dict[str, str]:
    """Read class by picture: the first column names pictures, ``class`` or the second the class."""
    rows = read_csv_table(path, [])
    columns = list(rows[0])
    if len(columns) < 2:
        raise InputError(f"{path}: one column; a picture and its class a row expected.")
    wanted = next((name for name in columns if name.strip().lower() in {"class", "class_id"}), columns[1])
    return {Path(row[columns[0]]).stem: row[wanted] for row in rows if row[wanted]}
