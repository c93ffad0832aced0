"""Manifests: the rows of all generated pictures as JSON lines, CSV and Parquet."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import atomic_path, write_csv, write_text
from vision_cli.io.limits import require_room
from vision_cli.io.reading import reading
from vision_cli.io.tables.limits import require_parquet_room
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.synth_faces.plans.rows import COLUMNS, Cell, Kind, ManifestRow, row_of_cells, row_of_json

MANIFESTS = ("manifest.jsonl", "manifest.csv", "manifest.parquet")
_BYTES_A_LETTER = 12


def manifest_line(row: ManifestRow) -> str:
    """Return a row as one line of JSON, without its end."""
    return json.dumps(row.as_json(), allow_nan=False)


def write_manifests(directory: Path, rows: Sequence[ManifestRow]) -> tuple[Path, ...]:
    """Write rows as the three files of `MANIFESTS`, each whole or not at all.

    Raises
    ------
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    paths = tuple(directory / name for name in MANIFESTS)
    for path in paths:
        write_manifest(path, rows)
    return paths


def write_manifest(path: Path, rows: Sequence[ManifestRow]) -> None:
    """Write rows as one file, whole or not at all: JSON lines, CSV or Parquet by its ending.

    Raises
    ------
    ResourceError
        As `write_manifests`.
    """
    match path.suffix:
        case ".jsonl":
            write_text(path, "".join(f"{manifest_line(row)}\n" for row in rows))
        case ".csv":
            cells = [row.cells() for row in rows]
            write_csv(path, list(COLUMNS), ([row[name] for name in COLUMNS] for row in cells))
        case _:
            _write_parquet(path, [row.cells() for row in rows])


def read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    """Read a manifest by its ending, or the first that a folder has.

    Raises
    ------
    InputError
        If there is none, or it is damaged.
    InputTooLarge
        If it does not fit into memory.
    """
    if path.is_dir():
        inside = next((path / name for name in MANIFESTS if (path / name).is_file()), None)
        if inside is None:
            raise InputError(f"{path}: no manifest; one of {', '.join(MANIFESTS)} expected.", hint="Is the run done?")
        path = inside
    match path.suffix.lower():
        case ".jsonl":
            return _read_lines(path)
        case ".csv":
            rows = read_csv_table(path, ())
            return tuple(row_of_cells(row, f"{path}: row {n}") for n, row in enumerate(rows, start=1))
        case ".parquet":
            return _read_parquet(path)
    raise InputError(f"{path}: no manifest by its ending; .jsonl, .csv or .parquet expected.")


def _read_lines(path: Path) -> tuple[ManifestRow, ...]:
    try:
        size = path.stat().st_size
        require_room(path, _BYTES_A_LETTER * size, f"{size} bytes of JSON", most=math.inf)
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            raise InputError(f"{where} is no JSON; a row of a manifest expected.", hint="Resume the run.") from None
        found.append(row_of_json(document, where))
    return tuple(found)


def _write_parquet(path: Path, cells: Sequence[dict[str, Cell]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types: dict[Kind, object] = {
        "text": pa.string(),
        "json": pa.string(),
        "whole": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    with atomic_path(path) as hidden:
        parquet.write_table(pa.Table.from_pylist(cells, schema=schema), hidden)


def _read_parquet(path: Path) -> tuple[ManifestRow, ...]:
    from pyarrow import parquet

    if not path.is_file():
        raise InputError(f"{path}: no such file; a manifest expected.", hint="Check the path.")
    with reading(path):
        require_parquet_room(path)
        rows = cast("list[dict[str, Cell]]", parquet.read_table(path).to_pylist())
    return tuple(row_of_cells(row, f"{path}: row {n}") for n, row in enumerate(rows, start=1))
