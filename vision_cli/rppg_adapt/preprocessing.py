"""From a data set to a cache: every video is read once, its faces cut out, its labels brought to the frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.console import Output
from vision_cli.core.errors import InputError
from vision_cli.core.runs import Run
from vision_cli.core.shards import Shard
from vision_cli.io.videos import VideoReader
from vision_cli.rppg_adapt.crops import CROP_SIZE, st_map
from vision_cli.rppg_adapt.data import CLIPS, INDEX, clip_arrays, write_clip
from vision_cli.rppg_adapt.extraction import FaceClip, cut_faces
from vision_cli.rppg_adapt.faces import Detector
from vision_cli.rppg_adapt.layouts import Recording

_ROW = ("subject", "fps", "frames", "seconds", "has_label", "coverage", "file")


@dataclass(frozen=True)
class Preprocessing:
    """How videos become clips.

    Attributes
    ----------
    size
        Rows and columns of the crops.
    fps
        Frames a second of the clips, whatever the cameras' are.
    detector, face_model
        See :class:`vision_cli.rppg_adapt.faces.FaceDetector`.
    stmap
        Whether spatio-temporal maps are kept too.
    """

    size: int = CROP_SIZE
    fps: float = 30.0
    detector: Detector = "haar"
    face_model: Path | None = None
    stmap: bool = False


def preprocess(
    run: Run,
    recordings: list[Recording],
    settings: Preprocessing,
    output: Output,
    *,
    shard: Shard | None = None,
) -> None:
    """Write the clip of every recording that is not done yet, then the index.

    Parameters
    ----------
    run
        The open run; it becomes the cache.
    recordings
        All of the data set.
    settings, output
        How, and where progress is shown.
    shard
        The part of the recordings to do.
    """
    listed = list(enumerate(recordings))
    mine = listed if shard is None else shard.take(listed)
    done = run.items.done
    with output.progress("videos", len(mine)) as bar:
        for position, recording in mine:
            if recording.id not in done:
                with run.attempt(recording.id, position) as row:
                    row.update(_preprocess_one(run, recording, settings))
            bar.advance(note=recording.id)
    run.finish_items()
    entries = [entry for entry in run.items.entries if entry.error is None]
    meta = list(dict.fromkeys(name for entry in entries for name in entry.row if name not in _ROW))
    columns = ("id", *_ROW, *meta)
    run.write_csv(INDEX, columns, [[entry.id, *(entry.row.get(c) for c in columns[1:])] for entry in entries])


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
            detector=settings.detector,
            face_model=settings.face_model,
            roi=roi,
            size=settings.size,
        )
    finally:
        if isinstance(source, VideoReader):
            source.__exit__()
    if clips[0].damage and recording.label is not None:
        raise InputError(f"{recording.path}: {clips[0].damage}.", hint="Copy the file again.")
    return clips[0]
