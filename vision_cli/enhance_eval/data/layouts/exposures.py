"""Stacks of exposures: a dark and a well-exposed picture of one scene.

::

    [Dataset_Part1/]001/{1,2,...}.JPG  [Dataset_Part1/]Label/001.JPG    SICE (Cai et al. 2018)
    1.jpg 2.jpg ...                                                     stacks one behind the other, as numbers

Of SICE the first, darkest exposure and the label are a pair. Of numbered stacks the scenes are found by what the
pictures show, as nothing else says where one ends; the darkest exposure is paired with the one nearest to middle grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs.files import library_path
from vision_cli.enhance_eval.data.layouts.folders import dataset
from vision_cli.enhance_eval.data.layouts.paired import has_one_size
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.values import Dataset, Sample
from vision_cli.io.pictures.folders import Request, child, folders_in, pictures_in
from vision_cli.io.pictures.headers import require_picture_room
from vision_cli.io.reading import reading

_LABEL = "label"

_GRID = 64
_NEIGHBOURHOOD = 9
_SAME_SCENE = 0.25
"""Correlation of two binarised pictures below which they show different scenes: on the SICE stacks neighbours of one
scene have 0.49 or more, of two scenes 0.11 or less."""

_REACH = 12
"""Places back to the last picture of a scene. Stacks that were numbered by their names as text are interleaved, as 10
to 19 come between 1 and 2."""

_LEAST_STACK, _LEAST_PICTURES = 3, 20
_MOST_DARK, _WELL_EXPOSED, _MIDDLE = 64.0, (80.0, 160.0), 115.0
"""Mean luma, 0 to 255: a dark picture has at most the first, a well-exposed one lies within the second, and the best
exposed one is nearest to the third, the middle grey of 18 % as sRGB encodes it."""


@dataclass(frozen=True)
class Thumbnail:
    """A picture of a stack.

    Attributes
    ----------
    path
        The file.
    luma
        Mean, 0 to 255.
    edges
        ``(64, 64)`` bool: where it is brighter than the mean of 9 x 9 pixels around.
    """

    path: Path
    luma: float
    edges: NDArray[np.bool_]


def is_sice(root: Path) -> bool:
    """Return whether there are folders of exposures beside a folder of labels."""
    return bool(_sice_folders(root))


def read_sice(root: Path, request: Request) -> Dataset:
    """Read SICE: of each scene the first exposure, with its label as the reference."""
    request.no_parts(root)
    samples = []
    for folder, labels in _sice_folders(root):
        by_stem = {path.stem: path for path in pictures_in(labels)}
        for scene in folders_in(folder):
            if scene == labels:
                continue
            exposures = [path for path in pictures_in(scene) if path.stem.isdigit()]
            name = scene.relative_to(root).as_posix()
            if not exposures:
                request.findings.leave_out(name, "no exposures named by numbers")
            elif scene.name not in by_stem:
                request.findings.leave_out(name, f"no picture in {labels.name}")
            else:
                darkest = min(exposures, key=lambda path: int(path.stem))
                reference = by_stem[scene.name]
                if has_one_size(darkest, reference, request.findings):
                    attributes = {"exposures": str(len(exposures))}
                    samples.append(Sample(name, FileSource(darkest), FileSource(reference), attributes=attributes))
    request.findings.say("Of each scene the first exposure, the darkest, is paired with the label.")
    return dataset("sice", samples, request.findings)


def is_numbered_stacks(root: Path) -> bool:
    """Return whether numbered pictures, 20 or more, are stacks of exposures for the most part."""
    found = pictures_in(root)
    if len(found) < _LEAST_PICTURES or not all(path.stem.isdigit() for path in found):
        return False
    first = sorted(found, key=lambda path: int(path.stem))[: 2 * _LEAST_PICTURES]
    stacked = [scene for scene in find_scenes(first) if len(scene) >= _LEAST_STACK]
    return 2 * sum(map(len, stacked)) > len(first)


def read_numbered_stacks(root: Path, request: Request) -> Dataset:
    """Read numbered stacks: of each scene the darkest exposure, and the best exposed one as its reference.

    Raises
    ------
    InputError
        If a picture is damaged.
    """
    request.no_parts(root)
    paths = sorted((path for path in pictures_in(root) if path.stem.isdigit()), key=lambda path: int(path.stem))
    scenes = find_scenes(paths)
    samples = []
    for scene in scenes:
        darkest = min(scene, key=lambda one: one.luma)
        best = min(scene, key=lambda one: abs(one.luma - _MIDDLE))
        if len(scene) < _LEAST_STACK:
            request.findings.leave_out(darkest.path.stem, f"a scene of fewer than {_LEAST_STACK} exposures")
        elif darkest.luma > _MOST_DARK or not _WELL_EXPOSED[0] <= best.luma <= _WELL_EXPOSED[1]:
            request.findings.leave_out(darkest.path.stem, "a scene without a dark and a well-exposed picture")
        elif has_one_size(darkest.path, best.path, request.findings):
            attributes = {"exposures": str(len(scene)), "reference": best.path.stem}
            samples.append(
                Sample(darkest.path.stem, FileSource(darkest.path), FileSource(best.path), attributes=attributes)
            )
    request.findings.say(
        f"{len(scenes)} scenes were found by what the {len(paths)} pictures show; of each the darkest exposure is "
        "paired with the one nearest to middle grey."
    )
    return dataset("stacks", samples, request.findings)


def find_scenes(paths: list[Path]) -> list[list[Thumbnail]]:
    """Divide pictures into scenes: one belongs to the latest scene that it looks like, if that is near enough.

    Raises
    ------
    InputError
        If a picture is damaged.
    """
    scenes: list[tuple[int, list[Thumbnail]]] = []
    for place, path in enumerate(paths):
        found = _thumbnail(path)
        near = [entry for entry in scenes if place - entry[0] <= _REACH]
        alike = [entry for entry in near if _correlation(entry[1][-1].edges, found.edges) >= _SAME_SCENE]
        if alike:
            latest = max(alike, key=lambda entry: entry[0])
            scenes[scenes.index(latest)] = (place, [*latest[1], found])
        else:
            scenes.append((place, [found]))
    return [scene for _, scene in scenes]


def _thumbnail(path: Path) -> Thumbnail:
    import cv2

    name = library_path(path)
    with reading(path):
        require_picture_room(path, path.read_bytes())
        grey = cv2.imread(name, cv2.IMREAD_REDUCED_GRAYSCALE_8)
        if grey is None:
            raise ValueError("its pixels cannot be decoded")
    small = cv2.resize(grey, (_GRID, _GRID), interpolation=cv2.INTER_AREA).astype(np.float32)
    around = cv2.blur(small, (_NEIGHBOURHOOD, _NEIGHBOURHOOD))
    return Thumbnail(path, float(grey.mean()), small > around)


def _correlation(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the correlation of two binary pictures; 0 where one is all of one value."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    spread = float(a.std() * b.std())
    return 0.0 if spread == 0 else float(((a - a.mean()) * (b - b.mean())).mean() / spread)


def _sice_folders(root: Path) -> list[tuple[Path, Path]]:
    """Return the folders that hold scenes, each with its folder of labels."""
    if not root.is_dir():
        return []
    found = []
    for folder in (root, *folders_in(root)):
        labels = child(folder, _LABEL)
        scenes = [path for path in folders_in(folder) if path.name.isdigit()]
        if labels is not None and scenes and any(pictures_in(scene) for scene in scenes):
            found.append((folder, labels))
    return found
