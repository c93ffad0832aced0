"""REFLACX (Lanfredi et al. 2022): fixations and timed dictations of five radiologists.

::

    main_data/metadata_phase_{1,2,3}.csv          id, split, eye_tracking_data_discarded, image, image_size_x, ...
    main_data/<id>/fixations.csv                  timestamp_{start,end}_fixation (s), {x,y}_position (px of the film),
                                                  angular_resolution_{x,y}_pixels_per_degree
    main_data/<id>/timestamps_transcription.csv   word, timestamp_{start,end}_word; punctuation has rows of its own
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from vision_cli.gaze_predict.data.readings import (
    GazeSource,
    Spoken,
    number,
    require_columns,
    sentences,
    split_named,
    spoken_paths,
    unit_points,
    usable,
)
from vision_cli.gaze_predict.values import Recording
from vision_cli.io.pictures.folders import inside
from vision_cli.io.tables.tables import read_csv_table

METADATA = ("id", "image", "image_size_x", "image_size_y")
FIXATIONS = ("timestamp_start_fixation", "timestamp_end_fixation", "x_position", "y_position")
RESOLUTION = "angular_resolution_x_pixels_per_degree"
WORDS = ("word", "timestamp_start_word", "timestamp_end_word")


def is_reflacx(root: Path) -> bool:
    """Return whether a folder has the tables of REFLACX."""
    return any(_tables(root))


def read_reflacx(root: Path, source: GazeSource) -> list[Recording]:
    """Read the sentences of all readings; those whose eye tracking was discarded are left out.

    Raises
    ------
    InputError
        If a table is damaged or lacks columns, or positions are in another unit.
    """
    found = []
    for table in sorted(_tables(root)):
        found += read_readings(table, table.parent, source)
    return found


def read_readings(table: Path, folder: Path, source: GazeSource, *, subject: str = "") -> list[Recording]:
    """Read the readings that a table lists, from the folders of their ids.

    Parameters
    ----------
    table
        The metadata.
    folder
        Holds a folder an id.
    source
        What is shared.
    subject
        The patient, where the table does not say so.
    """
    rows = read_csv_table(table, ["id"])
    require_columns(table, list(rows[0]), METADATA)
    found: list[Recording] = []
    discarded = 0
    for row in rows:
        if row.get("eye_tracking_data_discarded", "").lower() == "true":
            discarded += 1
            continue
        found += _sentences(table, row, folder, source, subject)
    if discarded:
        source.findings.say(f"{discarded} readings of {table.name} have no eye tracking, which was discarded.")
    return found


def _sentences(
    table: Path, row: Mapping[str, str], folder: Path, source: GazeSource, subject: str
) -> Iterator[Recording]:
    name = row["id"]
    reading = inside(folder, name)
    gaze = None if reading is None else reading / "fixations.csv"
    words = None if reading is None else reading / "timestamps_transcription.csv"
    if gaze is None or words is None or not gaze.is_file() or not words.is_file():
        source.findings.leave_out(name, "no folder with fixations.csv and timestamps_transcription.csv")
        return
    fixes, spoken = read_csv_table(gaze, []), read_csv_table(words, [])
    require_columns(gaze, list(fixes[0]), FIXATIONS)
    require_columns(words, list(spoken[0]), WORDS)
    starts, ends, x, y = ([number(one[column]) for one in fixes] for column in FIXATIONS)
    size = number(row["image_size_x"]), number(row["image_size_y"])
    fixations = usable(source, name, unit_points(gaze, x, y, size), starts, ends)
    if fixations is None:
        return
    said = [Spoken(one["word"], *(number(one[column]) for column in WORDS[1:])) for one in spoken if one["word"]]
    film = source.films.find(row.get("dicom_id") or row["image"])
    resolutions = np.array([number(one.get(RESOLUTION)) for one in fixes]) / size[0]
    degree = float(np.nanmean(resolutions)) if np.isfinite(resolutions).any() else None
    for order, text, path in spoken_paths(source, name, fixations, sentences(source, name, said)):
        yield Recording(
            f"{name}/{order}",
            film,
            text,
            path,
            reader=row.get("reader", ""),
            subject=row.get("subject_id") or subject,
            split=split_named(table, row.get("split", "")),
            degree=degree,
        )


def _tables(root: Path) -> Iterator[Path]:
    for folder in (root, root / "main_data"):
        if folder.is_dir():
            yield from folder.glob("metadata_phase_*.csv")
