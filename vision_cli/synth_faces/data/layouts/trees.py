"""Folders of pictures: a folder a class, SFEW, portraits of people seen neutral and smiling, and any without labels."""

from __future__ import annotations

import re
from pathlib import Path

from vision_cli.io.pictures.folders import Request, child, folders_in, is_picture, pictures_below, pictures_in
from vision_cli.synth_faces.data.layouts.entries import Entries, part_folders, split_of
from vision_cli.synth_faces.data.sources import PictureFile
from vision_cli.synth_faces.plans.labels import COMPOUND, expression_of
from vision_cli.synth_faces.values import FaceDataset, LabelledFace

_SEQUENCE = re.compile(r"(S\d{3})_\d{3}_\d{8}")
"""Names of frames of CK+, which its repacks keep: they begin with the person."""

_PERSON = re.compile(r"([0-9A-Za-z]+)_\d+")
_SFEW = {"Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise"}
_KINDS = {"neutral": "neutral", "smiling": "happiness"}


def is_portraits(path: Path) -> bool:
    """Return whether a folder has pictures in ``neutral/`` and ``smiling/``, and a person in both."""
    people = [{_person(picture) for picture in pictures_in(path / kind)} for kind in _KINDS]
    return bool(people[0] & people[1]) and "" not in people[0] | people[1]


def read_portraits(path: Path, request: Request) -> FaceDataset:
    """Read ``{neutral,smiling}/PERSON_NN.jpg``: people seen twice, as the London set of the Face Research Lab."""
    request.no_parts(path)
    entries = Entries("portraits", request)
    for kind, expression in _KINDS.items():
        for picture in pictures_in(path / kind):
            person = _person(picture)
            face = LabelledFace(f"{person}/{kind}/{picture.stem}", PictureFile(picture), subject=person)
            entries.labelled(face, expression)
    return entries.dataset()


def is_sfew(path: Path) -> bool:
    """Return whether a folder has the parts and classes of SFEW."""
    parts = part_folders(path)
    return "train" in parts and all(
        {folder.name for folder in folders_in(_classes_in(folder))} >= _SFEW for folder in parts.values()
    )


def read_sfew(path: Path, request: Request) -> FaceDataset:
    """Read SFEW 2.0 (Dhall et al. 2011): ``{Train,Val}/{Angry,...}/``, itself or in ``Train_Aligned_Faces``."""
    entries = Entries("sfew", request)
    for part, folder in request.parts(path, part_folders(path)).items():
        _read_classes(entries, path, _classes_in(folder), part)
    return entries.dataset()


def is_imagefolder(path: Path) -> bool:
    """Return whether a folder, or one of its parts, has a folder named as an expression, with pictures."""
    roots = [path, *part_folders(path).values()] if path.is_dir() else []
    return any(_is_class(folder) and pictures_below(folder) for root in roots for folder in folders_in(root))


def read_imagefolder(path: Path, request: Request) -> FaceDataset:
    """Read ``<class>/`` or ``{train,val,test}/<class>/``, classes by their words; frames of CK+ know their person."""
    entries = Entries("imagefolder", request)
    parts = {name: folder for name, folder in part_folders(path).items() if any(map(_is_class, folders_in(folder)))}
    if parts:
        for part, folder in request.parts(path, parts).items():
            _read_classes(entries, path, folder, part)
    else:
        request.no_parts(path)
        _read_classes(entries, path, path, "")
    return entries.dataset()


def has_pictures(path: Path) -> bool:
    """Return whether a path is a picture, or a folder with pictures in it or below."""
    return is_picture(path) or bool(pictures_below(path))


def read_pictures(path: Path, request: Request) -> FaceDataset:
    """Read a picture, or all pictures of a folder and below, as faces of which nothing is known."""
    request.no_parts(path)
    entries = Entries("pictures", request)
    root = path.parent if path.is_file() else path
    for picture in [path] if path.is_file() else pictures_below(path):
        entries.take(LabelledFace(picture.relative_to(root).as_posix(), PictureFile(picture)))
    return entries.dataset()


def _read_classes(entries: Entries, root: Path, folder: Path, part: str) -> None:
    for kind in folders_in(folder):
        for picture in pictures_below(kind):
            match = _SEQUENCE.match(picture.name)
            name = picture.relative_to(root).as_posix()
            subject = match.group(1) if match else ""
            face = LabelledFace(name, PictureFile(picture), subject=subject, split=split_of(part))
            entries.labelled(face, kind.name)


def _is_class(folder: Path) -> bool:
    return expression_of(folder.name) is not None or folder.name.lower() in COMPOUND


def _classes_in(folder: Path) -> Path:
    inner = child(folder, f"{folder.name}_Aligned_Faces", "Aligned_Faces")
    return inner if inner is not None and inner.is_dir() else folder


def _person(picture: Path) -> str:
    match = _PERSON.fullmatch(picture.stem)
    return match.group(1) if match else ""
