"""What is shown of the models of a run."""

from __future__ import annotations

from pathlib import Path

from vision_cli.core.console import Table
from vision_cli.core.verbs import Shown
from vision_cli.pcd_anomaly.models import read_description
from vision_cli.pcd_anomaly.session import find_models

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
    documents = {name: read_description(path) for name, path in find_models(directory).items()}
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
