"""Pictures with one class each: ImageFolder, Caltech-256, names of ImageNet.

::

    [train|val|test/]<class>/*.jpg                          ImageFolder
    256_ObjectCategories/001.ak47/001_0001.jpg              Caltech-256; its 257.clutter is no class and is dropped
    n01440764_tench.JPEG                                    ImageNet: the class by its WordNet number
"""

from __future__ import annotations

import re
from pathlib import Path

from vision_cli.enhance_eval.data.layouts.folders import dataset
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.values import Dataset, Sample
from vision_cli.io.pictures.folders import Request, child, folders_in, pictures_below, pictures_in

_PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_CALTECH = re.compile(r"(\d{3})\.(.+)")
_CLUTTER = 257
_IMAGENET = re.compile(r"(n\d{8})_(.+)")


def is_image_folder(root: Path) -> bool:
    """Return whether every folder holds pictures and no folders of pictures, or does so in parts such as ``train``."""
    if not root.is_dir() or pictures_in(root):
        return False
    parts = _parts(root)
    folders = [folder for part in (parts.values() or [root]) for folder in folders_in(part)]
    return len(folders) > 1 and all(
        pictures_in(folder) and not any(pictures_below(deeper) for deeper in folders_in(folder)) for folder in folders
    )


def read_image_folder(root: Path, request: Request) -> Dataset:
    """Read pictures by folders of classes, in the order of their names."""
    parts = _parts(root)
    if parts:
        chosen = request.parts(root, parts)
    else:
        request.no_parts(root)
        chosen = {"": root}
    # The classes are those of all parts, so that a position means the same in each of them.
    classes = sorted({folder.name for part in (parts.values() or [root]) for folder in folders_in(part)})
    request.findings.say(f"Folders are taken as {len(classes)} classes.")
    samples = [
        Sample(path.relative_to(root).as_posix(), FileSource(path), label=classes.index(folder.name))
        for part in chosen.values()
        for folder in folders_in(part)
        for path in pictures_in(folder)
    ]
    return dataset("image-folder", samples, request.findings, classes)


def is_caltech(root: Path) -> bool:
    """Return whether the folders are numbered as Caltech-256 numbers them."""
    return bool(_categories(root))


def read_caltech(root: Path, request: Request) -> Dataset:
    """Read Caltech-256 (Griffin et al. 2007), its clutter dropped."""
    request.no_parts(root)
    folders = _categories(root)
    clutter = [path for number, _, path in folders if number == _CLUTTER]
    if clutter:
        count = sum(len(pictures_in(path)) for path in clutter)
        request.findings.say(f"{clutter[0].name} is no class: its {count} pictures were dropped.")
    kept = [(name, path) for number, name, path in folders if number != _CLUTTER]
    samples = [
        Sample(f"{folder.name}/{path.stem}", FileSource(path), label=label)
        for label, (_, folder) in enumerate(kept)
        for path in pictures_in(folder)
    ]
    return dataset("caltech-256", samples, request.findings, [name for name, _ in kept])


def is_imagenet(root: Path) -> bool:
    """Return whether most pictures of a folder have a WordNet number in their name."""
    found = pictures_in(root)
    return 2 * sum(bool(_IMAGENET.fullmatch(path.stem)) for path in found) > len(found)


def read_imagenet(root: Path, request: Request) -> Dataset:
    """Read pictures whose names say their class, in the order of the WordNet numbers."""
    request.no_parts(root)
    named: list[tuple[str, str, Path]] = []
    for path in pictures_in(root):
        found = _IMAGENET.fullmatch(path.stem)
        if found is None:
            request.findings.leave_out(path.name, "no WordNet number in its name")
        else:
            named.append((found[1], found[2], path))
    # Names of the full data set have the number of the picture where samples have the word.
    words = {number: number for number, _, _ in named} | {
        number: word for number, word, _ in named if not word.isdigit()
    }
    numbers = sorted(words)
    samples = [Sample(path.stem, FileSource(path), label=numbers.index(number)) for number, _, path in named]
    return dataset("imagenet", samples, request.findings, [words[number].replace("_", " ") for number in numbers])


def _parts(root: Path) -> dict[str, Path]:
    folders = folders_in(root)
    parts = {_PARTS[path.name.lower()]: path for path in folders if path.name.lower() in _PARTS}
    return parts if len(parts) == len(folders) else {}


def _categories(root: Path) -> list[tuple[int, str, Path]]:
    for folder in (child(root, "256_ObjectCategories"), root):
        if folder is None or not folder.is_dir():
            continue
        found = [
            (int(match[1]), match[2], path)
            for path in folders_in(folder)
            if (match := _CALTECH.fullmatch(path.name)) and pictures_in(path)
        ]
        if found and len(found) == len(folders_in(folder)):
            return found
    return []
