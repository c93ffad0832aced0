"""The pictures and videos that a user names: files, folders and lists, with a name of its own for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.layouts.entries import is_video_file, media_below
from vision_cli.io.pictures.folders import inside, short_names
from vision_cli.io.reading import read_text

LIST_SUFFIXES = frozenset({".txt", ".lst"})


@dataclass(frozen=True)
class Found:
    """A picture or a video to look at.

    Attributes
    ----------
    path
        The file.
    name
        Unique: its path below the folder that was named, or that of the list, with ``/`` and without its ending where
        that stays unique.
    is_video
        Whether it has frames.
    """

    path: Path
    name: str
    is_video: bool


def find_media(paths: Sequence[Path]) -> tuple[Found, ...]:
    """Return the pictures and videos that are named, those of folders and of the folders in them too.

    Parameters
    ----------
    paths
        Pictures, videos, folders, and text files that list pictures and videos, one a line, below their own folder or
        absolute. Hidden and empty files of folders are left out.

    Raises
    ------
    InputError
        If a path does not exist, or none is a picture or a video.
    """
    found: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_dir():
            inside = [one for one in media_below(path) if one.stat().st_size > 0]
            if not inside:
                raise InputError(f"{path}: neither pictures nor videos found in this folder; some expected.")
            start = f"{path.resolve().name}/" if len(paths) > 1 else ""
            found += [(one, start + one.relative_to(path).as_posix()) for one in inside]
        elif not path.exists():
            raise InputError(f"{path}: no such file.", hint="Check the name.")
        elif path.suffix.lower() in LIST_SUFFIXES:
            found += _listed(path)
        else:
            found.append((path, path.name))
    names = _unique([name for _, name in found])
    return tuple(Found(path, name, is_video_file(path)) for (path, _), name in zip(found, names, strict=True))


def _listed(path: Path) -> list[tuple[Path, str]]:
    """Return the media that a list names."""
    found = []
    for number, line in enumerate(map(str.strip, read_text(path).splitlines()), start=1):
        if not line:
            continue
        target = path.parent / line
        if not _is_file(target):
            raise InputError(
                f"{path}: line {number}: {line[:80]!r}: no such file.",
                hint="Paths are absolute, or below the folder of the list.",
            )
        below = inside(path.parent, line)
        found.append((target, target.name if below is None else below.relative_to(path.parent).as_posix()))
    if not found:
        raise InputError(f"{path}: an empty list; a path a line expected.")
    return found


def _is_file(path: Path) -> bool:
    """Return whether there is a file; a line of another kind of text may be no path at all."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names without their ending where that stays unique, and with a number where they repeat."""
    short = short_names(names)
    taken: set[str] = set()
    unique = []
    for name in short:
        # A number that no other file has for a name.
        numbered = (f"{name}-{number}" for number in count(2))
        chosen = name if name not in taken else next(one for one in numbered if one not in taken and one not in short)
        taken.add(chosen)
        unique.append(chosen)
    return unique
