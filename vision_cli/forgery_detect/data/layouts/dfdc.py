"""Deepfake Detection Challenge: its parts with ``metadata.json``, its test set, and the preview data set (DFDCP)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.layouts.entries import FAKE, Entries, label_of, qualified, split_of
from vision_cli.forgery_detect.values import Manifest, Medium
from vision_cli.io.pictures.folders import Request, folders_in, inside
from vision_cli.io.reading import read_json
from vision_cli.io.tables.tables import read_csv_table

DFDC, DFDCP = "DFDC", "DFDCP"
_GENERATOR = "DFDC"
_ACTOR = re.compile(r"(?<!\d)\d{5,}(?!\d)")


def is_dfdc(path: Path) -> bool:
    """Return whether a folder is a part of DFDC, holds parts, or is its test set."""
    return bool(_metadata(path)) or _labels(path) is not None


def read_dfdc(path: Path, request: Request) -> Manifest:
    """Read ``dfdc_train_part_N/metadata.json``, or the test set by ``labels.csv`` (Dolhansky et al. 2020).

    A forgery names its original, which is the source of both. Files that are listed but absent are usual: the data set
    comes in fifty parts.
    """
    entries = Entries("dfdc", request)
    for file in _metadata(path):
        for name, entry in _entries(file).items():
            _take_listed(entries, path, file.parent, name, entry)
    labels = _labels(path)
    if labels is not None:
        folders = [labels.parent, *(labels.parent / name for name in ("videos", "test", "test_videos"))]
        for row in read_csv_table(labels, ("filename", "label")):
            place, label = inside(Path(), row["filename"]), label_of(row["label"])
            if place is None or label is None:
                entries.skip(row["filename"], "a file name and the label 0 or 1 expected")
                continue
            file = next((folder / place for folder in folders if (folder / place).is_file()), folders[0] / place)
            name = file.relative_to(path).as_posix()
            generator = _GENERATOR if label == FAKE else ""
            entries.take(Medium(file, name, label, DFDC, generator, split="test"), may_lack=True)
    return entries.manifest()


def is_dfdcp(path: Path) -> bool:
    """Return whether a folder has a ``dataset.json`` of videos with a label and a set."""
    file = path / "dataset.json"
    if not file.is_file():
        return False
    try:
        found = _entries(file)
    except InputError:
        return False
    first = next(iter(found.values()), {})
    return "label" in first and "set" in first


def read_dfdcp(path: Path, request: Request) -> Manifest:
    """Read ``dataset.json``: ``{"method_A/.../x.mp4": {"label", "set"}}`` (Dolhansky et al. 2019).

    Persons are the long numbers in the name of a file. The data set does not say which clip a forgery was made of.
    """
    entries = Entries("dfdcp", request)
    for name, entry in _entries(path / "dataset.json").items():
        place, label = inside(path, name), label_of(str(entry.get("label", "")))
        if place is None or label is None:
            entries.skip(name, "a name below the folder, and the label real or fake expected")
            continue
        method = place.relative_to(path).parts[0]
        persons = dict.fromkeys(_ACTOR.findall(place.stem))
        entries.take(
            Medium(
                place,
                place.relative_to(path).as_posix(),
                label,
                DFDCP,
                method if label == FAKE else "",
                "swap" if label == FAKE else "",
                identities=qualified(DFDCP, persons),
                split=split_of(str(entry.get("set", ""))),
            ),
            may_lack=True,
        )
    return entries.manifest()


def _take_listed(entries: Entries, path: Path, part: Path, name: str, entry: Mapping[str, object]) -> None:
    place, label = inside(part, name), label_of(str(entry.get("label", "")))
    if place is None or label is None:
        entries.skip(name, "a name below the folder, and the label REAL or FAKE expected")
        return
    original = str(entry.get("original") or "") if label == FAKE else name
    entries.take(
        Medium(
            place,
            place.relative_to(path).as_posix(),
            label,
            DFDC,
            _GENERATOR if label == FAKE else "",
            "swap" if label == FAKE else "",
            source=f"{DFDC}:{Path(original).stem}" if original else "",
            split=split_of(str(entry.get("split", ""))),
        ),
        may_lack=True,
    )


def _metadata(path: Path) -> list[Path]:
    """Return the lists of a part, or of the parts in a folder."""
    if not path.is_dir():
        return []
    places = [path, *folders_in(path)]
    return [
        place / "metadata.json"
        for place in places
        if (place / "metadata.json").is_file() and (place == path or place.name.startswith("dfdc_"))
    ]


def _labels(path: Path) -> Path | None:
    for file in (path / "labels.csv", path / "test" / "labels.csv"):
        try:
            if file.is_file() and {"filename", "label"} <= set(read_csv_table(file, ())[0]):
                return file
        except InputError:
            continue
    return None


def _entries(file: Path) -> dict[str, dict[str, object]]:
    found = read_json(file)
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise InputError(f"{file}: no list of videos; {{name: {{label, ...}}}} expected.", hint="Copy the file again.")
    return found
