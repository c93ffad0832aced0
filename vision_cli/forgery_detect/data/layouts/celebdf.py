"""Celeb-DF, versions 1 and 2 (Li et al. 2020)."""

from __future__ import annotations

import re
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.layouts.entries import FAKE, REAL, Entries, frame_folders, qualified, videos_in
from vision_cli.forgery_detect.values import Manifest, Medium
from vision_cli.io.pictures.folders import Request, child, inside
from vision_cli.io.reading import read_text

TEST_LIST = "List_of_testing_videos.txt"
_FOLDERS = {"Celeb-real": REAL, "YouTube-real": REAL, "Celeb-synthesis": FAKE}
_REAL_IN_LIST = {"1": REAL, "0": FAKE}
_FAKE_NAME = re.compile(r"(id\d+)_(id\d+)_(\d+)")
_REAL_NAME = re.compile(r"(id\d+)_(\d+)")


def is_celebdf(path: Path) -> bool:
    """Return whether a folder has forgeries of Celeb-DF and real videos."""
    return (path / "Celeb-synthesis").is_dir() and any(
        (path / name).is_dir() for name in ("Celeb-real", "YouTube-real")
    )


def read_celebdf(path: Path, request: Request) -> Manifest:
    """Read ``{Celeb-real,YouTube-real,Celeb-synthesis}/*.mp4``; videos of the list of test videos are not for training.

    In the list 1 means **real**. Where there is no list no split is known. ``id0_id1_0000`` shows the clip
    ``id0_0000`` with the face of ``id1``.

    Raises
    ------
    InputError
        If the list is damaged or contradicts the folders.
    """
    entries = Entries("celebdf", request)
    listed = child(path, TEST_LIST)
    test = _read_list(listed) if listed is not None else set()
    if listed is None:
        entries.note(f"No {TEST_LIST}: the videos have no split.")
    seen = set()
    for folder, label in _FOLDERS.items():
        root = path / folder
        for clip in videos_in(root) or videos_in(root / "videos") or frame_folders(root / "frames"):
            stem = clip.name if clip.is_dir() else clip.stem
            key = f"{folder}/{stem}"
            seen.add(key)
            source, persons = _source(folder, stem)
            entries.take(
                Medium(
                    clip,
                    clip.relative_to(path).as_posix(),
                    label,
                    "Celeb-DF",
                    "Celeb-DF" if label == FAKE else "",
                    source=f"Celeb-DF:{source}",
                    identities=qualified("Celeb-DF", persons),
                    split=None if listed is None else "test" if key in test else "train",
                )
            )
    for key in sorted(test - seen):
        entries.skip(key, "in the list of test videos, but absent", is_damage=False)
    return entries.manifest()


def _read_list(path: Path) -> set[str]:
    """Return the test videos as FOLDER/STEM."""
    found = set()
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        place = inside(Path(), words[1]) if len(words) == 2 else None
        label = _REAL_IN_LIST.get(words[0])
        if place is None or label is None or len(place.parts) != 2:
            raise InputError(
                f"{path}: line {number} is {line.strip()[:60]!r}; as '1 YouTube-real/00170.mp4' expected.",
                hint="Copy the list again.",
            )
        if _FOLDERS.get(place.parts[0], label) != label:
            word = "real" if label == REAL else "fake"
            raise InputError(
                f"{path}: line {number} calls {words[1]} {word}; its folder says the other.",
                hint="1 means real in this list; copy it again.",
            )
        found.add(f"{place.parts[0]}/{place.stem}")
    return found


def _source(folder: str, stem: str) -> tuple[str, tuple[str, ...]]:
    if match := _FAKE_NAME.fullmatch(stem):
        target, face, number = match.groups()
        return f"{target}_{number}", (target, face)
    if match := _REAL_NAME.fullmatch(stem):
        return stem, (match.group(1),)
    return f"{folder}/{stem}", ()
