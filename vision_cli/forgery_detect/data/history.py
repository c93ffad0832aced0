"""Copies of a set of pictures whose classes have the same history of encodings and resizes (strict protocol).

Real and forged pictures of public sets were encoded and resized differently, which tells them apart without a look at
the face. Encoding all anew at one size is not enough: reducing by area leaves a trace of the period of its ratio, and a
picture that was at the last quality and size already changes less than the others. Here every picture goes through the
same steps: the JPEG quality that the poorer class came with, unless it has it already; a reduction by the same ratio,
by area, of a size that the ratio divides; the same last JPEG quality; a crop on the face, all of one size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import write_bytes
from vision_cli.forgery_detect.data.layouts.entries import is_video_file
from vision_cli.forgery_detect.values import Manifest, Medium, Picture
from vision_cli.io.faces.detection import FaceDetector
from vision_cli.io.pictures.encodings import jpeg_bytes, read_encoding, through_jpeg, with_stored_chroma
from vision_cli.io.pictures.folders import inside
from vision_cli.io.pictures.left_out import Skipped
from vision_cli.io.pictures.photographs import read_8_bit, write_photograph

FaceFinder = Callable[[Picture], NDArray[np.float64] | None]
"""Returns left, top, width and height of the face in a picture; None if it finds none."""

_CLASSES = {0: "real", 1: "fake"}
_TOLERANCE = 2
"""Difference in quality that counts as the same: estimates from tables of other programs are rough."""

_POOREST_SHARE = 0.1
"""Share of a class that may be poorer than the shared quality; such files are left out."""

_GRID = 16
"""Crops begin on multiples of a JPEG block of halved chroma, so that blocks lie alike in all of them."""


@dataclass(frozen=True)
class HistorySettings:
    """How copies are made.

    Attributes
    ----------
    factor
        Ratio of the reduction, below 1.
    quality
        Of the last JPEG encoding.
    crop_px
        Side of the crop on the face; 0 for the whole picture, whose size then follows from the file's.
    """

    factor: Fraction = Fraction(2, 3)
    quality: int = 75
    crop_px: int = 320


@dataclass(frozen=True)
class HistoryPlan:
    """What is to be done to a set.

    Attributes
    ----------
    first_quality
        JPEG quality that all pictures get first, at their own size, unless they have it; None if no file was JPEG.
    encoded_before
        Names of the pictures that have it.
    media
        Pictures to copy.
    skipped
        What is left out, and why.
    notes
        A sentence on each thing found and decided.
    """

    first_quality: int | None
    encoded_before: frozenset[str] = field(repr=False)
    media: tuple[Medium, ...] = field(repr=False)
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class MatchedSet:
    """Copies of a set.

    Attributes
    ----------
    manifest
        The copies; its notes say what was done.
    first_quality
        See `HistoryPlan`.
    """

    manifest: Manifest
    first_quality: int | None


def match_history(
    manifest: Manifest, out: Path, settings: HistorySettings = HistorySettings(), find_face: FaceFinder | None = None
) -> MatchedSet:
    """Write copies of a set's pictures that all have the same history.

    Parameters
    ----------
    manifest
        Pictures with labels of both classes.
    out
        Folder for the copies: PNG for crops, so that nothing is encoded again, else JPEG.
    settings
        How they are made.
    find_face
        Finds faces; by default Haar cascades. Where it finds none the centre is cut.

    Raises
    ------
    InputError
        If a class has no picture, or no copy could be made.
    """
    plan = plan_history(manifest, settings)
    find = find_face if find_face is not None else haar_faces()
    media: list[Medium] = []
    skipped = list(plan.skipped)
    centred = {0: 0, 1: 0}
    for medium in plan.media:
        try:
            content, is_found = matched_copy(medium, plan, settings, find)
        except InputError as error:
            skipped.append(Skipped(medium.name, error.message.rstrip(".")))
            continue
        name = f"{PurePosixPath(medium.name)}.{'png' if settings.crop_px else 'jpg'}"
        place = inside(out, name)
        if place is None:
            skipped.append(Skipped(medium.name, "its name leads out of the folder"))
            continue
        if isinstance(content, bytes):
            write_bytes(place, content)
        else:
            write_photograph(place, content)
        centred[medium.label or 0] += not is_found
        media.append(dataclasses.replace(medium, path=place, name=name, mask=None))
    if not media:
        raise InputError(f"no copy of {len(manifest.media)} media could be made: {skipped[-1].reason}.")
    notes = list(plan.notes)
    if settings.crop_px:
        notes.append(f"No face was found, and the centre cut, in {centred[0]} real and {centred[1]} fake pictures.")
    return MatchedSet(Manifest("matched", tuple(media), tuple(skipped), tuple(notes)), plan.first_quality)


def plan_history(manifest: Manifest, settings: HistorySettings) -> HistoryPlan:
    """Find out how the pictures of a set were encoded, and decide what is done to all.

    The shared first quality is the lower one of the two classes' tenth percentiles, so that at most a tenth of a class
    is poorer and left out.

    Raises
    ------
    InputError
        If a class has no picture.
    """
    if not 0 < settings.factor < 1:
        raise ValueError(f"factor {settings.factor}; above 0 and below 1 expected")
    skipped: list[Skipped] = []
    kept: list[Medium] = []
    qualities: dict[str, int | None] = {}
    sizes: dict[int, list[tuple[int, int]]] = {0: [], 1: []}
    for medium in manifest.media:
        if medium.label is None:
            skipped.append(Skipped(medium.name, "its label is not known", is_damage=False))
        elif medium.path.is_dir() or is_video_file(medium.path):
            skipped.append(Skipped(medium.name, "a video; extract its frames first", is_damage=False))
        else:
            try:
                encoding = read_encoding(medium.path)
            except InputError as error:
                skipped.append(Skipped(medium.name, error.message.rstrip(".")))
                continue
            kept.append(medium)
            qualities[medium.name] = encoding.quality
            sizes[medium.label].append((encoding.width, encoding.height))
    for label, word in _CLASSES.items():
        if not sizes[label]:
            raise InputError(
                f"{manifest.layout}: no {word} picture; both classes expected.",
                hint="Give a data set of the other class too: a history is matched between the two.",
            )
    shared = _shared_quality(kept, qualities)
    poorer = {m.name for m in kept if shared is not None and (qualities[m.name] or 100) < shared - _TOLERANCE}
    skipped += [Skipped(name, f"encoded below the shared quality {shared}", is_damage=False) for name in sorted(poorer)]
    media = tuple(medium for medium in kept if medium.name not in poorer)
    same = frozenset(m.name for m in media if shared is not None and (qualities[m.name] or 999) <= shared + _TOLERANCE)
    notes = [
        _found_note(word, sizes[label], [qualities[m.name] for m in kept if m.label == label])
        for label, word in _CLASSES.items()
    ]
    if shared is not None:
        first = {word: sum(m.label == label and m.name not in same for m in media) for label, word in _CLASSES.items()}
        notes.append(
            f"Encoded as JPEG of quality {shared} at their own size first: {first['real']} real and {first['fake']} "
            "fake pictures, which lacked it."
        )
    notes.append(
        f"All were reduced to {settings.factor} by area, encoded at quality {settings.quality}"
        + (f" and cut to {settings.crop_px} px on the face." if settings.crop_px else ".")
    )
    return HistoryPlan(shared, same, media, tuple(skipped), tuple(notes))


def matched_copy(
    medium: Medium, plan: HistoryPlan, settings: HistorySettings, find_face: FaceFinder
) -> tuple[Picture | bytes, bool]:
    """Return the copy of a picture, and whether its face was found: pixels of a crop, or a whole JPEG file.

    Raises
    ------
    InputError
        If the picture cannot be read, or is smaller than the crop.
    """
    import cv2

    pixels: Picture = read_8_bit(medium.path)
    if plan.first_quality is not None and medium.name not in plan.encoded_before:
        # Otherwise the chroma of pictures that had it halved already would be halved, and blurred, once more.
        stored = with_stored_chroma(pixels, read_encoding(medium.path).sampling)
        pixels = through_jpeg(stored, plan.first_quality)
    up, down = settings.factor.numerator, settings.factor.denominator
    height, width = (side // down for side in pixels.shape[:2])
    if min(height, width) * up < max(settings.crop_px, 1):
        raise InputError(
            f"{medium.path}: {pixels.shape[1]} x {pixels.shape[0]} pixels, {width * up} x {height * up} once reduced; "
            f"{settings.crop_px} or more expected.",
            hint="Make smaller crops.",
        )
    # The ratio is the same in all pictures to the last pixel only if it divides their sides.
    whole = pixels[: height * down, : width * down]
    small = np.asarray(cv2.resize(whole, (width * up, height * up), interpolation=cv2.INTER_AREA), np.uint8)
    if not settings.crop_px:
        return jpeg_bytes(small, settings.quality), True
    last = through_jpeg(small, settings.quality)
    box = find_face(last)
    y, x = (last.shape[0] / 2, last.shape[1] / 2) if box is None else (box[1] + box[3] / 2, box[0] + box[2] / 2)
    top, left = (_start(centre, settings.crop_px, side) for centre, side in ((y, last.shape[0]), (x, last.shape[1])))
    return np.ascontiguousarray(last[top : top + settings.crop_px, left : left + settings.crop_px]), box is not None


def haar_faces() -> FaceFinder:
    """Return a finder of the largest face by Haar cascades."""
    detector = FaceDetector("haar")

    def find(picture: Picture) -> NDArray[np.float64] | None:
        faces = detector(picture)
        return faces[0].box if faces else None

    return find


def _start(centre: float, crop: int, side: int) -> int:
    """Return where a crop begins: inside the picture, on the grid of JPEG blocks."""
    nearest = round((centre - crop / 2) / _GRID) * _GRID
    return int(np.clip(nearest, 0, (side - crop) // _GRID * _GRID))


def _shared_quality(media: list[Medium], qualities: dict[str, int | None]) -> int | None:
    levels = []
    for label in _CLASSES:
        own = [found for m in media if m.label == label and (found := qualities[m.name]) is not None]
        if own:
            levels.append(int(np.quantile(own, _POOREST_SHARE, method="lower")))
    return min(levels, default=None)


def _found_note(word: str, sizes: list[tuple[int, int]], qualities: list[int | None]) -> str:
    encoded = [quality for quality in qualities if quality is not None]
    width, height = (int(np.median([size[axis] for size in sizes])) for axis in (0, 1))
    quality = f"{len(encoded)} JPEG of quality {int(np.median(encoded))} (median)" if encoded else "none JPEG"
    return f"Found {len(sizes)} {word} pictures of {width} x {height} px (median), {quality}."
