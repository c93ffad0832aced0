"""Portraits that forgeries are simulated from: photographs of a folder, and rendered faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.values import Floats, Picture
from vision_cli.io.faces.detection import FaceDetector
from vision_cli.io.pictures.folders import names_below, pictures_below
from vision_cli.io.pictures.photographs import read_8_bit
from vision_cli.io.reading import read_text

_RENDERED_SIDE = 720
_RENDERED_STREAM = 71
_CASCADE_SIZE, _CASCADE_RISE = 1.12, 0.23
"""Of the cascade's boxes, as shares of the larger extent of the landmarks: medians over five rendered faces."""

_FEWEST_LANDMARKS, _MOST_LANDMARKS = 3, 1000


@dataclass(frozen=True)
class Portrait:
    """A face at its own resolution.

    Attributes
    ----------
    name
        Unique among the portraits: the source of what is made of it.
    picture
        ``(H, W, 3)``.
    box
        ``(4,)`` left, top, width and height of the face in pixels, as OpenCV's cascade draws it.
    landmarks
        ``(L, 2)`` column and row in pixels, or None.
    is_rendered
        Whether it was drawn, not photographed.
    """

    name: str
    picture: Picture = field(repr=False)
    box: Floats
    landmarks: Floats | None = field(default=None, repr=False)
    is_rendered: bool = False


def read_portraits(folder: Path) -> tuple[Portrait, ...]:
    """Read the photographs of a folder and of the folders in it, by name; those in which no face is found are left out.

    A WebMorph template beside a photograph (``.tem``) gives its landmarks.

    Raises
    ------
    InputError
        If there is no folder, no face in it, or a file is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no folder; a folder of portraits expected.", hint="Name one with photographs.")
    paths = pictures_below(folder)
    detector = FaceDetector("haar")
    portraits = []
    for path, name in zip(paths, names_below(folder, paths), strict=True):
        picture = read_8_bit(path)
        faces = detector(picture)
        if faces:
            template = path.with_suffix(".tem")
            landmarks = _read_template(template) if template.is_file() else None
            portraits.append(Portrait(name, picture, faces[0].box, landmarks))
    if not portraits:
        raise InputError(
            f"{folder}: no face in {len(paths)} pictures; portraits expected.", hint="Name a folder of frontal faces."
        )
    return tuple(portraits)


def rendered_portraits(count: int, *, seed: int, first: int = 0) -> tuple[Portrait, ...]:
    """Draw faces of `vision_cli.phantoms.faces.rig` without noise, blur or compression, which the camera adds.

    They are class real once a camera took them: no generator painted them. A face depends on the seed and its number.

    Parameters
    ----------
    count
        How many.
    seed
        0 or more.
    first
        Number of the first one.
    """
    # torch, which the simulation needs for nothing else.
    from vision_cli.phantoms.faces.rig.expressions import FREE, draw_aus
    from vision_cli.phantoms.faces.rig.parameters import draw_face
    from vision_cli.phantoms.faces.rig.rendering import render

    portraits = []
    for index in range(first, first + count):
        rng = np.random.default_rng((seed, _RENDERED_STREAM, index))
        face = draw_face(rng, draw_aus(rng, FREE))
        camera = replace(face.camera, blur=0.0, noise=0.0, jpeg=0, is_grey=False)
        drawn = render([replace(face, camera=camera)], _RENDERED_SIDE)
        points = np.asarray(drawn.landmarks[0], np.float64)
        portraits.append(
            Portrait(f"rendered-{seed}-{index}", drawn.pictures[0], _box_of(points), points, is_rendered=True)
        )
    return tuple(portraits)


def _box_of(points: Floats) -> Floats:
    """Return the square that OpenCV's cascade draws around a face of 68 landmarks: higher and wider than they are."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float(max(high - low))
    side = _CASCADE_SIZE * extent
    left, top = (low + high - side) / 2 - (0, _CASCADE_RISE * extent)
    return np.array([left, top, side, side])


def _read_template(path: Path) -> Floats:
    """Return the points of a WebMorph template: their number, then column and row of each, then lines."""
    lines = read_text(path).split("\n")
    try:
        count = int(lines[0])
        points = np.array([[float(cell) for cell in line.split()] for line in lines[1 : count + 1]], np.float64)
    except ValueError as error:
        raise InputError(f"{path}: no template of landmarks: {error}.", hint="Remove it or write it again.") from error
    is_table = _FEWEST_LANDMARKS <= count <= _MOST_LANDMARKS and points.shape == (count, 2)
    if not is_table or not np.isfinite(points).all():
        raise InputError(
            f"{path}: {points.shape} numbers after a count of {count}; two finite numbers a line expected.",
            hint="Remove it or write it again.",
        )
    return points


def require_portraits(portraits: Sequence[Portrait]) -> None:
    """Refuse portraits of one name, as their pairs would be taken for those of one source.

    Raises
    ------
    InputError
        If two have the same name.
    """
    names = [portrait.name for portrait in portraits]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{doubled[0]}: two portraits of this name; one expected.", hint="Rename one.")
