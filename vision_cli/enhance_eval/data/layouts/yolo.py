"""YOLO and DARK FACE: a text file of boxes for each picture.

::

    data.yaml  images/{train,val}/*.jpg  labels/{train,val}/*.txt      class cx cy w h, as shares of the picture
    image/1.png  label/1.txt                                           DARK FACE: a count, then x1 y1 x2 y2 in pixels
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.data.layouts.folders import dataset, make_boxes
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.values import Boxes, Dataset, Sample
from vision_cli.io.pictures.folders import Request, child, inside, names_below, pictures_below, pictures_in
from vision_cli.io.reading import read_text

_PARTS = ("train", "val", "test")
_IMAGES, _LABELS = "images", "labels"
_FACE = ("face",)


def is_yolo(root: Path) -> bool:
    """Return whether there is a ``data.yaml``, or ``images`` beside ``labels``."""
    return _yaml(root) is not None or ((root / _IMAGES).is_dir() and (root / _LABELS).is_dir())


def read_yolo(root: Path, request: Request) -> Dataset:
    """Read YOLO; a picture without a label file holds no object, as its trainers have it.

    Raises
    ------
    InputError
        If a file of labels or ``data.yaml`` is damaged.
    """
    findings = request.findings
    path = _yaml(root)
    folder = root.parent if root.is_file() else root
    settings = _settings(path) if path is not None else {}
    parts = _parts(folder, settings)
    if parts:
        pictures = sorted({found for paths in request.parts(folder, parts).values() for found in paths})
    else:
        request.no_parts(folder)
        pictures = pictures_below(folder / _IMAGES)
    samples, without, highest = [], 0, -1
    for name, picture in zip(names_below(folder, pictures), pictures, strict=True):
        labels = _label_file(folder, picture)
        source = FileSource(picture)
        if labels is None:
            without += 1
            boxes = make_boxes([], [])
        else:
            boxes = _shares(labels, source.size())
        highest = max([highest, *boxes.labels.tolist()])
        samples.append(Sample(name.removeprefix(f"{_IMAGES}/"), source, boxes=boxes))
    if without:
        findings.say(f"{without} pictures have no label file and were taken as empty.")
    classes = _classes(folder, path, settings)
    if not classes:
        findings.say("No names of classes: they are called by their numbers.")
        classes = tuple(str(number) for number in range(highest + 1))
    if highest >= len(classes):
        raise InputError(f"{folder}: a label of class {highest}; 0 to {len(classes) - 1} expected.")
    return dataset("yolo", samples, findings, classes)


def is_dark_face(root: Path) -> bool:
    """Return whether there is ``image`` beside ``label``."""
    return (root / "image").is_dir() and (root / "label").is_dir()


def read_dark_face(root: Path, request: Request) -> Dataset:
    """Read DARK FACE (Yang et al. 2020), one class.

    Raises
    ------
    InputError
        If a file of labels is damaged.
    """
    request.no_parts(root)
    samples = []
    for picture in pictures_in(root / "image"):
        labels = root / "label" / f"{picture.stem}.txt"
        if not labels.is_file():
            request.findings.leave_out(picture.name, "no file in label")
            continue
        rows = _numbers(labels, (1, 4))
        if not rows or len(rows[0]) != 1 or rows[0][0] != len(rows) - 1 or any(len(row) != 4 for row in rows[1:]):
            raise InputError(f"{labels}: a count and as many lines x1 y1 x2 y2 expected.")
        boxes = make_boxes(rows[1:], [0] * (len(rows) - 1))
        samples.append(Sample(picture.stem, FileSource(picture), boxes=boxes))
    return dataset("dark-face", samples, request.findings, _FACE)


def _yaml(root: Path) -> Path | None:
    if root.is_file():
        return root if root.suffix.lower() in {".yaml", ".yml"} else None
    named = [path for name in ("data.yaml", "data.yml", "dataset.yaml") if (path := root / name).is_file()]
    return named[0] if named else None


def _settings(path: Path) -> Mapping[str, object]:
    import yaml

    try:
        found = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: damaged YAML ({str(error).splitlines()[0]}).") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: no names and values; names, train and val expected.")
    return found


def _parts(folder: Path, settings: Mapping[str, object]) -> dict[str, list[Path]]:
    parts: dict[str, list[Path]] = {}
    for part in _PARTS:
        entries = settings.get(part) or settings.get("valid" if part == "val" else part)
        listed = [str(entry) for entry in (entries if isinstance(entries, list) else [entries]) if entry]
        found = [picture for entry in listed for picture in _listed(folder, entry)]
        if not found:
            places = [folder / _IMAGES / part, folder / part / _IMAGES]
            places += [folder / _IMAGES / "valid", folder / "valid" / _IMAGES] if part == "val" else []
            found = next((pictures for place in places if (pictures := pictures_below(place))), [])
        if found:
            parts[part] = found
    return parts


def _listed(folder: Path, entry: str) -> list[Path]:
    """Return the pictures of an entry of ``data.yaml``: a folder, or a list of files, below the data set's folder."""
    # Exports write "../train/images", or the folder of the machine that they were made on.
    words = [word for word in Path(entry).parts if word not in {"..", ".", "/"}]
    for start in range(len(words)):
        place = folder.joinpath(*words[start:])
        if place.is_dir():
            return pictures_below(place)
        if place.is_file() and place.suffix == ".txt":
            lines = [line.strip().removeprefix("./") for line in read_text(place).splitlines() if line.strip()]
            return [found for line in lines if (found := inside(folder, line)) is not None and found.is_file()]
    return []


