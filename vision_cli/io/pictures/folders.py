"""Folders of data sets of pictures: their files and names, the parts to read, and what of them was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.pictures.photographs import PHOTOGRAPH_SUFFIXES
from vision_cli.io.reading import read_text

Part = TypeVar("Part")

_EXAMPLES = 3
_BY_DEFAULT = ("test", "val", "train")
ALL = "all"


@dataclass
class Findings:
    """What of a data set cannot be used, by reason.

    Attributes
    ----------
    strict
        Whether the first finding is an error.
    """

    strict: bool = False
    _items: dict[str, list[str]] = field(default_factory=dict)
    _sentences: list[str] = field(default_factory=list)

    def leave_out(self, item: str, reason: str) -> None:
        """Record an item that is left out.

        Raises
        ------
        InputError
            If the data set is read strictly.
        """
        if self.strict:
            raise InputError(f"{item}: {reason}.", hint="Repair the data set, or read it without --strict.")
        self._items.setdefault(reason, []).append(item)

    def say(self, sentence: str) -> None:
        """Record what was assumed or chosen."""
        self._sentences.append(sentence)

    def sentences(self) -> tuple[str, ...]:
        """Return one sentence each, with counts and the first names."""
        left_out = (
            f"{len(items)} left out ({reason}): {', '.join(items[:_EXAMPLES])}"
            f"{', ...' if len(items) > _EXAMPLES else ''}."
            for reason, items in self._items.items()
        )
        return (*self._sentences, *left_out)


@dataclass(frozen=True)
class Request:
    """How a data set is to be read.

    Attributes
    ----------
    split
        ``train``, ``val``, ``test`` or ``all``; None for the preferred part.
    findings
        What cannot be used.
    preferred
        Names of parts, of which the first that there is is read where none is asked for.
    """

    split: str | None
    findings: Findings
    preferred: tuple[str, ...] = _BY_DEFAULT

    def parts(self, root: Path, available: Mapping[str, Part]) -> dict[str, Part]:
        """Return the parts to read: one, or all; without a choice the preferred one.

        Raises
        ------
        UsageError
            If there is no such part.
        """
        if self.split == ALL:
            return dict(available)
        if self.split is None:
            chosen = next((name for name in self.preferred if name in available), None)
            if chosen is None:
                return dict(available)
            if len(available) > 1:
                others = ", ".join(name for name in available if name != chosen)
                self.findings.say(f"The part {chosen} was read; there is also {others}.")
            return {chosen: available[chosen]}
        if self.split not in available:
            listed = ", ".join((*available, ALL)) if available else "none, as this data set has no parts,"
            raise UsageError(
                f"{root}: no part {self.split!r}; {listed} expected.", hint=did_you_mean(self.split, available)
            )
        return {self.split: available[self.split]}

    def no_parts(self, root: Path) -> None:
        """Refuse a split of a layout without parts.

        Raises
        ------
        UsageError
            If one is asked for.
        """
        if self.split not in {None, ALL}:
            self.parts(root, {})


def is_picture(path: Path) -> bool:
    """Return whether a file is a picture by its ending, and not hidden."""
    return path.suffix.lower() in PHOTOGRAPH_SUFFIXES and not path.name.startswith(".") and path.is_file()


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder itself, by name; none where there is no such folder."""
    return sorted(path for path in folder.iterdir() if is_picture(path)) if folder.is_dir() else []


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures of a folder and the folders in it, hidden ones aside, by path."""
    if not folder.is_dir():
        return []
    inside = (path for path in folder.rglob("*") if not _is_hidden(path.relative_to(folder)))
    return sorted(path for path in inside if is_picture(path))


def folders_in(folder: Path) -> list[Path]:
    """Return the folders of a folder, hidden ones aside, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def child(folder: Path, *names: str) -> Path | None:
    """Return the first entry of a folder with one of these names, in whatever case."""
    if not folder.is_dir():
        return None
    wanted = [name.lower() for name in names]
    found = {path.name.lower(): path for path in sorted(folder.iterdir())}
    return next((found[name] for name in wanted if name in found), None)


def names_below(root: Path, paths: Sequence[Path]) -> list[str]:
    """Return names below a folder with ``/``: without their ending where that stays unique."""
    return short_names([path.relative_to(root).as_posix() for path in paths])


def short_names(names: Sequence[str]) -> list[str]:
    """Return names of files without their ending where that stays unique."""
    short = [str(PurePosixPath(name).with_suffix("")) for name in names]
    counts = Counter(short)
    return [cut if counts[cut] == 1 else name for cut, name in zip(short, names, strict=True)]


def inside(root: Path, name: str) -> Path | None:
    """Return the path of a name in a file of a data set; None where it leads out of its folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        return None
    return root / path


def read_listed(path: Path) -> list[str]:
    """Return the names that a list of a data set holds, one a line; what follows them and picture endings are cut.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    words = [line.split(maxsplit=1)[0] for line in read_text(path).splitlines() if line.strip()]
    return [Path(word).stem if Path(word).suffix.lower() in PHOTOGRAPH_SUFFIXES else word for word in words]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
