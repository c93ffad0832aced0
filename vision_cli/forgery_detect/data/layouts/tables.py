"""Manifests: a CSV or JSONL file with a row a medium, read and written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from vision_cli.core.errors import InputError
from vision_cli.core.escapes import spreadsheet_text
from vision_cli.core.runs.files import csv_text, write_text
from vision_cli.forgery_detect.data.layouts.entries import Entries, label_of, split_of
from vision_cli.forgery_detect.values import Family, Forgery, Manifest, Medium
from vision_cli.io.pictures.folders import Request, inside
from vision_cli.io.reading import read_text
from vision_cli.io.tables.tables import read_csv_table

COLUMNS = (
    "path",
    "label",
    "domain",
    "generator",
    "forgery",
    "family",
    "video",
    "source",
    "identities",
    "mask",
    "split",
    "name",
)
_BETWEEN = ";"
"""Between persons in a cell."""

_LARGEST = 1 << 30
_WORDS = {0: "real", 1: "fake", None: ""}


def is_manifest(path: Path) -> bool:
    """Return whether a file is a table with ``path`` and ``label``."""
    if path.suffix.lower() not in {".csv", ".jsonl"} or not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.readline(1 << 16).decode("utf-8-sig", errors="replace")
    if path.suffix.lower() == ".csv":
        return {"path", "label"} <= {cell.strip() for cell in head.replace(";", ",").replace("\t", ",").split(",")}
    try:
        row = json.loads(head)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "path" in row


def read_manifest(path: Path, request: Request) -> Manifest:
    """Read a manifest: ``path,label[,domain,generator,forgery,family,video,source,identities,mask,split,name]``.

    A relative path is below the folder of the manifest and may not leave it; an absolute one is taken as it is, as
    `write_manifest` writes it for media elsewhere. An empty label is not known. Persons are apart by ``;``.

    Raises
    ------
    InputError
        If a label, split, kind or family is none, a path leaves the folder, or a path stands twice.
    """
    entries = Entries("manifest", request)
    seen: dict[str, int] = {}
    for number, row in _rows(path):
        where = f"{path}: row {number}"
        if not row.get("path"):
            raise InputError(f"{where} has no path; one expected.", hint="Fill the cell or drop the row.")
        if (first := seen.setdefault(row["path"], number)) != number:
            raise InputError(
                f"{where} repeats {row['path']} of row {first}; one row a file expected.", hint="Drop one."
            )
        file = _place(where, path.parent, row["path"])
        word, part = row.get("label", ""), row.get("split", "")
        label, split = label_of(word), split_of(part)
        if word and label is None:
            raise InputError(f"{where} has the label {word[:40]!r}; real, fake, 0 or 1 expected.", hint="Correct it.")
        if part and split is None:
            raise InputError(f"{where} has the split {part[:40]!r}; train, val or test expected.", hint="Correct it.")
        forgery, family = row.get("forgery", ""), row.get("family", "")
        if forgery not in get_args(Forgery) or family not in get_args(Family):
            raise InputError(
                f"{where} has forgery {forgery[:40]!r} and family {family[:40]!r}; synthesis, manipulation or swap, "
                "and diffusion or gan expected.",
                hint="Leave them empty where they are not known.",
            )
        domain = row.get("domain") or path.parent.resolve().name
        entries.take(
            Medium(
                file,
                _unique(where, row.get("name", "")) or _name(path.parent, file).removeprefix(file.anchor),
                label,
                domain,
                row.get("generator", ""),
                forgery,  # type: ignore[arg-type]
                family,  # type: ignore[arg-type]
                _key(domain, row.get("video", "")),
                _key(domain, row.get("source", "")),
                tuple(_key(domain, one.strip()) for one in row.get("identities", "").split(_BETWEEN) if one.strip()),
                split,
                _place(where, path.parent, row["mask"]) if row.get("mask") else None,
            )
        )
    return entries.manifest()


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest as ``.csv`` or ``.jsonl``; `read_manifest` gives the same media.

    Paths below the folder of the file become relative, so that the folder can be moved.

    Raises
    ------
    ValueError
        If the ending is another.
    """
    rows = manifest_rows(path.parent, manifest)
    if path.suffix.lower() == ".csv":
        write_text(path, csv_text(COLUMNS, rows))
    elif path.suffix.lower() == ".jsonl":
        lines = (json.dumps({k: v for k, v in zip(COLUMNS, row, strict=True) if v}, ensure_ascii=False) for row in rows)
        write_text(path, "".join(f"{line}\n" for line in lines))
    else:
        raise ValueError(f"{path.name}: .csv or .jsonl expected")


def manifest_rows(root: Path, manifest: Manifest) -> list[tuple[str, ...]]:
    """Return the cells of a manifest in a folder, by the names of `COLUMNS`."""
    return [_cells(root, medium) for medium in manifest.media]


def _cells(root: Path, medium: Medium) -> tuple[str, ...]:
    return (
        _name(root, medium.path),
        _WORDS[medium.label],
        medium.domain,
        medium.generator,
        medium.forgery,
        medium.family,
        medium.video,
        medium.source,
        _BETWEEN.join(medium.identities),
        _name(root, medium.mask) if medium.mask else "",
        medium.split or "",
        medium.name,
    )


def _name(root: Path, path: Path) -> str:
    """Return a path relative to a folder if it is below it, else whole."""
    whole, base = path.absolute(), root.absolute()
    return whole.relative_to(base).as_posix() if whole.is_relative_to(base) else whole.as_posix()


def _place(where: str, root: Path, name: str) -> Path:
    if Path(name).is_absolute() and ".." not in Path(name).parts and "\0" not in name:
        return Path(name)
    place = inside(root, name)
    if place is None:
        raise InputError(
            f"{where} names {name[:80]!r}; a path below the manifest expected.", hint="Move the file there."
        )
    return place


def _unique(where: str, name: str) -> str:
    if name and inside(Path(), name) is None:
        raise InputError(f"{where} has the name {name[:80]!r}; one without '..' expected.", hint="Correct it.")
    return name


def _key(domain: str, key: str) -> str:
    """Return a key with its domain, unless it has one."""
    return key if not key or ":" in key else f"{domain}:{key}"


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield rows with their number from 1."""
    if path.suffix.lower() == ".csv":
        for number, cells in enumerate(read_csv_table(path, ("path",)), start=1):
            yield number, {name: spreadsheet_text(cell) for name, cell in cells.items()}
        return
    for number, line in enumerate(read_text(path, _LARGEST).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise InputError(f"{path}: row {number} is no JSON object; one a line expected.", hint="Correct the row.")
        yield number, {str(name): _text(value) for name, value in row.items()}


def _text(value: object) -> str:
    if isinstance(value, list):
        return _BETWEEN.join(map(str, value))
    return "" if value is None else str(value)
