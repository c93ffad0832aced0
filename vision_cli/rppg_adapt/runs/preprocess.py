"""``preprocess``: crop the faces of a data set and match labels to frames, into a cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.io.videos.videos import VideoReader
from vision_cli.rppg_adapt.data.cache import CLIPS, INDEX, clip_arrays, write_clip
from vision_cli.rppg_adapt.data.layouts import Recording
from vision_cli.rppg_adapt.faces.crops import st_map
from vision_cli.rppg_adapt.faces.extraction import FaceClip, extract_faces
from vision_cli.rppg_adapt.faces.pauses import longest_part
from vision_cli.rppg_adapt.options import Preprocessing

_ROW = ("subject", "fps", "frames", "seconds", "has_label", "coverage", "file")


def preprocess(run: Run, recordings: Sequence[Recording], settings: Preprocessing, output: Output) -> None:
    """Write the clip of each recording that is not done yet.

    Parameters
    ----------
    run
        The open run; `write_index` completes the cache.
    recordings
        All recordings of the data set.
    settings, output
        Settings, and console for progress.
    """
    run.each(
        recordings,
        lambda recording: _preprocess_one(run, recording, settings),
        name=lambda recording: recording.id,
        what="videos",
        output=output,
    )


def write_index(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the index of a cache: files and metadata of the clips."""
    good = [entry for entry in entries if entry.error is None]
    meta = list(dict.fromkeys(name for entry in good for name in entry.row if name not in _ROW))
    columns = ("id", *_ROW, *meta)
    rows = [{**entry.row, "id": entry.id, "file": run.path_of(entry, str(entry.row["file"]))} for entry in good]
    run.write_csv(INDEX, columns, [[row.get(column) for column in columns] for row in rows])


def _preprocess_one(run: Run, recording: Recording, settings: Preprocessing) -> dict[str, object]:
    clip = longest_part(_read(recording, settings), str(recording.path))
    for note in clip.notes:
        run.warn(f"{recording.id}: {note}")
    label = None if recording.read_label is None else recording.read_label(clip.times)
    arrays = clip_arrays(clip, settings.fps, label, str(recording.path))
    frames: NDArray[np.uint8] = arrays["frames"].astype(np.uint8, copy=False)
    if settings.stmap:
        arrays["stmap"] = st_map(frames)
    name = f"{CLIPS}/{recording.id}.npz"
    meta = {"id": recording.id, "subject": recording.subject, "fps": settings.fps, **recording.meta}
    with run.output(name) as path:
        write_clip(path, arrays, meta)
    return {
        "subject": recording.subject,
        "fps": settings.fps,
        "frames": len(frames),
        "seconds": round(len(frames) / settings.fps, 3),
        "has_label": int(label is not None),
        "coverage": round(clip.coverage, 4),
        "file": name,
        **recording.meta,
    }


def _read(recording: Recording, settings: Preprocessing) -> FaceClip:
    """Return the clip of the largest face; of a recording that is cropped already, the whole picture."""
    source = recording.open()
    roi = None
    if recording.is_cropped:
        first = next(iter(recording.open())).pixels
        roi = (0.0, 0.0, float(first.shape[1]), float(first.shape[0]))
    try:
        clips = extract_faces(
            source,
            str(recording.path),
            detection=settings.detection,
            roi=roi,
            size=settings.size,
        )
    finally:
        if isinstance(source, VideoReader):
            source.__exit__()
    if clips[0].damage and recording.read_label is not None:
        raise InputError(f"{recording.path}: {clips[0].damage}.", hint="Copy the file again.")
    return clips[0]
