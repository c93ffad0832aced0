"""Polygons of LabelMe: a JSON file a picture, with shapes by label.

::

    x.json  x.jpg       the picture is named in ``imagePath``, or lies beside the file under its name
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.datasets import FewShotDataset, Pair, by_class
from vision_cli.fewshot_seg.data.layouts.coco import Region, RegionMask
from vision_cli.fewshot_seg.data.masks import ReadMask
from vision_cli.io.pictures.folders import Request, is_picture
from vision_cli.io.reading import read_json

_CIRCLE_CORNERS = 64
_LOOKED_AT = 5
_KINDS = ("polygon", "rectangle", "circle")


@dataclass(frozen=True)
class LabelMeFile:
    """What a JSON file of LabelMe says.

    Attributes
    ----------
    size
        Height and width of the picture.
    picture
        Name of the picture, as the file has it.
    polygons
        By label, flat ``x1 y1 x2 y2 ...``.
    other_shapes
        How many points, lines and other shapes without an inside there are.
    """

    size: tuple[int, int]
    picture: str
    polygons: dict[str, tuple[tuple[float, ...], ...]]
    other_shapes: int

    def mask_of(self, path: Path, label: str) -> RegionMask:
        """Return the source of the mask of a label."""
        return RegionMask(path, self.picture or path.name, self.size, (Region(self.polygons[label]),))


def read_labelme_file(path: Path) -> LabelMeFile:
    """Read a JSON file of LabelMe.

    Raises
    ------
    InputError
        If it is damaged or of another kind.
    InputTooLarge
        If it would not fit into memory.
    """
    document = read_json(path)
    polygons: dict[str, list[tuple[float, ...]]] = {}
    others = 0
    try:
        if not isinstance(document, dict):
            raise TypeError("no object")
        size = (int(document["imageHeight"]), int(document["imageWidth"]))
        if min(size) < 1:
            raise ValueError("a picture without pixels")
        for shape in document["shapes"]:
            kind = shape.get("shape_type") or "polygon"
            if kind not in _KINDS:
                others += 1
                continue
            points = [(float(x), float(y)) for x, y in shape["points"]]
            if not all(math.isfinite(value) for point in points for value in point):
                raise ValueError("a point that is no number")
            corners = _corners(kind, points)
            polygons.setdefault(str(shape["label"]), []).append(tuple(value for point in corners for value in point))
        name = str(document.get("imagePath") or "")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{path}: not a file of LabelMe ({type(error).__name__}: {error}); shapes with label and points, "
            "imageHeight and imageWidth expected.",
            hint="Save the annotation with LabelMe again.",
        ) from error
    return LabelMeFile(size, name, {label: tuple(found) for label, found in polygons.items()}, others)


def read_labelme_mask(path: Path, label: str | None = None) -> ReadMask:
    """Return the mask of a label of a file; of the only one where none is named.

    Raises
    ------
    InputError
        If the file is damaged, has no such label, or has several and none is named.
    """
    found = read_labelme_file(path)
    labels = list(found.polygons)
    if label is None:
        if len(labels) != 1:
            listed = ", ".join(labels[:12]) or "none"
            raise InputError(
                f"{path}: {len(labels)} labels ({listed}); one expected.", hint="Name one with --class-name."
            )
        (label,) = labels
    if label not in found.polygons:
        raise InputError(
            f"{path}: no shape of label {label!r}; {', '.join(labels[:12]) or 'any'} found.",
            hint=did_you_mean(label, labels),
        )
    read = found.mask_of(path, label).read()
    return ReadMask(read.mask, None, f"shapes of label {label}")


def is_labelme(root: Path) -> bool:
    """Return whether the first JSON files of a folder are those of LabelMe."""
    paths = sorted(root.glob("*.json"))[:_LOOKED_AT] if root.is_dir() else []
    return bool(paths) and all(_looks_like_labelme(path) for path in paths)


def read_labelme(root: Path, request: Request) -> FewShotDataset:
    """Read a folder of LabelMe files; the classes are the labels.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    request.no_parts(root)
    found: dict[str, list[Pair]] = {}
    for path in sorted(root.glob("*.json")):
        content = read_labelme_file(path)
        picture = _picture_of(path, content.picture)
        if picture is None:
            request.findings.leave_out(path.name, "no picture of it beside it")
            continue
        if content.other_shapes:
            request.findings.leave_out(path.name, "points and lines, which have no inside")
        for label in content.polygons:
            found.setdefault(label, []).append(Pair(path.stem, picture, content.mask_of(path, label)))
    return by_class("labelme", dict(sorted(found.items())), request.findings.sentences())


def _corners(kind: str, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if kind == "polygon":
        if len(points) < 3:
            raise ValueError(f"a polygon of {len(points)} points")
        return points
    (x1, y1), (x2, y2) = points
    if kind == "rectangle":
        return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    # A circle is its centre and a point on it.
    angles = np.linspace(0, 2 * np.pi, _CIRCLE_CORNERS, endpoint=False)
    radius = math.hypot(x2 - x1, y2 - y1)
    return [(x1 + radius * math.cos(angle), y1 + radius * math.sin(angle)) for angle in angles.tolist()]


def _picture_of(path: Path, named: str) -> Path | None:
    # Only the last part of the name counts: files hold paths of the machine that they were made on.
    candidates = [path.with_name(PurePosixPath(named.replace("\\", "/")).name)] if named.strip("./\\") else []
    candidates += sorted(path.parent.glob(f"{_literal(path.stem)}.*"))
    return next((found for found in candidates if is_picture(found)), None)


def _literal(stem: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in stem)


def _looks_like_labelme(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
        stream.seek(max(0, path.stat().st_size - (1 << 16)))
        text = head + stream.read()
    return b'"shapes"' in text or b'"imageHeight"' in text
