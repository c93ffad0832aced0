"""Reading of ``run.json`` and ``metrics.json`` of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_cli.core.errors import InputError

SCHEMA_VERSION = 1
RECORD = "run.json"
METRICS = "metrics.json"


@dataclass(frozen=True)
class RunRecord:
    """Contents of ``run.json``.

    Attributes
    ----------
    directory
        The run directory.
    command
        Name of the command, such as ``register pair``.
    status
        ``running``, ``done``, ``failed`` or ``interrupted``.
    options
        The resolved options.
    document
        The whole record.
    """

    directory: Path
    command: str
    status: str
    options: Mapping[str, object]
    document: Mapping[str, Any]


def read_run(directory: Path) -> RunRecord:
    """Read the record of a run.

    Raises
    ------
    InputError
        If the directory has no run, or its record is damaged or of a later version.
    """
    path = directory / RECORD
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version = int(document["schema_version"])
        record = RunRecord(
            directory,
            command=document["command"],
            status=document["status"],
            options=dict(document["options"]),
            document=document,
        )
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{directory}: no {RECORD} found; the directory of a run expected.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: damaged record of a run ({error!r}).", hint="Repeat the run with --overwrite."
        ) from error
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema version {version} found; at most {SCHEMA_VERSION} expected.",
            hint="Use the version of vision_cli that wrote it, or a later one.",
        )
    return record


def read_metrics(directory: Path) -> dict[str, Any]:
    """Return the metrics of a run; empty if it wrote none.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = directory / METRICS
    try:
        metrics: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}).", hint="Repeat the run.") from error
    return metrics
