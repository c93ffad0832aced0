"""Layouts of data sets: how each is recognised and read, and which one a path has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.pictures.folders import Request

AUTO = "auto"

Data_co = TypeVar("Data_co", covariant=True)


@dataclass(frozen=True)
class Layout(Generic[Data_co]):
    """A layout of a data set.

    Attributes
    ----------
    name
        Its word on the command line.
    expects
        What it looks for, in a few words.
    recognises
        Whether a path has it.
    read
        Reads a path that has it.
    """

    name: str
    expects: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Request], Data_co]


def choose_layout(layouts: Sequence[Layout[Data_co]], path: Path, name: str, *, hint: str) -> Layout[Data_co]:
    """Return the layout of a name, or for ``auto`` the first that recognises a path.

    Parameters
    ----------
    layouts
        All there are, the more special ones first.
    path
        The data set.
    name
        Name of a layout, or ``auto``.
    hint
        What to do where none is recognised.

    Raises
    ------
    UsageError
        If there is no layout of that name.
    InputError
        If none is recognised; the message says what was looked for.
    """
    if name != AUTO:
        known = {layout.name: layout for layout in layouts}
        if name not in known:
            raise UsageError(
                f"layout {name!r}; {AUTO}, {', '.join(known)} expected.", hint=did_you_mean(name, (*known, AUTO))
            )
        return known[name]
    found = next((layout for layout in layouts if layout.recognises(path)), None)
    if found is None:
        looked_for = "; ".join(f"{layout.name}: {layout.expects}" for layout in layouts)
        raise InputError(f"{path}: no known layout of a data set. Looked for {looked_for}.", hint=hint)
    return found
