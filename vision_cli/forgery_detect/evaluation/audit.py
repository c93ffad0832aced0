"""Audit of a data set for shortcuts, by which its classes can be told apart without a look at the face.

Container, codec, quantisation tables, quality, size, aspect, channels, metadata and bytes are read from headers;
resizes, former encodings and overlays leave traces in the pixels. A detector trained on such a set learns these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.forgery_detect.data.layouts.entries import is_media_file, is_video_file
from vision_cli.forgery_detect.evaluation.cues import (
    Cue,
    Numbers,
    Templates,
    Words,
    holm,
    measure_cue,
    random_halves,
)
from vision_cli.forgery_detect.evaluation.traces import (
    PERIOD_NAMES,
    PLACES,
    QUALITY_NAMES,
    border_patterns,
    encoding_traces,
    period_traces,
    window_side,
)
from vision_cli.forgery_detect.values import Manifest, Medium, Picture
from vision_cli.io.pictures.encodings import PictureEncoding, read_encoding
from vision_cli.io.pictures.luma import luma
from vision_cli.io.pictures.photographs import read_8_bit
from vision_cli.io.videos.videos import VideoReader

Strength = Literal["found", "weak", "none"]

MOST_A_CLASS = 200
FEWEST_A_CLASS = 16
"""Fewer files of a class cannot show a shortcut: the smaller halves are, the more often they separate by chance, and
with 15 cues p < 0.01 takes one permutation in 1500."""

FOUND_AUC, WEAK_AUC = 0.8, 0.65
SIGNIFICANT = 0.01

_CLASSES = ("real", "fake")
_TABLE_LETTERS = 8
_BYTES = "bytes per pixel"


@dataclass(frozen=True)
class Shortcut:
    """A cue of the audit.

    Attributes
    ----------
    cue
        What it is.
    strength
        ``found`` from an AUC of 0.8, ``weak`` from 0.65, both if significant; else ``none``. Bytes per pixel of
        pictures that were all encoded alike are weak at most: they depend on nothing but the pixels.
    auc
        On files that the rule was not made on.
    p_value
        Of a permutation test, corrected for the number of cues (Holm).
    detail
        What differs.
    """

    cue: str
    strength: Strength
    auc: float
    p_value: float
    detail: str


@dataclass(frozen=True)
class Audit:
    """Result of an audit.

    Attributes
    ----------
    shortcuts
        All cues, the strongest first.
    reals, fakes
        Files that were looked at.
    notes
        A sentence on each thing that could not be looked at.
    """

    shortcuts: tuple[Shortcut, ...]
    reals: int
    fakes: int
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> tuple[Shortcut, ...]:
        """Return the cues that tell the classes apart."""
        return tuple(one for one in self.shortcuts if one.strength == "found")

    @property
    def weak(self) -> tuple[Shortcut, ...]:
        """Return the cues that differ between the classes, but do not tell them apart."""
        return tuple(one for one in self.shortcuts if one.strength == "weak")

    @property
    def is_conclusive(self) -> bool:
        """Whether there were files enough to find anything."""
        return min(self.reals, self.fakes) >= FEWEST_A_CLASS


def audit(
    manifest: Manifest, *, seed: int = 0, most: int = MOST_A_CLASS, advance: Callable[[], object] | None = None
) -> Audit:
    """Look for cues that tell the classes of a data set apart.

    Parameters
    ----------
    manifest
        Media with labels; one file a video is looked at.
    seed
        Draws files, halves and permutations.
    most
        Files of a class that are looked at.
    advance
        Called after each file.

    Raises
    ------
    InputError
        If a class has no file.
    """
    rng = np.random.default_rng(seed)
    media = _chosen(manifest, most, rng)
    files = []
    for medium in media:
        files.append(_Looked.at(medium))
        if advance is not None:
            advance()
    kept = [(medium, file) for medium, file in zip(media, files, strict=True) if file is not None]
    labels = np.array([medium.label for medium, _ in kept], np.int64)
    reals, fakes = (int((labels == label).sum()) for label in (0, 1))
    for count, word in ((reals, _CLASSES[0]), (fakes, _CLASSES[1])):
        if not count:
            raise InputError(
                f"{manifest.layout}: no readable {word} file; both classes expected.",
                hint="Audit the data set together with that of the other class.",
            )
    notes = [f"{len(media) - len(kept)} files could not be read."] if len(kept) < len(media) else []
    if min(reals, fakes) < FEWEST_A_CLASS:
        notes.append(
            f"{reals} real and {fakes} fake files are too few to find a shortcut; {FEWEST_A_CLASS} or more needed."
        )
        return Audit((), reals, fakes, tuple(notes))
    halves = random_halves(labels, rng)
    cues = _cues([file for _, file in kept])
    results = [measure_cue(cue, labels, halves, rng) for cue in cues]
    corrected = holm([result.p_value for result in results])
    are_alike = (
        len({(one.kind, one.mode, one.tables, one.sampling) for one in (file.encoding for _, file in kept)}) == 1
    )
    are_pictures = all(file.picture is not None for _, file in kept)
    shortcuts = []
    for result, p in zip(results, corrected, strict=True):
        strength, detail = _strength(result.auc, p), result.detail
        if result.name == _BYTES and strength == "found" and are_alike and are_pictures:
            strength, detail = "weak", f"{detail}; all were encoded alike, so this is what they show"
        shortcuts.append(Shortcut(result.name, strength, result.auc, p, detail))
    return Audit(tuple(sorted(shortcuts, key=lambda one: -one.auc)), reals, fakes, tuple(notes))


def require_no_shortcuts(found: Audit) -> None:
    """Refuse a data set whose classes can be told apart without the face.

    Raises
    ------
    NumericalError
        If a cue was found; each is named with its AUC.
    """
    if found.found:
        listed = "; ".join(f"{one.cue} (AUC {one.auc:.2f}: {one.detail})" for one in found.found)
        raise NumericalError(
            f"{len(found.found)} cues tell real and fake files apart without the face; none expected: {listed}.",
            hint="Make copies of equal history with `vcli forgery-detect index --match-history`.",
        )


@dataclass(frozen=True)
class _Looked:
    """What is looked at in a file."""

    encoding: PictureEncoding
    codec: str
    rate: float
    frames: int
    picture: Picture | None

    @classmethod
    def at(cls, medium: Medium) -> _Looked | None:
        try:
            if is_video_file(medium.path):
                with VideoReader(medium.path) as video:
                    info = video.info
                    frames = info.frames or 1
                    size = medium.path.stat().st_size
                    encoding = PictureEncoding(
                        medium.path.suffix.lower().lstrip("."),
                        info.width or 0,
                        info.height or 0,
                        "RGB",
                        (),
                        None,
                        "",
                        False,
                        (),
                        size,
                    )
                    return cls(encoding, info.codec, round(info.fps or 0, 3), frames, None)
            path = medium.path
            if path.is_dir():
                path = min(file for file in path.iterdir() if is_media_file(file) and file.stat().st_size)
            pixels = read_8_bit(path)
            encoding = read_encoding(path)
            return cls(encoding, encoding.kind, 0.0, 1, pixels)
        except (InputError, ValueError):
            return None


def _cues(files: Sequence[_Looked]) -> list[Cue]:
    encodings = [file.encoding for file in files]
    sizes = np.array([[one.width * one.height, one.width, one.height] for one in encodings], np.float64)
    pixels = np.maximum(sizes[:, 0] * [file.frames for file in files], 1)
    weight = np.array([[one.file_bytes] for one in encodings]) / pixels[:, None]
    cues: list[Cue] = [
        Words("file format", [one.kind for one in encodings]),
        Words("codec", [file.codec for file in files]),
        Words("quantisation tables", [_tables(one) for one in encodings]),
        Numbers("JPEG quality", ["quality"], np.array([[one.quality or 0] for one in encodings], np.float64)),
        Words(
            "chroma subsampling and scan", [f"{one.sampling}{' progressive' * one.is_progressive}" for one in encodings]
        ),
        Words("pixel size", [f"{one.width} x {one.height}" for one in encodings]),
        Numbers("pixel count", ["pixels", "width", "height"], sizes),
        Numbers("aspect", ["width over height"], sizes[:, 1:2] / np.maximum(sizes[:, 2:], 1)),
        Words("colour mode", [one.mode for one in encodings]),
        Words("metadata", ["+".join(one.metadata) or "none" for one in encodings]),
        Numbers(_BYTES, ["bytes per pixel"], weight),
        Numbers("frame rate", ["frames a second"], np.array([[file.rate] for file in files])),
    ]
    pictures = [file.picture for file in files]
    if all(picture is not None for picture in pictures):
        greys = [luma(picture) for picture in pictures if picture is not None]
        cues.append(Numbers("resize or block trace", PERIOD_NAMES, np.stack([period_traces(grey) for grey in greys])))
        former = [encoding_traces(picture) for picture in pictures if picture is not None]
        cues.append(Numbers("former JPEG encoding", QUALITY_NAMES, np.stack(former)))
        side = min(window_side(*grey.shape) for grey in greys)
        if side > 0:
            cues.append(
                Templates("caption or overlay", PLACES, np.stack([border_patterns(grey, side) for grey in greys]))
            )
    return cues


def _chosen(manifest: Manifest, most: int, rng: np.random.Generator) -> list[Medium]:
    """Return one medium a video, at most so many of a class, in the order of their names."""
    videos: dict[tuple[str, int], Medium] = {}
    for medium in manifest.media:
        if medium.label is not None:
            videos.setdefault((medium.video or medium.name, medium.label), medium)
    chosen: list[Medium] = []
    for label in (0, 1):
        own = [medium for medium in videos.values() if medium.label == label]
        chosen += [own[place] for place in sorted(rng.permutation(len(own))[:most])]
    return chosen


def _tables(encoding: PictureEncoding) -> str:
    """Return a short name of quantisation tables: quality, and a digest that tells tables of one quality apart."""
    if not encoding.tables:
        return "none"
    digest = hashlib.sha256(repr(encoding.tables).encode()).hexdigest()[:_TABLE_LETTERS]
    return f"quality {encoding.quality} ({digest})"


def _strength(auc: float, p_value: float) -> Strength:
    if p_value >= SIGNIFICANT or auc < WEAK_AUC:
        return "none"
    return "found" if auc >= FOUND_AUC else "weak"
