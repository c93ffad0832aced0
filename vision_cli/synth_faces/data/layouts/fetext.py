"""FEText (SynFER, 2024): faces with captions and action units, as Parquet or as pictures with two JSON files."""

from __future__ import annotations

from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import Request, inside
from vision_cli.io.reading import read_json, reading
from vision_cli.synth_faces.data.layouts.entries import AuVector, Entries, is_there, split_of
from vision_cli.synth_faces.data.sources import ParquetPicture, ParquetPictures, PictureFile
from vision_cli.synth_faces.values import AUS, MOST_INTENSE, FaceDataset, LabelledFace

_PARTS = ("train", "val", "test")


def is_fetext(path: Path) -> bool:
    """Return whether a folder has pictures with captions or AUs in JSON files."""
    return (path / "images").is_dir() and any((path / name).is_file() for name in ("captions.json", "fau_labels.json"))


def read_fetext(path: Path, request: Request) -> FaceDataset:
    """Read ``images/`` with ``captions.json`` (a list of path: text) and ``fau_labels.json`` (file: 41 numbers 0 or 1).

    Raises
    ------
    InputError
        If a file is no such JSON.
    """
    request.no_parts(path)
    entries = Entries("fetext", request)
    captions, units = _texts(path / "captions.json"), _texts(path / "fau_labels.json")
    by_stem = {Path(name).stem: text for name, text in units.items()}
    names = {Path(name).stem: name for name in units} | {Path(name).stem: name for name in captions}
    for stem, name in sorted(names.items()):
        place = inside(path, name)
        if place is not None and not is_there(place):
            place = inside(path / "images", Path(name).name)
        if place is None:
            entries.skip(stem, "a name below the folder expected")
            continue
        words = by_stem.get(stem, "").split()
        if words and (len(words) != len(AUS) or not set(words) <= {"0", "1"}):
            entries.skip(stem, f"{len(words)} action units; {len(AUS)} of 0 or 1 expected")
            continue
        aus = AuVector([MOST_INTENSE * int(word) for word in words]) if words else {}
        caption = " ".join(captions.get(name, "").split())
        entries.take(LabelledFace(stem, PictureFile(place), aus=aus, caption=caption))
    return entries.dataset()


def is_fetext_parquet(path: Path) -> bool:
    """Return whether a folder has Parquet files of faces."""
    return bool(_parquet_files(path))


def read_fetext_parquet(path: Path, request: Request) -> FaceDataset:
    """Read ``data/train-*.parquet`` with columns ``image`` and ``caption``; pictures are read when they are asked for.

    Raises
    ------
    InputError
        If a file is damaged or has no such columns.
    """
    from pyarrow import parquet

    entries = Entries("fetext-parquet", request)
    files = _parquet_files(path)
    available: dict[str, list[Path]] = {}
    for file in files:
        part = next((part for part in _PARTS if file.name.startswith(part)), "train")
        available.setdefault(part, []).append(file)
    for part, of_part in request.parts(path, available).items():
        for file in of_part:
            with reading(file), parquet.ParquetFile(file, pre_buffer=False) as opened:
                columns = opened.schema_arrow.names
                if "image" not in columns or "caption" not in columns:
                    raise InputError(f"{file}: columns {', '.join(columns)}; image and caption expected.")
                pictures = ParquetPictures(file, "image")
                for group in range(opened.num_row_groups):
                    captions = opened.read_row_group(group, columns=["caption"]).column(0).to_pylist()
                    for row, caption in enumerate(captions):
                        name = f"{file.stem}/{group:04}-{row:06}"
                        source = ParquetPicture(pictures, group, row)
                        text = " ".join(str(caption or "").split())
                        entries.take(LabelledFace(name, source, split=split_of(part), caption=text))
    return entries.dataset()


def _parquet_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    found = [*path.glob("data/*.parquet"), *path.glob("*.parquet")]
    return sorted(file for file in found if not file.name.startswith("manifest"))


def _texts(path: Path) -> dict[str, str]:
    """Return texts by name, of a mapping or of a list of them; none where there is no file."""
    if not path.is_file():
        return {}
    document = read_json(path)
    found: dict[str, str] = {}
    for part in document if isinstance(document, list) else [document]:
        if not isinstance(part, dict) or not all(isinstance(text, str) for text in part.values()):
            raise InputError(f"{path}: {str(part)[:60]!r}; texts by name of a file expected.")
        found |= part
    return found
