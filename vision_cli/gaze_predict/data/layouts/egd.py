"""EGD-CXR (Karargyris et al. 2021): fixations of one radiologist on a screen, and timed dictations.

::

    master_sheet.csv                                          dicom_id, patient_id, image_{top,bottom,left,right}_pad
    fixations.csv, or eye_gaze.csv (400 MB)                   DICOM_ID, FPOGX, FPOGY, FPOGS, FPOGD, FPOGID, FPOGV
    audio_segmentation_transcripts/<dicom>/transcript.json    time_stamped_text: phrase, begin_time, end_time

FPOGX and FPOGY are fractions of a screen of 1920 × 1080 that shows the film between its pads. Without pads the columns
X_ORIGINAL and Y_ORIGINAL, in pixels of the film, are used. Either table is read in pieces; of the rows of one fixation
the last counts, which has its whole duration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.data.readings import (
    Floats,
    GazeSource,
    Spoken,
    number,
    require_columns,
    sentences,
    spoken_paths,
    unit_points,
    usable,
)
from vision_cli.gaze_predict.values import Recording
from vision_cli.io.pictures.folders import inside
from vision_cli.io.reading import read_json, reading
from vision_cli.io.tables.tables import read_csv_table

if TYPE_CHECKING:
    import pandas as pd

SCREEN = (1920, 1080)
PADS = ("image_left_pad", "image_right_pad", "image_top_pad", "image_bottom_pad")
TRANSCRIPTS = "audio_segmentation_transcripts"

_KEYS = ("DICOM_ID", "FPOGID")
_NUMBERS = ("FPOGX", "FPOGY", "FPOGS", "FPOGD", "FPOGV", "X_ORIGINAL", "Y_ORIGINAL")
_NEEDED = ("DICOM_ID", "FPOGX", "FPOGY", "FPOGS", "FPOGD", "FPOGID")
_ROWS = 100_000


def is_egd(root: Path) -> bool:
    """Return whether a folder has the tables of EGD."""
    return (root / "master_sheet.csv").is_file() and (root / TRANSCRIPTS).is_dir()


def read_egd(root: Path, source: GazeSource, *, subject: str = "") -> list[Recording]:
    """Read the sentences of all films.

    Parameters
    ----------
    root
        The folder.
    source
        What is shared.
    subject
        The patient, where the table does not say so.

    Raises
    ------
    InputError
        If a table is missing, damaged or lacks columns.
    """
    sheet = root / "master_sheet.csv"
    rows = read_csv_table(sheet, ["dicom_id"])
    tables = [path for name in ("fixations.csv", "eye_gaze.csv") if (path := root / name).is_file()]
    if not tables:
        raise InputError(f"{root}: neither fixations.csv nor eye_gaze.csv; one expected.", hint="Download it too.")
    gaze = _fixations(tables[0])
    return [one for row in rows for one in _sentences(root, tables[0], row, gaze.get(row["dicom_id"]), source, subject)]


def _sentences(
    root: Path,
    table: Path,
    row: Mapping[str, str],
    gaze: pd.DataFrame | None,
    source: GazeSource,
    subject: str,
) -> Iterator[Recording]:
    name = row["dicom_id"]
    folder = inside(root / TRANSCRIPTS, name)
    transcript = None if folder is None else folder / "transcript.json"
    if gaze is None or transcript is None or not transcript.is_file():
        source.findings.leave_out(name, f"not in {table.name}" if gaze is None else "no transcript.json")
        return
    film = source.films.find(name)
    pads = [number(row.get(pad)) for pad in PADS]
    if np.isfinite(pads).all():
        points = _on_film(gaze, pads)
    elif "X_ORIGINAL" in gaze and film is not None:
        points = unit_points(table, gaze["X_ORIGINAL"], gaze["Y_ORIGINAL"], source.films.size(film))
    else:
        source.findings.leave_out(name, f"no {', '.join(PADS)}, nor X_ORIGINAL and a film of known size")
        return
    starts = gaze["FPOGS"].to_numpy(np.float64)
    fixations = usable(source, name, points, starts, starts + gaze["FPOGD"].to_numpy(np.float64))
    if fixations is None:
        return
    said = sentences(source, name, _phrases(transcript))
    for order, text, path in spoken_paths(source, name, fixations, said):
        yield Recording(f"{name}/{order}", film, text, path, subject=row.get("patient_id") or subject)


def _on_film(gaze: pd.DataFrame, pads: list[float]) -> Floats:
    left, right, top, bottom = pads
    x = (gaze["FPOGX"].to_numpy(np.float64) * SCREEN[0] - left) / (SCREEN[0] - left - right)
    y = (gaze["FPOGY"].to_numpy(np.float64) * SCREEN[1] - top) / (SCREEN[1] - top - bottom)
    return np.stack([x, y], axis=1)


def _fixations(path: Path) -> dict[str, pd.DataFrame]:
    """Return a row a valid fixation, by film."""
    import pandas as pd

    wanted = {*_KEYS, *_NUMBERS}
    kept: list[Any] = []
    with reading(path):
        columns = [name.strip() for name in pd.read_csv(path, nrows=0, encoding="utf-8-sig").columns]
        require_columns(path, columns, _NEEDED)
        pieces = pd.read_csv(
            path,
            encoding="utf-8-sig",
            chunksize=_ROWS,
            usecols=lambda name: name.strip() in wanted,
            dtype=str,
            keep_default_na=False,
        )
        for piece in pieces:
            piece.columns = [name.strip() for name in piece.columns]
            for name in piece.columns.intersection(_NUMBERS):
                piece[name] = pd.to_numeric(piece[name], errors="coerce")
            valid = piece[piece["FPOGV"] == 1] if "FPOGV" in piece else piece
            kept.append(valid.drop_duplicates(list(_KEYS), keep="last"))
    if not kept:
        return {}
    # A fixation may go on in the next piece.
    joined = pd.concat(kept, ignore_index=True).drop_duplicates(list(_KEYS), keep="last")
    return {str(name): rows for name, rows in joined.groupby("DICOM_ID", sort=False)}


def _phrases(path: Path) -> list[Spoken]:
    document = read_json(path)
    listed = document.get("time_stamped_text") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise InputError(f"{path}: no list time_stamped_text; one expected.", hint="Is it a transcript of EGD?")
    found = []
    for one in listed:
        if not isinstance(one, dict) or not {"phrase", "begin_time", "end_time"} <= one.keys():
            raise InputError(f"{path}: an entry without phrase, begin_time and end_time; all three expected.")
        found.append(Spoken(str(one["phrase"]), number(str(one["begin_time"])), number(str(one["end_time"]))))
    return found
