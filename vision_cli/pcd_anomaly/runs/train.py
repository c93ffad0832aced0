"""What is shown of the models of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vision_cli.core.command.console import Table
from vision_cli.core.command.verbs import Shown
from vision_cli.pcd_anomaly.model.files import read_description
from vision_cli.pcd_anomaly.runs.session import find_models

_COLUMNS = ("class", "features", "diameter", "warp", "views", "warnings")


def shown(directory: Path) -> Shown:
    """Return a table of the models of a run, and their descriptions by class.

    Raises
    ------
    InputError
        If there is none.
    MissingError
        If one cannot be read.
    """
    documents = _descriptions(directory)
    rows = [
        (
            name,
            found["options"]["features"],
            found["diameter"],
            found["amplitude"],
            found["limit"]["count"],
            len(found["warnings"]),
        )
        for name, found in documents.items()
    ]
    return Table(_COLUMNS, rows), documents


def measures_of(directory: Path) -> dict[str, float | int | str | None]:
    """Return what ``metrics.json`` holds of the models of a run: of each class its size, and how it may vary."""
    documents = _descriptions(directory)
    metrics: dict[str, float | int | str | None] = {"classes": len(documents)}
    for name, found in documents.items():
        metrics |= {
            f"{name}/diameter": found["diameter"],
            f"{name}/amplitude": found["amplitude"],
            f"{name}/views": found["limit"]["count"],
            f"{name}/warnings": len(found["warnings"]),
        }
    return metrics


def _descriptions(directory: Path) -> dict[str, Any]:
    return {name: read_description(path) for name, path in find_models(directory).items()}
