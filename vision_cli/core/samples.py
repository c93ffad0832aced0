"""The bundled samples: small real or generated inputs on which every main verb runs with ``--sample``.

A task's sample is the directory ``sample_data/TASK`` with a ``sample.json``::

    {"title": "...", "source": "...", "licence": "...", "files": {"fixed": "fixed.nii.gz", ...}}

The names of the files' roles are those of the verb's parameters. In a checkout the samples stand beside the
package, in an installed package inside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.errors import MissingError

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Sample:
    """A bundled sample.

    Attributes
    ----------
    task
        The task it belongs to.
    title
        What it shows, in one line.
    source
        Where the files come from, or how they were generated.
    licence
        The licence of the files.
    directory
        Where the files are.
    files
        Paths by role.
    """

    task: str
    title: str
    source: str
    licence: str
    directory: Path
    files: Mapping[str, Path]


def find_samples() -> list[Sample]:
    """Return all bundled samples, by task."""
    return [_read(card.parent) for card in sorted(_root().glob("*/sample.json"))]


def find_sample(task: str) -> Sample:
    """Return the sample of a task.

    Raises
    ------
    MissingError
        If there is none, or one of its files is not there.
    """
    directory = _root() / task
    if not (directory / "sample.json").is_file():
        tasks = ", ".join(sample.task for sample in find_samples()) or "none"
        raise MissingError(f"{task}: no bundled sample found; one of these expected: {tasks}.")
    sample = _read(directory)
    for role, path in sample.files.items():
        if not path.is_file():
            raise MissingError(
                f"{path}: file {role!r} of the bundled sample is missing.",
                hint="Install vision_cli again; its samples are part of it.",
            )
    return sample


def _root() -> Path:
    inside = _PACKAGE / "sample_data"
    return inside if inside.is_dir() else _PACKAGE.parent / "sample_data"


def _read(directory: Path) -> Sample:
    card = json.loads((directory / "sample.json").read_text(encoding="utf-8"))
    return Sample(
        task=directory.name,
        title=card["title"],
        source=card["source"],
        licence=card["licence"],
        directory=directory,
        files={role: directory / name for role, name in card["files"].items()},
    )
