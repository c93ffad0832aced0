"""Media that a training and a test part share: files, contents, videos, sources or persons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import sha256
from vision_cli.core.runs.files import size as file_size
from vision_cli.forgery_detect.values import Manifest, Medium

LeakKind = Literal["file", "content", "video", "source", "person"]

LISTED = 5
"""Leaks that an error names."""


@dataclass(frozen=True)
class Leak:
    """Something that two parts share.

    Attributes
    ----------
    kind
        What it is: the same file, other files of the same bytes, a video, a source, or a person.
    key
        Path, digest or name of it.
    train, test
        Names of the first medium of each part that has it.
    """

    kind: LeakKind
    key: str
    train: str
    test: str


def find_leaks(train: Manifest, test: Manifest, *, contents: bool = True) -> tuple[Leak, ...]:
    """Return what two parts share, each key once, files first.

    Parameters
    ----------
    train, test
        The parts. Keys of videos, sources and persons are compared as they are: readers put the domain in front.
    contents
        Whether files are compared by their bytes too; those of equal length alone are read.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    found = list(_shared("file", train, test, lambda medium: (str(medium.path.resolve()),)))
    files = {leak.test for leak in found}
    if contents:
        found += [leak for leak in _shared_contents(train, test) if leak.test not in files]
    found += _shared("video", train, test, lambda medium: (medium.video,))
    found += _shared("source", train, test, lambda medium: (medium.source,))
    found += _shared("person", train, test, lambda medium: medium.identities)
    return tuple(found)


def require_no_leaks(
    train: Manifest, test: Manifest, *, contents: bool = True, allow_leak: bool = False
) -> tuple[Leak, ...]:
    """Refuse parts that share something; return what they share where that is allowed.

    Raises
    ------
    InputError
        If they share something and that is not allowed; five of it are named.
    """
    leaks = find_leaks(train, test, contents=contents)
    if leaks and not allow_leak:
        counts = {kind: sum(leak.kind == kind for leak in leaks) for kind in dict.fromkeys(leak.kind for leak in leaks)}
        listed = "; ".join(f"{leak.kind} {leak.key} ({leak.train} and {leak.test})" for leak in leaks[:LISTED])
        totals = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())
        raise InputError(
            f"training and test share {totals}; none expected: {listed}{'; ...' if len(leaks) > LISTED else ''}.",
            hint="Split by source and person, or accept it with --allow-leak.",
        )
    return leaks


def _shared(kind: LeakKind, train: Manifest, test: Manifest, keys: Callable[[Medium], Iterable[str]]) -> Iterable[Leak]:
    first: dict[str, str] = {}
    for medium in train.media:
        for key in keys(medium):
            first.setdefault(key, medium.name)
    seen = set()
    for medium in test.media:
        for key in keys(medium):
            if key and key in first and key not in seen:
                seen.add(key)
                yield Leak(kind, key, first[key], medium.name)


def _shared_contents(train: Manifest, test: Manifest) -> Iterable[Leak]:
    by_size: dict[int, list[Medium]] = {}
    for medium in train.media:
        by_size.setdefault(_size(medium.path), []).append(medium)
    digests: dict[Path, str] = {}
    for medium in test.media:
        for other in by_size.get(_size(medium.path), ()):
            if other.path == medium.path:
                continue
            for path in (medium.path, other.path):
                if path not in digests:
                    digests[path] = sha256(path)
            if digests[medium.path] == digests[other.path]:
                yield Leak("content", digests[medium.path][:16], other.name, medium.name)
                break


def _size(path: Path) -> int:
    try:
        return file_size(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
