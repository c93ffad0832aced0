"""Readers of lists of pairs: a CSV table, or the JSON of a Learn2Reg data set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import PointSpace, read_csv_table
from vision_cli.register.options.pair_files import PairFiles

_L2R_SPLITS = ("registration_val", "registration_test", "training_paired_images")


@dataclass(frozen=True)
class NamedPair:
    """A pair of a list.

    Attributes
    ----------
    id
        Unique name, also of the folder with its results.
    files
        Its files.
    """

    id: str
    files: PairFiles


def read_pairs(path: Path) -> list[NamedPair]:
    """Return the pairs of a list; relative paths are relative to the folder of the list.

    Parameters
    ----------
    path
        A CSV table with the columns ``id, fixed, moving`` and optionally the other fields of `PairFiles`, or the JSON
        of a Learn2Reg data set: its validation pairs, else its test pairs, else its paired training images. Labels,
        masks and key points are found by replacing ``images`` in the path.

    Raises
    ------
    InputError
        If the list is damaged, empty, or refers to a file that does not exist.
    """
    pairs = _read_l2r(path) if path.suffix.lower() == ".json" else _read_table(path)
    if not pairs:
        raise InputError(f"{path}: no pairs found; at least one expected.")
    for pair in pairs:
        for name, file in pair.files.given().items():
            if not file.exists():
                raise InputError(
                    f"{path}: pair {pair.id}: {name} {file}: no such file; an existing one expected.",
                    hint="Correct the list.",
                )
    return pairs


def _read_table(path: Path) -> list[NamedPair]:
    pairs = []
    for row in read_csv_table(path, ("id", "fixed", "moving")):
        name = row["id"]
        if not name or name.startswith(".") or "/" in name or "\\" in name:
            raise InputError(
                f"{path}: id {name!r} found; a valid name of a folder expected.", hint="Correct the table."
            )
        pairs.append(
            NamedPair(
                name,
                PairFiles(
                    fixed=path.parent / row["fixed"],
                    moving=path.parent / row["moving"],
                    fixed_label=_cell(path, row, "fixed_label"),
                    moving_label=_cell(path, row, "moving_label"),
                    fixed_mask=_cell(path, row, "fixed_mask"),
                    moving_mask=_cell(path, row, "moving_mask"),
                    fixed_points=_cell(path, row, "fixed_points"),
                    moving_points=_cell(path, row, "moving_points"),
                    points_space=_space(path, row),
                ),
            )
        )
    return pairs


def _cell(path: Path, row: Mapping[str, str], column: str) -> Path | None:
    """Return the file of a cell; None if the column is missing or the cell empty."""
    return path.parent / row[column] if row.get(column) else None


def _space(path: Path, row: Mapping[str, str]) -> PointSpace | None:
    """Return the coordinates of the landmarks of a row; None if the column is missing or the cell empty."""
    word = row.get("points_space", "").lower()
    for space in get_args(PointSpace):
        if word == space:
            return cast("PointSpace", space)
    if word:
        raise InputError(
            f"{path}: points_space {word!r} found; {', '.join(get_args(PointSpace))} expected.",
            hint="Correct the table.",
        )
    return None


def _read_l2r(path: Path) -> list[NamedPair]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        listed: list[dict[str, str]] = next((document[split] for split in _L2R_SPLITS if document.get(split)), [])
        images = [(path.parent / entry["fixed"], path.parent / entry["moving"]) for entry in listed]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a list of pairs expected.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a Learn2Reg data set ({type(error).__name__}: {error}); pairs of fixed and moving under "
            f"{' or '.join(_L2R_SPLITS)} expected.",
            hint="Correct the file.",
        ) from error
    return [NamedPair(l2r_name(fixed, moving), _with_siblings(fixed, moving)) for fixed, moving in images]


def l2r_name(fixed: Path, moving: Path) -> str:
    """Return the name of a pair in a Learn2Reg submission, without the prefix ``disp_``.

    ``TASK_0001_0000`` is case 0001 of modality 0000; modalities are left out if they are equal, or 0000 and 0001.
    """
    case_f, modality_f = _case(fixed)
    case_m, modality_m = _case(moving)
    if modality_f == modality_m or (modality_f, modality_m) == ("0000", "0001"):
        return f"{case_f}_{case_m}"
    return f"{case_f}_{modality_f}_{case_m}_{modality_m}"


def _case(path: Path) -> tuple[str, str]:
    words = path.name.split(".")[0].split("_")
    return (words[-2], words[-1]) if len(words) >= 3 else (words[-1], "0000")


def _with_siblings(fixed: Path, moving: Path) -> PairFiles:
    """Return the files of a pair of a Learn2Reg data set, with those in the folders beside its images."""
    points = _sibling(fixed, "keypoints", ".csv"), _sibling(moving, "keypoints", ".csv")
    has_points = None not in points
    return PairFiles(
        fixed=fixed,
        moving=moving,
        fixed_label=_sibling(fixed, "labels"),
        moving_label=_sibling(moving, "labels"),
        fixed_mask=_sibling(fixed, "masks"),
        moving_mask=_sibling(moving, "masks"),
        fixed_points=points[0] if has_points else None,
        moving_points=points[1] if has_points else None,
        # Key points of Learn2Reg are voxel indices.
        points_space="voxel" if has_points else None,
    )


def _sibling(image: Path, kind: str, suffix: str | None = None) -> Path | None:
    """Return the file of an image in the folder of a kind of files, as ``labelsTr`` beside ``imagesTr``."""
    name = image.name if suffix is None else image.name.split(".")[0] + suffix
    sibling = image.parent.with_name(image.parent.name.replace("images", kind)) / name
    return sibling if sibling.is_file() and sibling != image else None
