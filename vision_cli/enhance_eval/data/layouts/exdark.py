"""ExDark as its authors publish it (Loh and Chan 2019): pictures by class, bbGt annotations, a list of classes.

::

    ExDark/<Class>/2015_00001.png
    ExDark_Annno/<Class>/2015_00001.png.txt     % bbGt version=3, then Class l t w h and seven unused numbers a line
    imageclasslist.txt                          a heading, then name, class, light, place and part by number from 1

Endings are written in mixed case. Boxes are taken as they are: left, top, width, height in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.data.classes import EXDARK
from vision_cli.enhance_eval.data.layouts.folders import dataset, make_boxes
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.values import Boxes, Dataset, Sample
from vision_cli.io.pictures.folders import ALL, Findings, Request, child, folders_in, pictures_in
from vision_cli.io.reading import read_text

LIGHTS = ("Low", "Ambient", "Object", "Single", "Weak", "Strong", "Screen", "Window", "Shadow", "Twilight")
PLACES = ("Indoor", "Outdoor")
PARTS = ("train", "val", "test")

_LIST = "imageclasslist.txt"
_ANNOTATIONS = ("ExDark_Annno", "ExDark_Anno", "ExDark_Annotations")
_BOX_COLUMNS = 5


@dataclass(frozen=True)
class ListedPicture:
    """A line of the list: position of the class in `EXDARK`, kind of light, place and part."""

    label: int
    light: str
    place: str
    part: str


def is_exdark(root: Path) -> bool:
    """Return whether a folder holds the pictures of ExDark by class."""
    return _class_folders(root) != {}


def read_exdark(root: Path, request: Request) -> Dataset:
    """Read ExDark; without its list all pictures are one part, of the class of their folder.

    Raises
    ------
    InputError
        If its list is damaged, or there is none for the part asked for.
    """
    findings = request.findings
    listed = child(root, _LIST)
    pictures = read_class_list(listed) if listed is not None else {}
    if listed is None:
        if request.split not in {None, ALL}:
            raise InputError(
                f"{root / _LIST}: missing; the list that says which pictures are {request.split} expected.",
                hint="Put the list of the data set beside its pictures.",
            )
        findings.say(f"No {_LIST}: every picture has the class of its folder, and the parts are unknown.")
    wanted = set(request.parts(root, {name: name for name in PARTS})) if pictures else set(PARTS)
    annotations = child(root, *_ANNOTATIONS)
    if annotations is None:
        findings.say(f"No {_ANNOTATIONS[0]}: the pictures have classes and no boxes.")
    samples = []
    for name, folder in _class_folders(root).items():
        notes = _annotation_files(annotations / folder.name) if annotations is not None else {}
        for path in pictures_in(folder):
            found = pictures.get(path.name.lower())
            if pictures and found is None:
                findings.leave_out(f"{name}/{path.name}", f"not in {_LIST}")
                continue
            if found is not None and found.part not in wanted:
                continue
            facts = {} if found is None else {"light": found.light, "place": found.place, "part": found.part}
            boxes = None
            if annotations is not None:
                note = notes.get(f"{path.name}.txt".lower())
                if note is None:
                    findings.leave_out(f"{name}/{path.name}", f"no annotation in {annotations.name}")
                    continue
                boxes = read_annotation(note, findings)
            samples.append(
                Sample(
                    f"{name}/{path.stem}",
                    FileSource(path),
                    boxes=boxes,
                    label=EXDARK.index(name) if found is None else found.label,
                    attributes=facts,
                )
            )
    return dataset("exdark", samples, findings, EXDARK)


def read_class_list(path: Path) -> dict[str, ListedPicture]:
    """Read the list of classes, by file name in lower case.

    Raises
    ------
    InputError
        If a line is not of five columns, or a number in it has no meaning.
    """
    found: dict[str, ListedPicture] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.split()
        if (number == 1 and not line[-1:].isdigit()) or not words:
            continue
        try:
            name, label, light, place, part = words
            found[name.lower()] = ListedPicture(
                _from_one(int(label), len(EXDARK)),
                LIGHTS[_from_one(int(light), len(LIGHTS))],
                PLACES[_from_one(int(place), len(PLACES))],
                PARTS[_from_one(int(part), len(PARTS))],
            )
        except ValueError:
            raise InputError(
                f"{path}: line {number}: {line.strip()[:60]!r}; name, class 1-12, light 1-10, place 1-2 and part 1-3 "
                "expected.",
                hint="Copy the list from the data set again.",
            ) from None
    return found


def read_annotation(path: Path, findings: Findings) -> Boxes:
    """Read the boxes of a file of bbGt, version 3.

    Raises
    ------
    InputError
        If it is none.
    """
    lines = read_text(path).splitlines()
    if not lines or not lines[0].startswith("% bbGt version=3"):
        raise InputError(f"{path}: {(lines or [''])[0][:40]!r} found; '% bbGt version=3' expected.")
    rows, labels = [], []
    for number, line in enumerate(lines[1:], 2):
        words = line.split()
        if not words:
            continue
        try:
            left, top, width, height = (float(word) for word in words[1:_BOX_COLUMNS])
        except ValueError:
            raise InputError(f"{path}: line {number}: {line[:60]!r}; class l t w h expected.") from None
        if words[0] not in EXDARK:
            findings.leave_out(f"{path.name}: {words[0]}", "an object of no class of ExDark")
            continue
        rows.append((left, top, left + width, top + height))
        labels.append(EXDARK.index(words[0]))
    return make_boxes(rows, labels)


def _class_folders(root: Path) -> Mapping[str, Path]:
    """Return the folders of classes: of the data set's folder, or of ``ExDark`` in it."""
    for folder in (child(root, "ExDark"), root):
        if folder is None or not folder.is_dir():
            continue
        by_name = {path.name.lower(): path for path in folders_in(folder)}
        found = {name: by_name[name.lower()] for name in EXDARK if name.lower() in by_name}
        # A data set of pictures by class may have a few of these names: without the list, all of them are asked for.
        enough = 1 if folder != root or child(root, _LIST) is not None else len(EXDARK)
        if len(found) >= enough:
            return found
    return {}


def _annotation_files(folder: Path) -> dict[str, Path]:
    return {path.name.lower(): path for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}


def _from_one(number: int, count: int) -> int:
    if not 1 <= number <= count:
        raise ValueError
    return number - 1
