"""What all layouts share: collecting media and what is left out, splits by group, words of labels.

Keys of videos, sources and persons are written as ``DOMAIN:KEY``, so that equal numbers of two data sets do not meet.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.generators import describe
from vision_cli.forgery_detect.values import Manifest, Medium, Split
from vision_cli.io.pictures.folders import Request
from vision_cli.io.pictures.left_out import LeftOut, Skipped
from vision_cli.io.pictures.photographs import PHOTOGRAPH_SUFFIXES
from vision_cli.io.videos.videos import VIDEO_SUFFIXES

REAL, FAKE = 0, 1

_LABELS = {"real": REAL, "0": REAL, "fake": FAKE, "1": FAKE}
_SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_SHARES: tuple[tuple[int, Split], ...] = ((72, "train"), (86, "val"), (100, "test"))
"""Hundredths at which the parts of a made split end: those of FaceForensics++, 720, 140 and 140 of 1000."""


class Entries(LeftOut):
    """Collects the media of a data set and what is left out.

    Parameters
    ----------
    layout
        Name of the layout.
    request
        How the data set is read.
    """

    def __init__(self, layout: str, request: Request) -> None:
        super().__init__(request.findings)
        self.layout, self._split = layout, request.split
        self._media: list[Medium] = []
        self._absent = 0

    def take(self, medium: Medium, *, may_lack: bool = False) -> None:
        """Add a medium, if the split is asked for; one whose file is missing or empty is left out.

        What is not told follows: forgery and family from the generator, video and source from the name.

        Parameters
        ----------
        medium
            The medium.
        may_lack
            Whether a missing file is usual, as in lists of data sets that come in parts.
        """
        if self._split not in {None, "all", medium.split}:
            return
        size = _size(medium.path)
        if size is None and may_lack:
            self._absent += 1
            self._skipped.append(Skipped(medium.name, "listed, but absent", is_damage=False))
        elif size is None:
            self.skip(medium.name, f"no file {medium.path.name}")
        elif size == 0:
            self.skip(medium.name, "it is empty")
        else:
            self._media.append(_completed(medium))

    def manifest(self) -> Manifest:
        """Return the media, in the order of their names.

        Raises
        ------
        InputError
            If two have one name.
        """
        media = tuple(sorted(self._media, key=lambda medium: medium.name))
        doubled = [name for name, count in Counter(medium.name for medium in media).items() if count > 1]
        if doubled:
            raise InputError(f"{doubled[0]}: twice in the data set; unique entries expected.", hint="Remove one.")
        if self._absent:
            self.note(f"{self._absent} listed files are absent.")
        return Manifest(self.layout, media, tuple(self._skipped), self._findings.sentences())


def is_media_file(path: Path) -> bool:
    """Return whether a file is a picture or a video by its ending, and not hidden (as ``._NAME`` of AppleDouble)."""
    return path.suffix.lower() in PHOTOGRAPH_SUFFIXES | VIDEO_SUFFIXES and not path.name.startswith(".")


def is_video_file(path: Path) -> bool:
    """Return whether a file is a video by its ending."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def media_below(folder: Path) -> list[Path]:
    """Return pictures and videos of a folder and the folders in it, hidden ones aside, by path."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.rglob("*") if is_media_file(path) and path.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def videos_in(folder: Path) -> list[Path]:
    """Return the videos of a folder itself, by name; empty ones too, which are said to be."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if is_video_file(p) and not p.name.startswith(".") and p.is_file())


def frame_folders(folder: Path) -> list[Path]:
    """Return the folders of a folder that hold pictures, by name."""
    if not folder.is_dir():
        return []
    inside = (path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return sorted(path for path in inside if any(is_media_file(file) for file in path.iterdir()))


def label_of(word: str) -> int | None:
    """Return the label of a word: 1 for fake, 0 for real; None if it is neither."""
    return _LABELS.get(word.strip().lower())


def split_of(word: str) -> Split | None:
    """Return the split of a word, in whatever case; None if it is none."""
    return _SPLITS.get(word.strip().lower())


def split_by_key(key: str) -> Split:
    """Return the split of a group in a data set that has none: 72, 14 and 14 of 100 groups, by a hash of the key."""
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % 100
    return next(split for end, split in _SHARES if place < end)


def qualified(domain: str, keys: Iterable[str]) -> tuple[str, ...]:
    """Return keys with the name of their domain."""
    return tuple(f"{domain}:{key}" for key in keys)


def _completed(medium: Medium) -> Medium:
    forgery, family = describe(medium.generator) if medium.label == FAKE else ("", "")
    own = f"{medium.domain}:{medium.name}"
    return dataclasses.replace(
        medium,
        forgery=medium.forgery or forgery,
        family=medium.family or family,
        video=medium.video or own,
        source=medium.source or own,
    )


def _size(path: Path) -> int | None:
    """Return the bytes of a file, or the number of media of a folder; None where there is none.

    A name that stands in a data set may be too long for any file.
    """
    try:
        if path.is_dir():
            return sum(is_media_file(file) and file.stat().st_size > 0 for file in path.iterdir())
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
