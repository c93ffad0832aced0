"""Ready pictures as a method: ``dir:PATH`` looks up the picture of the same name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.errors import InputError, UsageError
from vision_cli.enhance_eval.methods.adapters.pictures import picture_files, read_rgb
from vision_cli.enhance_eval.values import Method, Picture


@dataclass(frozen=True)
class FolderMethod:
    """A folder of pictures that were enhanced before.

    Attributes
    ----------
    name
        As the user named it.
    folder
        Where they are.
    files
        By the path below the folder, with and without its ending, and by the name alone.
    """

    name: str
    folder: Path
    files: Mapping[str, tuple[Path, ...]]

    def of(self, name: str) -> Method:
        """Return the ready picture of a sample, as a method that gives it.

        Raises
        ------
        InputError
            If there is none of that name, or several.
        """
        for key in (name, name.rpartition("/")[2]):
            found = self.files.get(key, ())
            if len(found) == 1:
                return _Ready(self.name, found[0])
            if found:
                listed = " and ".join(str(path.relative_to(self.folder)) for path in found[:2])
                raise InputError(f"{self.folder}: {listed} are both named {name}; one expected.")
        raise InputError(f"{self.folder}: no picture named {name}.", hint="Names have to be those of the data set.")

    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        """Refuse: which picture is meant is known by `of` alone.

        Raises
        ------
        UsageError
            Always.
        """
        raise UsageError(f"{self.name}: looks pictures up by name; a name expected.")


@dataclass(frozen=True)
class _Ready:
    name: str
    path: Path

    def enhance(self, picture: Picture, *, reference: Picture | None = None) -> Picture:
        return read_rgb(self.path)


def folder_method(name: str, folder: Path) -> FolderMethod:
    """Return the method of a folder.

    Raises
    ------
    InputError
        If it is none, or holds no picture.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder.", hint="dir: takes a folder of enhanced pictures.")
    files: defaultdict[str, list[Path]] = defaultdict(list)
    for path in picture_files(folder):
        inside = path.relative_to(folder)
        for key in {inside.as_posix(), inside.with_suffix("").as_posix(), path.name, path.stem}:
            files[key].append(path)
    if not files:
        raise InputError(f"{folder}: no picture in it; enhanced pictures expected.")
    return FolderMethod(name, folder, {key: tuple(paths) for key, paths in files.items()})
