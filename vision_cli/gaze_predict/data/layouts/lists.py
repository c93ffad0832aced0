"""Data sets of one file: GazeSearch, the gaze of CXR-P, and tables of one's own.

::

    *.json   GazeSearch (Pham et al. 2025): name, subject (the reader), task, X, Y (px of 224 × 224), T (s), split
    *.pkl    CXR-P (Saab et al. 2021): {"study/series/film.dcm": [(x, y, weight), ...]} in the unit frame
    *.csv    image, text, x, y, duration, and where known order, reader, sentence_id, split, subject, finding
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.data.readings import (
    GazeSource,
    finding_named,
    number,
    require_columns,
    scan_path,
    split_named,
    unit_points,
    usable,
)
from vision_cli.gaze_predict.values import MAP_SIDE, Recording
from vision_cli.io.pickles.pickles import load_arrays
from vision_cli.io.reading import read_json
from vision_cli.io.tables.tables import read_csv_table

COLUMNS = ("image", "text", "x", "y", "duration")
_GAZESEARCH = ("name", "task", "X", "Y", "T")
_HEAD = 1 << 14


def is_gazesearch(path: Path) -> bool:
    """Return whether a file, or the one JSON file of a folder, is GazeSearch."""
    return any(map(_has_scan_paths, _files(path, ".json")))


def read_gazesearch(path: Path, source: GazeSource) -> list[Recording]:
    """Read GazeSearch; the sentence is the name of the finding. Its patients are not known.

    Raises
    ------
    InputError
        If the file is damaged or an entry lacks keys.
    """
    file = _one_file(path, ".json", _has_scan_paths)
    listed = read_json(file)
    if not isinstance(listed, list) or not listed:
        raise InputError(f"{file}: no list of scan paths; one expected.", hint="Give the JSON file of GazeSearch.")
    found = []
    for place, one in enumerate(listed):
        if not isinstance(one, dict) or not set(_GAZESEARCH) <= one.keys():
            keys = ", ".join(map(str, one)) if isinstance(one, dict) else type(one).__name__
            raise InputError(f"{file}: entry {place + 1} has {keys}; {', '.join(_GAZESEARCH)} needed.")
        name = f"{Path(str(one['name'])).stem}/{one['task']}/{one.get('subject', '')}".rstrip("/")
        try:
            x, y, times = (np.asarray(one[key], dtype=np.float64) for key in ("X", "Y", "T"))
            points = unit_points(file, x, y, (MAP_SIDE, MAP_SIDE))
            starts = np.cumsum(times) - times
            fixations = usable(source, name, points, starts, starts + times)
        except (TypeError, ValueError):
            raise InputError(f"{file}: entry {place + 1} has X, Y, T of other lengths or no numbers.") from None
        if fixations is not None:
            task = str(one["task"])
            finding = finding_named(task)
            found.append(
                Recording(
                    name,
                    source.films.find(str(one["name"])),
                    finding or task,
                    scan_path(fixations),
                    finding,
                    reader=str(one.get("subject", "")),
                    split=split_named(file, str(one.get("split", ""))),
                )
            )
    return found


def is_cxr_p(path: Path) -> bool:
    """Return whether a file, or one of a folder, is a pickle."""
    return bool(_files(path, ".pkl") or _files(path, ".pickle"))


def read_cxr_p(path: Path, source: GazeSource) -> list[Recording]:
    """Read the gaze of CXR-P, without sentences; its weights are no seconds, so durations are not known.

    Raises
    ------
    InputError
        If the pickle is damaged, names what is not data, or holds something else.
    """
    file = _one_file(path, ".pkl" if _files(path, ".pkl") else ".pickle")
    content = load_arrays(file)
    if not isinstance(content, dict) or not content:
        raise InputError(f"{file}: a {type(content).__name__}; a dictionary of points by film expected.")
    found = []
    for key, listed in content.items():
        name = Path(str(key).replace("\\", "/")).stem
        try:
            table = np.asarray(listed, dtype=np.float64).reshape(len(listed), -1)
            points = table[:, :2] if table.shape[1] >= 2 else None
        except (TypeError, ValueError):
            points = None
        if points is None:
            raise InputError(f"{file}: points of {key!s} that are no pairs of numbers; x, y, weight expected.")
        unknown = np.full(len(points), np.nan)
        fixations = usable(source, name, points, unknown, unknown)
        if fixations is not None:
            film = source.films.find(name)
            # A study is one visit of one patient, the nearest that the keys tell of one.
            study = str(key).split("/", 1)[0]
            found.append(Recording(name, film, "", scan_path(fixations), subject=study))
    source.findings.say("CXR-P has no sentences, and weights instead of durations; the order is as stored.")
    return found


def is_table(path: Path) -> bool:
    """Return whether a file, or one of a folder, is a table with the columns of gaze."""
    return bool(_tables(path))


def read_table(path: Path, source: GazeSource) -> list[Recording]:
    """Read a table of fixations, a row each.

    Rows of one image, reader and sentence (``sentence_id``, or else the text) are one scan path. Where no ``subject``
    is named, a film is a patient.

    Raises
    ------
    InputError
        If the table is damaged or lacks columns, or positions are in another unit.
    """
    file = path if path.is_file() else (_tables(path) or [path / "gaze.csv"])[0]
    rows = read_csv_table(file, [])
    require_columns(file, list(rows[0]), COLUMNS)
    groups: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in rows:
        key = row["image"], row.get("reader", ""), row.get("sentence_id") or row["text"]
        groups.setdefault(key, []).append(row)
    numbers: dict[tuple[str, str], int] = {}
    found = []
    for (image, reader, _), group in groups.items():
        numbers[image, reader] = count = numbers.get((image, reader), 0) + 1
        own = group[0].get("sentence_id") or f"{count:02d}"
        name = "/".join(word for word in (Path(image).stem, reader, own) if word)
        one = _table_recording(file, name, image, group, source)
        if one is not None:
            found.append(one)
    return found


def _table_recording(
    file: Path, name: str, image: str, rows: list[dict[str, str]], source: GazeSource
) -> Recording | None:
    if all(row.get("order") for row in rows):
        rows = sorted(rows, key=lambda row: number(row["order"]))
    film = source.films.find(image)
    x, y, durations = (np.array([number(row[column]) for row in rows]) for column in COLUMNS[2:])
    if source.coords == "pixel":
        if film is None:
            source.findings.leave_out(name, "no film to tell the size of, in pixels")
            return None
        points = unit_points(file, x, y, source.films.size(film))
    else:
        points = np.stack([x, y], axis=1)
    starts = np.cumsum(np.nan_to_num(durations)) - np.nan_to_num(durations)
    fixations = usable(source, name, points, starts, starts + durations)
    if fixations is None:
        return None
    first: Mapping[str, str] = rows[0]
    return Recording(
        name,
        film,
        first["text"],
        scan_path(fixations),
        finding_named(first.get("finding") or first["text"]),
        reader=first.get("reader", ""),
        subject=first.get("subject") or Path(image).stem,
        split=split_named(file, first.get("split", "")),
    )


def _files(path: Path, suffix: str) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == suffix else []
    found = sorted(path.iterdir()) if path.is_dir() else []
    return [file for file in found if file.suffix.lower() == suffix and file.is_file()]


def _has_scan_paths(file: Path) -> bool:
    return all(f'"{key}"'.encode() in _head(file) for key in _GAZESEARCH)


def _one_file(path: Path, suffix: str, is_meant: Callable[[Path], bool] = lambda _: True) -> Path:
    """Return the only file with an ending; of several, the only one that is meant."""
    files = _files(path, suffix)
    if len(files) > 1:
        files = [file for file in files if is_meant(file)] or files
    if len(files) != 1:
        raise InputError(f"{path}: {len(files)} files *{suffix}; one expected.", hint="Name the file itself.")
    return files[0]


def _tables(path: Path) -> list[Path]:
    names = [name.encode() for name in COLUMNS]
    return [file for file in _files(path, ".csv") if all(name in _head(file).partition(b"\n")[0] for name in names)]


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_HEAD)
