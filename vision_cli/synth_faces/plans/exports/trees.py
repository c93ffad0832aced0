"""Exports as folders of pictures: RAF-DB, AffectNet of 2021 and a folder a class."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.runs.files import write_bytes, write_text
from vision_cli.io.pictures.photographs import write_photograph
from vision_cli.synth_faces.plans.exports.common import Exported, ReadPicture, exportable, is_held_out
from vision_cli.synth_faces.plans.labels import LABELS
from vision_cli.synth_faces.plans.rows import ManifestRow
from vision_cli.synth_faces.plans.synthetic_png import write_synthetic_png
from vision_cli.synth_faces.values import EXPRESSIONS

RAFDB_NUMBERS = {
    "surprise": 1,
    "fear": 2,
    "disgust": 3,
    "happiness": 4,
    "sadness": 5,
    "anger": 6,
    "neutral": 7,
}
"""Li, Deng and Du 2017, as the README of RAF-DB numbers its basic expressions."""

AFFECTNET_ORDER = EXPRESSIONS
"""Classes as AffectNet numbers them from 0 (Mollahosseini et al. 2017, Table 3)."""

_NOT_KNOWN = "-2"
"""AffectNet's value of valence and arousal that were not annotated."""


def export_rafdb(
    directory: Path, rows: Sequence[ManifestRow], read_picture: ReadPicture, *, test_share: float
) -> Exported:
    """Write faces as RAF-DB has its basic expressions: aligned JPEG files and one list of labels.

    Parameters
    ----------
    directory
        Where ``basic/`` is made.
    rows
        What was generated; contempt and compound labels are left out, as RAF-DB's basic part has none.
    read_picture
        Returns the picture of a row.
    test_share
        Share of the persons that go to the test part.

    Raises
    ------
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    kept, left_out = exportable(rows, tuple(RAFDB_NUMBERS), "RAF-DB")
    lines, counts = [], {"train": 0, "test": 0}
    for row in kept:
        part = "test" if is_held_out(row, test_share) else "train"
        counts[part] += 1
        name = f"{part}_{counts[part]:05}"
        write_photograph(directory / f"basic/Image/aligned/{name}_aligned.jpg", read_picture(row))
        lines.append(f"{name}.jpg {RAFDB_NUMBERS[row.label]}\n")
    write_text(directory / "basic/EmoLabel/list_patition_label.txt", "".join(sorted(lines, reverse=True)))
    return Exported(len(kept), left_out)


def export_affectnet(
    directory: Path, rows: Sequence[ManifestRow], read_picture: ReadPicture, *, val_share: float
) -> Exported:
    """Write faces as AffectNet of 2021: numbered JPEG files, and a NumPy file each for class, valence and arousal.

    Valence and arousal are -2, AffectNet's value for not known; there are no landmarks.

    Parameters
    ----------
    directory
        Where ``train_set/`` and ``val_set/`` are made.
    rows
        What was generated; compound labels are left out.
    read_picture
        Returns the picture of a row.
    val_share
        Share of the persons that go to the validation part.

    Raises
    ------
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    kept, left_out = exportable(rows, AFFECTNET_ORDER, "AffectNet")
    for number, row in enumerate(kept):
        part = directory / ("val_set" if is_held_out(row, val_share) else "train_set")
        write_photograph(part / f"images/{number}.jpg", read_picture(row))
        texts = {"exp": str(AFFECTNET_ORDER.index(row.label)), "val": _NOT_KNOWN, "aro": _NOT_KNOWN}
        for kind, text in texts.items():
            stream = io.BytesIO()
            np.save(stream, np.array(text), allow_pickle=False)
            write_bytes(part / f"annotations/{number}_{kind}.npy", stream.getvalue())
    return Exported(len(kept), left_out)


def export_imagefolder(
    directory: Path, rows: Sequence[ManifestRow], read_picture: ReadPicture, *, test_share: float
) -> Exported:
    """Write faces as ``train/<label>/<sample>.png`` and ``test/...``, each PNG marked as synthetic.

    Parameters
    ----------
    directory
        Where the folders are made.
    rows
        What was generated; pictures without a label are left out.
    read_picture
        Returns the picture of a row.
    test_share
        Share of the persons that go to the test part; 0 writes the classes without parts.

    Raises
    ------
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    kept, left_out = exportable(rows, LABELS, "a folder a class")
    for row in kept:
        part = directory
        if test_share > 0:
            part = directory / ("test" if is_held_out(row, test_share) else "train")
        facts = {"model": row.model or row.backend, "seed": row.seed}
        write_synthetic_png(part / row.label / f"{row.sample_id}.png", read_picture(row), facts)
    return Exported(len(kept), left_out)
