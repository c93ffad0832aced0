"""FER2013 with the votes of FERPlus (Barsoum et al. 2016): the two tables, or folders of pictures with votes.

A label is that of more than half of the votes, single votes aside, as its authors' majority; the votes are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import Request, child
from vision_cli.synth_faces.data.layouts.entries import Entries, first_row, split_of, stream_rows
from vision_cli.synth_faces.data.sources import PictureFile, PixelText
from vision_cli.synth_faces.values import EXPRESSIONS, FaceDataset, FaceSource, LabelledFace, Split

VOTES = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
"""Columns of votes, in the order of ``fer2013new.csv``."""

_PIXELS, _VOTES = "fer2013.csv", "fer2013new.csv"
_FOLDERS: dict[str, str] = {"train": "FER2013Train", "val": "FER2013Valid", "test": "FER2013Test"}
_USAGES = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
_SIZE = 48
_LONGEST_LINE = 1 << 20
_SINGLE = 1


def is_ferplus(path: Path) -> bool:
    """Return whether a folder has both tables."""
    return (path / _PIXELS).is_file() and (path / _VOTES).is_file()


def read_ferplus(path: Path, request: Request) -> FaceDataset:
    """Read ``fer2013.csv`` and ``fer2013new.csv``, whose rows belong together.

    Raises
    ------
    InputError
        If they do not have the same number of rows.
    """
    entries = Entries("ferplus", request)
    places = _row_offsets(path / _PIXELS)
    rows = list(stream_rows(path / _VOTES, ("Usage", "Image name", *VOTES)))
    if len(rows) != len(places):
        raise InputError(
            f"{path / _VOTES}: {len(rows)} rows; the {len(places)} of {_PIXELS} expected.",
            hint="Take both tables whole.",
        )
    column = first_row(path / _PIXELS).index("pixels")
    wanted = request.parts(path, {part: part for part in _USAGES.values()})
    for number, (row, offset) in enumerate(zip(rows, places, strict=True)):
        name = row["Image name"].removesuffix(".png") or f"row {number + 1}"
        split = _USAGES.get(row["Usage"])
        if split is None:
            entries.skip(name, f"usage {row['Usage']!r}; {', '.join(_USAGES)} expected")
        elif split in wanted:
            source = PixelText(path / _PIXELS, offset, column, _SIZE)
            _take(entries, name, source, [row[word] for word in VOTES], split_of(split))
    return entries.dataset()


def is_ferplus_folders(path: Path) -> bool:
    """Return whether a folder has ``FER2013Train/label.csv`` or a sister of it."""
    return any((path / folder / "label.csv").is_file() for folder in _FOLDERS.values())


def read_ferplus_folders(path: Path, request: Request) -> FaceDataset:
    """Read ``FER2013{Train,Valid,Test}/label.csv``: name, box and ten votes, without a header."""
    entries = Entries("ferplus-folders", request)
    available = {part: folder for part, name in _FOLDERS.items() if (folder := child(path, name)) is not None}
    for part, folder in request.parts(path, available).items():
        for row in stream_rows(folder / "label.csv", (), header=("name", "box", *VOTES)):
            stem = Path(row["name"]).stem
            if row["name"] != Path(row["name"]).name:
                entries.skip(row["name"], "a name of a file expected")
                continue
            source = PictureFile(folder / row["name"])
            _take(entries, f"{folder.name}/{stem}", source, [row.get(word, "") for word in VOTES], split_of(part))
    return entries.dataset()


def majority(votes: Sequence[int]) -> str | None:
    """Return what more than half of the votes are for, single votes aside; None where there is no such majority."""
    counted = [vote if vote > _SINGLE else 0 for vote in votes]
    most = max(counted)
    return VOTES[counted.index(most)] if most > 0 and 2 * most > sum(counted) else None


def _take(entries: Entries, name: str, source: FaceSource, cells: Sequence[str], split: Split | None) -> None:
    try:
        votes = [int(cell) for cell in cells]
    except ValueError:
        entries.skip(name, f"votes {', '.join(cells)[:60]}; ten whole numbers expected")
        return
    found = majority(votes)
    if found is None:
        entries.skip(name, "no majority of votes", is_damage=False)
    elif found not in EXPRESSIONS:
        entries.skip(name, "no face" if found == "NF" else "unknown expression, by its votes", is_damage=False)
    else:
        known = {word: vote for word, vote in zip(VOTES, votes, strict=True) if word in EXPRESSIONS}
        shares = {word: vote / sum(known.values()) for word, vote in known.items() if vote}
        entries.take(LabelledFace(name, source, found, shares, split=split))


def _row_offsets(path: Path) -> list[int]:
    """Return the byte at which each row of the table of pixels begins; it is too large to hold."""
    if "pixels" not in first_row(path):
        raise InputError(f"{path}: columns {', '.join(first_row(path)[:5])}; emotion, pixels, Usage expected.")
    offsets: list[int] = []
    with path.open("rb") as stream:
        place = len(stream.readline(_LONGEST_LINE))
        while line := stream.readline(_LONGEST_LINE):
            if line.strip():
                offsets.append(place)
            place += len(line)
    return offsets
