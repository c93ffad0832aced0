"""AffectNet (Mollahosseini et al. 2017) as published in 2021, in the tables of its first version, and as a repack.

Its classes 0 to 7 have the order of `EXPRESSIONS`.
"""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.io.arrays import npy_header
from vision_cli.io.limits import require_bytes
from vision_cli.io.pictures.folders import Request, child, inside, pictures_in
from vision_cli.io.reading import reading
from vision_cli.synth_faces.data.layouts.entries import (
    Entries,
    first_row,
    is_there,
    part_folders,
    split_of,
    stream_rows,
    whole_number,
)
from vision_cli.synth_faces.data.sources import Box, PictureFile
from vision_cli.synth_faces.values import EXPRESSIONS, FaceDataset, LabelledFace

_SETS: dict[str, str] = {"train": "train_set", "val": "val_set"}
_TABLES: dict[str, str] = {"train": "training.csv", "val": "validation.csv"}
_COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
_WITHOUT = {8: "none of the expressions", 9: "uncertain", 10: "no face"}
_IMAGES = ("Manually_Annotated_Images", "Manually_Annotated", "images")
_LARGEST_LABEL = 1 << 12


def is_affectnet(path: Path) -> bool:
    """Return whether a folder is the release of 2021."""
    return any((path / name / "annotations").is_dir() for name in _SETS.values())


def read_affectnet(path: Path, request: Request) -> FaceDataset:
    """Read the release of 2021: ``train_set/images/ID.jpg`` and ``annotations/ID_exp.npy``."""
    entries = Entries("affectnet", request)
    available = {part: path / name for part, name in _SETS.items() if (path / name).is_dir()}
    for part, folder in request.parts(path, available).items():
        for picture in pictures_in(folder / "images"):
            name = f"{folder.name}/{picture.stem}"
            label = folder / "annotations" / f"{picture.stem}_exp.npy"
            try:
                number = read_number(label)
            except InputError as error:
                entries.skip(name, error.message.removeprefix(f"{label}: ").rstrip("."))
                continue
            _take(entries, number, LabelledFace(name, PictureFile(picture), split=split_of(part)))
    return entries.dataset()


def is_affectnet_table(path: Path) -> bool:
    """Return whether a folder has the tables of the first version."""
    return any(_table(path, name) is not None for name in _TABLES.values())


def read_affectnet_table(path: Path, request: Request) -> FaceDataset:
    """Read the first version: ``training.csv`` and ``validation.csv`` beside ``Manually_Annotated_Images/``.

    Faces are cut out by the boxes of the table.
    """
    entries = Entries("affectnet-csv", request)
    tables = {part: _table(path, name) for part, name in _TABLES.items()}
    roots = [path, *(folder for name in _IMAGES if (folder := child(path, name)) is not None)]
    roots += [folder for root in roots[1:] if (folder := child(root, *_IMAGES)) is not None]
    for part, table in request.parts(path, {part: table for part, table in tables.items() if table}).items():
        header = None if _COLUMNS[0] in first_row(table) else _COLUMNS
        for row in stream_rows(table, (_COLUMNS[0], "expression"), header=header):
            name = row[_COLUMNS[0]]
            number = whole_number(row.get("expression", ""))
            if number is None:
                entries.skip(name, f"expression {row.get('expression', '')!r}; a number from 0 to 10 expected")
                continue
            found = [place for root in roots if (place := inside(root, name)) is not None]
            picture = next((place for place in found if is_there(place)), None)
            if picture is None and number not in _WITHOUT:
                entries.skip(name, "no such file")
                continue
            source = PictureFile(picture or path, _box(row))
            _take(entries, number, LabelledFace(name, source, split=split_of(part)))
    return entries.dataset()


def is_affectnet_repack(path: Path) -> bool:
    """Return whether a folder is the repack with ``labels.csv``."""
    return "relFCs" in first_row(path / "labels.csv")


def read_affectnet_repack(path: Path, request: Request) -> FaceDataset:
    """Read the repack: ``labels.csv`` (path, label in words) beside ``Train/`` and ``Test/``, or class folders."""
    entries = Entries("affectnet-repack", request)
    folders = {part: folder for part, folder in part_folders(path).items() if part != "val"}
    if not folders:
        request.no_parts(path)
    available = folders or {"": path}
    wanted = request.parts(path, folders) if folders else available
    column = "path" if "path" in first_row(path / "labels.csv") else "pth"
    for row in stream_rows(path / "labels.csv", (column, "label")):
        name = row[column]
        # Names are below the folder of their part, or below the whole with the part before them.
        beginning, _, rest = name.partition("/")
        places = {part: inside(folder, name) for part, folder in available.items()}
        places |= {part: inside(folder, rest) for part, folder in folders.items() if folder.name == beginning and rest}
        part, place = next(((part, file) for part, file in places.items() if file and is_there(file)), ("", None))
        if place is None:
            entries.skip(name, "no such file")
        elif part in wanted:
            entries.labelled(LabelledFace(name, PictureFile(place), split=split_of(part)), row["label"])
    return entries.dataset()


def read_number(path: Path) -> int:
    """Return the whole number that a NumPy file holds, as a number or as text.

    Raises
    ------
    InputError
        If it holds none; pickles are never loaded.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    with reading(path):
        if path.stat().st_size > _LARGEST_LABEL:
            raise ValueError("larger than a number")
        content = path.read_bytes()
        # A small file may claim a large array, whose memory would be taken before it is seen to be cut short.
        shape, kind = npy_header(content)
        require_bytes(path, math.prod(shape) * kind.itemsize, len(content))
        return int(float(str(np.load(io.BytesIO(content), allow_pickle=False).item())))


def _take(entries: Entries, number: int, face: LabelledFace) -> None:
    if number in _WITHOUT:
        entries.skip(face.name, _WITHOUT[number], is_damage=False)
    elif 0 <= number < len(EXPRESSIONS):
        entries.labelled(face, EXPRESSIONS[number])
    else:
        entries.skip(face.name, f"expression {number}; 0 to 10 expected")


def _table(path: Path, name: str) -> Path | None:
    inner = child(path, "Manually_Annotated_file_lists")
    candidates = [path / name, *([inner / name] if inner is not None else [])]
    for candidate in candidates:
        cells = first_row(candidate)
        if _COLUMNS[0] in cells or (len(cells) == len(_COLUMNS) and "/" in cells[0]):
            return candidate
    return None


def _box(row: dict[str, str]) -> Box | None:
    sides = [whole_number(row.get(name, "")) for name in _COLUMNS[1:5]]
    left, top, width, height = sides
    if left is None or top is None or width is None or height is None or width <= 0 or height <= 0:
        return None
    return left, top, width, height
