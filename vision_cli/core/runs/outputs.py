"""List of the files that a run wrote, so that ``--overwrite`` removes only those.

A name is recorded before its file appears, so that the list is also complete for a killed run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePath

from vision_cli.core.errors import InputError
from vision_cli.core.runs import files

_LIST = ".vcli-outputs"


def require_inside(name: str) -> PurePath:
    """Return the name of an output as a path inside its run directory.

    Raises
    ------
    InputError
        If the path is outside the directory, as names can come from input files.
    """
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise InputError(f"{name!r}: not a valid output name; a path inside the run directory expected.")
    return path


class Outputs:
    """The output files of a run, opened by its only writer.

    Parameters
    ----------
    directory
        The run directory.
    known
        Names in the record of the run.
    """

    def __init__(self, directory: Path, known: Iterable[str] = ()) -> None:
        self._directory = directory
        self._list = directory / _LIST
        listed = [str(json.loads(line)) for line in files.whole_lines(self._list)]
        self._names = dict.fromkeys([*known, *listed])

    @property
    def names(self) -> list[str]:
        """Names of the files, relative to the run directory, in alphabetical order."""
        return sorted(self._names)

    def add(self, name: str) -> Path:
        """Record a name; return its path.

        Raises
        ------
        InputError
            If the path is outside the run directory.
        """
        path = require_inside(name)
        if name not in self._names:
            files.append_line(self._list, json.dumps(name))
            self._names[name] = None
        return self._directory / path

    def hand_over(self) -> None:
        """Remove the list, once the record of the run has the names."""
        self._list.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all files of the list, and folders that become empty."""
        for path in [self._directory / name for name in self._names]:
            path.unlink(missing_ok=True)
            for parent in path.relative_to(self._directory).parents[:-1]:
                with suppress(OSError):
                    (self._directory / parent).rmdir()
        self._names.clear()
        self.hand_over()
