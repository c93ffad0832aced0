"""The bundled samples: small real or generated inputs of ``--sample``.

A task's sample is the directory ``sample_data/TASK`` with a ``sample.json``::

    {"title": "...", "source": "...", "licence": "...", "files": {"fixed": "fixed.nii.gz", ...}}

The roles of the files are names of the verb's parameters. In a checkout the samples are beside the package, in an
installation inside it.
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
        Task of the sample.
    title
        Title in one line.
    source
        Origin of the files, or how they were generated.
    licence
        Licence of the files.
    directory
        Directory of the files.
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
        If the task has no sample, or a file of it is missing.
    """
    directory = _root() / task
    if not (directory / "sample.json").is_file():
        tasks = ", ".join(sample.task for sample in find_samples()) or "none"
        raise MissingError(f"{task}: no bundled sample found; one of these expected: {tasks}.")
    sample = _read(directory)
    for role, path in sample.files.items():
        if not path.is_file():
            raise MissingError(
                f"{path}: file {role!r} of the bundled sample not found.",
                hint="Install vision_cli again; the samples are part of it.",
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
