"""What this program generated: runs with a manifest, and their export as WebDataset."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import Request, inside
from vision_cli.io.reading import read_json, reading
from vision_cli.synth_faces.data.layouts.entries import AuVector, Entries
from vision_cli.synth_faces.data.sources import MemberPicture, PictureFile
from vision_cli.synth_faces.plans.captions import caption_of
from vision_cli.synth_faces.plans.manifests import MANIFESTS, read_manifest
from vision_cli.synth_faces.plans.rows import ManifestRow, row_of_json
from vision_cli.synth_faces.values import EXPRESSIONS, FaceDataset, FaceSource, LabelledFace

_CLASSES = "classes.json"
_LARGEST_TEXT = 1 << 20
_PICTURES = ("png", "jpg", "jpeg", "webp")


def is_generated(path: Path) -> bool:
    """Return whether a folder is a run with a manifest, or a file is one."""
    return any((path / name).is_file() for name in MANIFESTS) or (path.name in MANIFESTS and path.is_file())


def read_generated(path: Path, request: Request) -> FaceDataset:
    """Read a run: pictures by its manifest. Rows whose label was dropped have none, as have compound labels."""
    request.no_parts(path)
    entries = Entries("generated", request)
    root = path if path.is_dir() else path.parent
    for row in read_manifest(path):
        place = inside(root, row.file)
        if place is None:
            entries.skip(row.sample_id, "a file below the folder of the manifest expected")
        else:
            entries.take(_face(row, PictureFile(place)))
    return entries.dataset()


def is_webdataset(path: Path) -> bool:
    """Return whether a folder has tar files and the names of their classes."""
    return (path / _CLASSES).is_file() and any(path.glob("*.tar"))


def read_webdataset(path: Path, request: Request) -> FaceDataset:
    """Read tar files of samples: a picture, ``cls`` with its class, and ``json`` with its row where it has one.

    Nothing is unpacked; pictures are read from where they lie.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    request.no_parts(path)
    entries = Entries("webdataset", request)
    classes = read_json(path / _CLASSES)
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise InputError(f"{path / _CLASSES}: no list of names; one expected.")
    for archive in sorted(path.glob("*.tar")):
        for name, (source, texts) in _samples(archive).items():
            if source is None:
                entries.skip(name, f"no picture in {archive.name}")
                continue
            if "json" in texts:
                where = f"{archive}: {name}.json"
                try:
                    entries.take(_face(row_of_json(json.loads(texts["json"]), where), source))
                    continue
                except (ValueError, RecursionError, InputError):
                    entries.skip(name, "its json is no row of a manifest")
                    continue
            number = texts.get("cls", b"").strip()
            if not number.isdigit() or int(number) >= len(classes):
                entries.skip(name, f"class {number[:20].decode('ascii', 'replace')!r} has no name")
            else:
                entries.labelled(LabelledFace(name, source), classes[int(number)])
    return entries.dataset()


def _samples(path: Path) -> dict[str, tuple[MemberPicture | None, dict[str, bytes]]]:
    """Return picture and small texts of each sample of a tar file, by its name."""
    found: dict[str, tuple[MemberPicture | None, dict[str, bytes]]] = {}
    with reading(path), tarfile.open(path, "r:") as archive:
        for member in archive:
            if not member.isreg():
                continue
            # A sample's name ends at the first point of the file's, whatever points its folder has.
            folder, slash, file = member.name.rpartition("/")
            stem, _, kind = file.partition(".")
            name = f"{folder}{slash}{stem}"
            _, texts = found.setdefault(name, (None, {}))
            if kind.lower() in _PICTURES:
                found[name] = MemberPicture(path, member.offset_data, member.size), texts
            elif member.size <= _LARGEST_TEXT and (stream := archive.extractfile(member)) is not None:
                texts[kind.lower()] = stream.read()
    return found


def _face(row: ManifestRow, source: FaceSource) -> LabelledFace:
    has_label = row.label in EXPRESSIONS and row.label_source != "dropped"
    return LabelledFace(
        row.sample_id,
        source,
        row.label if has_label else None,
        aus=AuVector(row.au),
        has_intensities=True,
        subject=str(row.person_seed),
        caption=row.prompt or caption_of(row.label or None, row.facts, row.seed),
    )
