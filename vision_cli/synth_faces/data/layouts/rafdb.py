"""RAF-DB (Li, Deng and Du 2017) with its basic expressions, as published and as a repack, and RAF-AU."""

from __future__ import annotations

import re
from pathlib import Path

from vision_cli.io.pictures.folders import Request, child, folders_in, pictures_in
from vision_cli.io.reading import read_text
from vision_cli.synth_faces.data.layouts.entries import Entries, coded, is_there, occurrences, part_folders, split_of
from vision_cli.synth_faces.data.sources import PictureFile
from vision_cli.synth_faces.plans.action_units import completed_aus
from vision_cli.synth_faces.plans.exports.trees import RAFDB_NUMBERS
from vision_cli.synth_faces.values import AUS, FaceDataset, LabelledFace

_LIST = "EmoLabel/list_patition_label.txt"
_WORDS = {str(number): word for word, number in RAFDB_NUMBERS.items()}
_AU_LINE = re.compile(r"(\S+\.(?:jpe?g|png))\s+(null|[LR]?\d+(?:\+[LR]?\d+)*)", re.IGNORECASE)


def is_rafdb(path: Path) -> bool:
    """Return whether a folder holds the published data set, or is its ``basic`` folder."""
    return any((root / _LIST).is_file() for root in (path, path / "basic"))


def read_rafdb(path: Path, request: Request) -> FaceDataset:
    """Read ``basic/Image/aligned/`` (or ``original/``) by ``list_patition_label.txt``."""
    entries = Entries("rafdb", request)
    root = path if (path / _LIST).is_file() else path / "basic"
    is_aligned = (root / "Image" / "aligned").is_dir()
    rows = [line.split() for line in read_text(root / _LIST).splitlines() if line.strip()]
    parts = {part: part for part in ("train", "test") if any(row[0].startswith(f"{part}_") for row in rows)}
    wanted = request.parts(path, parts)
    for row in rows:
        part = row[0].partition("_")[0]
        if part not in parts:
            entries.skip(row[0], "name of neither train_ nor test_")
        if part not in wanted:
            continue
        stem, suffix = Path(row[0]).stem, Path(row[0]).suffix
        place = f"aligned/{stem}_aligned{suffix}" if is_aligned else f"original/{stem}{suffix}"
        word = _WORDS.get(row[1] if len(row) > 1 else "")
        if word is None or not re.fullmatch(r"[\w.-]+", row[0]):
            entries.skip(row[0], f"label {' '.join(row[1:])!r}; 1 to 7 expected")
            continue
        entries.labelled(LabelledFace(stem, PictureFile(root / "Image" / place), split=split_of(part)), word)
    return entries.dataset()


def is_rafdb_repack(path: Path) -> bool:
    """Return whether a folder has ``train/1`` to ``train/7``, itself or in ``DATASET``."""
    return any(
        {folder.name for folder in folders_in(part)} == set(_WORDS)
        for root in _roots(path)
        for part in part_folders(root).values()
    )


def read_rafdb_repack(path: Path, request: Request) -> FaceDataset:
    """Read ``{train,test}/{1..7}/``; its tables say the same as the folders."""
    entries = Entries("rafdb-repack", request)
    root = next((root for root in _roots(path) if part_folders(root)), path)
    for part, folder in request.parts(path, part_folders(root)).items():
        for kind in folders_in(folder):
            for picture in pictures_in(kind):
                face = LabelledFace(f"{part}/{kind.name}/{picture.stem}", PictureFile(picture), split=split_of(part))
                entries.labelled(face, _WORDS.get(kind.name, kind.name))
    return entries.dataset()


def is_rafau(path: Path) -> bool:
    """Return whether a folder has a list of action units as RAF-AU's."""
    return _au_list(path) is not None


def read_rafau(path: Path, request: Request) -> FaceDataset:
    """Read RAF-AU: lines as ``0001.jpg 1+4+L12``, and pictures in ``aligned/`` or ``original/``.

    AUs have no intensities; those that a line does not name are absent.
    """
    request.no_parts(path)
    entries = Entries("rafau", request)
    listed = _au_list(path)
    folders = [found for name in ("aligned", "original", "images") if (found := child(path, name)) is not None]
    unknown: set[str] = set()
    for line in read_text(listed).splitlines() if listed is not None else ():
        if not line.strip():
            continue
        match = _AU_LINE.fullmatch(line.strip())
        if match is None or "/" in match.group(1) or "\\" in match.group(1):
            entries.skip(line.strip()[:40], "no line of a picture and its action units")
            continue
        name, words = Path(match.group(1)), match.group(2).upper()
        units = [] if words == "NULL" else words.split("+")
        unknown |= {unit for unit in units if unit not in AUS and unit.lstrip("LR") not in AUS}
        # A side that has no place of its own among the 41 still says that the AU is there.
        present = [unit if unit in AUS else unit.lstrip("LR") for unit in units]
        aus = coded(completed_aus(occurrences([unit for unit in present if unit in AUS])))
        names = [f"{name.stem}_aligned{name.suffix}", name.name]
        places = [folder / one for folder in [*folders, path] for one in names]
        picture = next((place for place in places if is_there(place)), places[0])
        entries.take(LabelledFace(name.stem, PictureFile(picture), aus=aus))
    if unknown:
        entries.note(f"AU {', '.join(sorted(unknown))} left out: none of the 41.")
    return entries.dataset()


def _roots(path: Path) -> list[Path]:
    inner = child(path, "DATASET") if path.is_dir() else None
    return [path, *([inner] if inner is not None and inner.is_dir() else [])]


def _au_list(path: Path) -> Path | None:
    if not path.is_dir():
        return None
    for candidate in sorted(path.glob("*.txt")):
        with candidate.open(encoding="utf-8", errors="replace") as stream:
            if _AU_LINE.fullmatch(stream.readline(200).strip()):
                return candidate
    return None
