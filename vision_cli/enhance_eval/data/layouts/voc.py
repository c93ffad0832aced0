"""PASCAL VOC, and ExDark in its shape (MAET), where sibling folders hold the pictures enhanced.

::

    JPEGImages/*.jpg  Annotations/*.xml  ImageSets/Main/{train,val,test}.txt
    JPEGImages/{IMGS,IMGS_Kind,IMGS_ZeroDCE,...}  Annotations/*.xml  main/{train,val,test}.txt

Corners of VOC count pixels from 1 and include their ends; here they become 0-based, ends excluded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.data.classes import EXDARK, VOC
from vision_cli.enhance_eval.data.layouts.folders import dataset, make_boxes
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.values import Dataset, Sample
from vision_cli.io.pictures.folders import Request, child, folders_in, pictures_in, read_listed
from vision_cli.io.reading import read_text

_PARTS = ("train", "val", "test")
_PLAIN = "IMGS"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_OTHER_SIZE = "its size is not the annotation's"


@dataclass(frozen=True)
class VocObjects:
    """An annotation: ``(height, width)`` or None, and of each object its class, corners and whether it is difficult."""

    size: tuple[int, int] | None
    names: tuple[str, ...]
    corners: tuple[tuple[float, ...], ...]
    difficult: tuple[bool, ...]


def is_voc(root: Path) -> bool:
    """Return whether a folder, or the one year of VOCdevkit in it, is laid out as VOC."""
    return _voc_root(root) is not None and not is_exdark_voc(root)


def is_exdark_voc(root: Path) -> bool:
    """Return whether the pictures of a folder laid out as VOC are in ``IMGS`` and its siblings."""
    return (root / "Annotations").is_dir() and child(root / "JPEGImages", _PLAIN) is not None


def read_voc(root: Path, request: Request) -> Dataset:
    """Read VOC.

    Raises
    ------
    InputError
        If an annotation is damaged.
    """
    folder = _voc_root(root) or root
    return _read("voc", folder, folder / "JPEGImages", folder / "ImageSets" / "Main", request)


def read_exdark_voc(root: Path, request: Request) -> Dataset:
    """Read ExDark in the shape of VOC, its enhanced pictures as methods; as `read_voc` otherwise."""
    plain = child(root / "JPEGImages", _PLAIN)
    if plain is None:
        raise InputError(f"{root / 'JPEGImages'}: no folder {_PLAIN}; the pictures as taken expected there.")
    found = _read("exdark-voc", root, plain, child(root, "main") or root / "main", request)
    siblings = [path for path in folders_in(root / "JPEGImages") if path != plain]
    named = {path.name.removeprefix(f"{_PLAIN}_"): str(path) for path in siblings}
    return replace(found, enhanced=named)


def read_objects(path: Path) -> VocObjects:
    """Read an annotation of VOC.

    Raises
    ------
    InputError
        If it is damaged, or defines entities: a few lines of them may unpack to gigabytes.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path}: defines entities; a plain annotation of VOC expected.")
    try:
        tree = ET.fromstring(text)
        objects = [
            (_text(found, "name"), _corners(found), found.findtext("difficult", "0").strip() == "1")
            for found in tree.iter("object")
        ]
        sizes = (tree.findtext("size/height"), tree.findtext("size/width"))
        size = None if None in sizes else (int(str(sizes[0])), int(str(sizes[1])))
    except (ET.ParseError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error}); an annotation of VOC expected.") from error
    names, corners, difficult = zip(*objects, strict=True) if objects else ((), (), ())
    # Some tools write 0 x 0 for a size that they do not know.
    return VocObjects(size if size and min(size) > 0 else None, tuple(names), tuple(corners), tuple(difficult))


def _read(layout: str, root: Path, pictures: Path, lists: Path, request: Request) -> Dataset:
    findings = request.findings
    parts = {name: lists / f"{name}.txt" for name in _PARTS if (lists / f"{name}.txt").is_file()}
    paths = pictures_in(pictures)
    if parts:
        wanted = {word for path in request.parts(root, parts).values() for word in read_listed(path)}
        for stem in sorted(wanted - {path.stem for path in paths}):
            findings.leave_out(stem, f"listed, but not in {pictures.name}")
        paths = [path for path in paths if path.stem in wanted]
    else:
        request.no_parts(root)
    found: list[tuple[Path, FileSource, VocObjects]] = []
    for path in paths:
        annotation = root / "Annotations" / f"{path.stem}.xml"
        if not annotation.is_file():
            findings.leave_out(path.name, "no annotation in Annotations")
            continue
        objects = read_objects(annotation)
        source = source_of_size(path, objects.size)
        if source is None:
            findings.leave_out(path.name, _OTHER_SIZE)
        else:
            found.append((path, source, objects))
    classes = _classes({name for *_, objects in found for name in objects.names})
    places = {name: place for place, name in enumerate(classes)}
    samples = [
        Sample(
            path.stem,
            source,
            boxes=make_boxes(objects.corners, (places[name] for name in objects.names), objects.difficult),
        )
        for path, source, objects in found
    ]
    return dataset(layout, samples, findings, classes)


def source_of_size(path: Path, size: tuple[int, int] | None) -> FileSource | None:
    """Return the source of a picture that has the size of its annotation, upright or as stored; None if neither has."""
    for source in (FileSource(path), FileSource(path, upright=False)):
        if size is None or source.size() == size:
            return source
    return None


def _voc_root(root: Path) -> Path | None:
    candidates = [root, *_years(root), *_years(root / "VOCdevkit")]
    found = [path for path in candidates if (path / "JPEGImages").is_dir() and (path / "Annotations").is_dir()]
    return found[0] if len(found) == 1 else None


def _years(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folders_in(folder) if path.name.startswith("VOC20"))


def _classes(names: set[str]) -> tuple[str, ...]:
    """Return the classes in the published order where there is one, else by name."""
    return next((known for known in (VOC, EXDARK) if names and names <= set(known)), tuple(sorted(names)))


def _text(found: ET.Element, name: str) -> str:
    text = (found.findtext(name) or "").strip()
    if not text:
        raise ValueError(f"an object without {name}")
    return text


def _corners(found: ET.Element) -> tuple[float, ...]:
    x1, y1, x2, y2 = (float(_text(found, f"bndbox/{name}")) for name in _CORNERS)
    return x1 - 1, y1 - 1, x2, y2
