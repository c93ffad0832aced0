"""Lists of pairs as users have them: a CSV table, or a Learn2Reg data set's JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.register.options.registration import PairExtras, PairFiles

EXTRAS = tuple(field.name for field in fields(PairExtras))
_L2R_SPLITS = ("registration_val", "registration_test", "training_paired_images")


@dataclass(frozen=True)
class NamedPair:
    """A pair of a list.

    Attributes
    ----------
    id
        Unique name, also the name of the pair's folder.
    files
        Its files.
    """

    id: str
    files: PairFiles


def read_pairs(path: Path) -> list[NamedPair]:
    """Read a list of pairs; relative paths count from the list's folder.

    Parameters
    ----------
    path
        A CSV table with the columns ``id, fixed, moving`` and optionally the other fields of
        `PairFiles`, or the JSON of a Learn2Reg
        data set (validation pairs, else test pairs, else paired training images; labels, masks and key points are
        found by replacing ``images`` in the path).

    Raises
    ------
    InputError
        If the list is damaged, empty, or names a file that does not exist.
    """
    pairs = _read_l2r(path) if path.suffix.lower() == ".json" else _read_table(path)
    if not pairs:
        raise InputError(f"{path}: no pairs found; at least one expected.")
    for pair in pairs:
        for role, file in pair.files.by_role().items():
            if not file.exists():
                raise InputError(f"{path}: pair {pair.id}: {role} {file}: no such file.", hint="Correct the list.")
    return pairs


def _read_table(path: Path) -> list[NamedPair]:
    pairs = []
    for row in read_csv_table(path, ("id", "fixed", "moving")):
        name = row["id"]
        if not name or name.startswith(".") or "/" in name or "\\" in name:
            raise InputError(f"{path}: id {name!r}; a name that can be a folder's expected.", hint="Correct the row.")
        extras = {role: path.parent / row[role] for role in EXTRAS if row.get(role)}
        pairs.append(
            NamedPair(name, PairFiles(fixed=path.parent / row["fixed"], moving=path.parent / row["moving"], **extras))
        )
    return pairs


def _read_l2r(path: Path) -> list[NamedPair]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        listed: list[dict[str, str]] = next((document[split] for split in _L2R_SPLITS if document.get(split)), [])
        images = [(path.parent / entry["fixed"], path.parent / entry["moving"]) for entry in listed]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a list of pairs expected.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a Learn2Reg data set ({type(error).__name__}: {error}).",
            hint=f"Pairs of fixed and moving are expected under {' or '.join(_L2R_SPLITS)}.",
        ) from error
    return [NamedPair(l2r_name(fixed, moving), _with_siblings(fixed, moving)) for fixed, moving in images]


def l2r_name(fixed: Path, moving: Path) -> str:
    """Name of a pair in a Learn2Reg submission: ``disp_FIXED_MOVING`` without the prefix.

    ``TASK_0001_0000`` is case 0001 of modality 0000; the modality is left out where both have the
    same, or 0000 and 0001.
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
    extras = {}
    for side, image in (("fixed", fixed), ("moving", moving)):
        for kind, suffix, folder in (
            ("label", None, "labels"),
            ("mask", None, "masks"),
            ("points", ".csv", "keypoints"),
        ):
            name = image.name if suffix is None else image.name.split(".")[0] + suffix
            sibling = image.parent.with_name(image.parent.name.replace("images", folder)) / name
            if sibling.is_file() and sibling != image:
                extras[f"{side}_{kind}"] = sibling
    return PairFiles(fixed=fixed, moving=moving, **extras)