def _label_file(folder: Path, picture: Path) -> Path | None:
    parts = list(picture.relative_to(folder).parts)
    places = [place for place, part in enumerate(parts[:-1]) if part == _IMAGES]
    if places:
        parts[places[-1]] = _LABELS
    found = folder.joinpath(*parts).with_suffix(".txt")
    return found if found.is_file() else None


def _shares(path: Path, size: tuple[int, int]) -> Boxes:
    height, width = size
    labels, corners = [], []
    for row in _numbers(path, None):
        number, values = row[0], np.asarray(row[1:])
        if number != int(number) or number < 0 or len(values) < 4:
            raise InputError(f"{path}: {row} found; class cx cy w h expected.")
        if len(values) in {4, 5}:
            cx, cy, w, h = values[:4]
            box = np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
        else:
            # An outline: x y of its corners.
            points = values[: len(values) // 2 * 2].reshape(-1, 2)
            box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        if box.min() < -1 or box.max() > 2:
            raise InputError(f"{path}: {row} found; shares of the picture, 0 to 1, expected.")
        labels.append(int(number))
        corners.append((box * [width, height, width, height]).tolist())
    return make_boxes(corners, labels)


def _numbers(path: Path, lengths: Sequence[int] | None) -> list[list[float]]:
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = [float(word) for word in line.split()]
        except ValueError:
            raise InputError(f"{path}: line {number}: {line[:60]!r}; numbers expected.") from None
        if not np.isfinite(row).all() or (lengths is not None and len(row) not in lengths):
            raise InputError(f"{path}: line {number}: {line[:60]!r}; {lengths or 'finite'} numbers expected.")
        rows.append(row)
    return rows


def _classes(folder: Path, path: Path | None, settings: Mapping[str, object]) -> tuple[str, ...]:
    names = settings.get("names")
    if isinstance(names, list):
        return tuple(str(name) for name in names)
    if isinstance(names, dict):
        if sorted(names) != list(range(len(names))):
            raise InputError(f"{path}: names of classes {sorted(names)[:5]}; all numbers from 0 expected.")
        return tuple(str(names[number]) for number in range(len(names)))
    listed = child(folder, "classes.txt", "obj.names") or child(folder / _LABELS, "classes.txt")
    if listed is not None:
        return tuple(line.strip() for line in read_text(listed).splitlines() if line.strip())
    return ()
