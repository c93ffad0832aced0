"""From a data set to a cache: every video is read once, its faces cut out, its labels brought to the frames."""

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
from vision_cli.rppg_adapt.faces.extraction import FaceClip, cut_faces
from vision_cli.rppg_adapt.options import Preprocessing

_ROW = ("subject", "fps", "frames", "seconds", "has_label", "coverage", "file")


def preprocess(run: Run, recordings: Sequence[Recording], settings: Preprocessing, output: Output) -> None:
    """Write the clip of every recording that is not done yet.

    Parameters
    ----------
    run
        The open run; with `write_index` it becomes the cache.
    recordings
        All of the data set.
    settings, output
        How, and where progress is shown.
    """
    run.each(
        recordings,
        lambda recording: _preprocess_one(run, recording, settings),
        name=lambda recording: recording.id,
        what="videos",
        output=output,
    )


def write_index(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the index of a cache: where the clips lie and what is known of them."""
    good = [entry for entry in entries if entry.error is None]
    meta = list(dict.fromkeys(name for entry in good for name in entry.row if name not in _ROW))
    columns = ("id", *_ROW, *meta)
    rows = [{**entry.row, "id": entry.id, "file": run.path_of(entry, str(entry.row["file"]))} for entry in good]
    run.write_csv(INDEX, columns, [[row.get(column) for column in columns] for row in rows])


def _preprocess_one(run: Run, recording: Recording, settings: Preprocessing) -> dict[str, object]:
    clip = _read(recording, settings)
    label = None if recording.label is None else recording.label(clip.times)
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
    source = recording.open()
    roi = None
    if recording.shows_face_only:
        first = next(iter(recording.open())).pixels
        roi = (0.0, 0.0, float(first.shape[1]), float(first.shape[0]))
    try:
        clips = cut_faces(
            source,
            str(recording.path),
            finding=settings.finding,
            roi=roi,
            size=settings.size,
        )
    finally:
        if isinstance(source, VideoReader):
            source.__exit__()
    if clips[0].damage and recording.label is not None:
        raise InputError(f"{recording.path}: {clips[0].damage}.", hint="Copy the file again.")
    return clips[0]
