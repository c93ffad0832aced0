"""Pictures to segment, by the words of the command line: files, folders, patterns and lists."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import names_below, pictures_below
from vision_cli.io.reading import read_text


@dataclass(frozen=True)
class Query:
    """A picture to segment.

    Attributes
    ----------
    name
        Unique in a run: the path below the folder that all queries have in common, without its ending where that stays
        unique.
    path
        The file.
    """

    name: str
    path: Path


def find_queries(words: Sequence[str]) -> tuple[Query, ...]:
    """Return the pictures that words name, each once, in the order of the words and by path within each.

    Parameters
    ----------
    words
        Files, folders whose pictures and sub-folders are taken, patterns such as ``scans/*.tif``, and ``@list.txt``
        with one of these a line.

    Raises
    ------
    InputError
        If a word names no picture.
    """
    paths = list(dict.fromkeys(path for word in words for path in _named(word)))
    if not paths:
        raise InputError("no query; pictures to segment expected.", hint="Give --query FILE, DIR, 'PATTERN' or @LIST.")
    absolute = [Path(os.path.abspath(path)) for path in paths]
    root = Path(os.path.commonpath([path.parent for path in absolute]))
    names = names_below(root, absolute)
    return tuple(Query(name, path) for name, path in zip(names, paths, strict=True))


def _named(word: str) -> Iterator[Path]:
    if word.startswith("@") and not Path(word).exists():
        yield from _listed(Path(word[1:]))
        return
    path = Path(word).expanduser()
    if path.is_dir():
        found = pictures_below(path)
    elif path.exists():
        found = [path]
    else:
        root = Path(path.anchor or ".")
        found = sorted(one for one in root.glob(str(path.relative_to(path.anchor))) if one.is_file())
    if not found:
        kind = "a folder without pictures" if path.is_dir() else "no such file, and no file of this pattern"
        raise InputError(f"--query: {word}: {kind}.", hint="Give a picture, a folder, 'a pattern' or @list.txt.")
    yield from found


def _listed(path: Path) -> Iterator[Path]:
    if not path.is_file():
        raise InputError(f"--query: {path}: no such list.", hint="Give @FILE with a picture a line.")
    for line in read_text(path).splitlines():
        word = line.strip()
        if word and not word.startswith("#"):
            # Relative names in a list are below its folder, wherever the command is called.
            own = Path(word) if Path(word).is_absolute() else path.parent / word
            yield from _named(str(own))
