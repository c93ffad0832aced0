"""From a video to clips of its faces, in one pass: frames are dropped as soon as they are cut.

Between two looks of the detector frames wait, so that boxes can move on a line to where the face is found next; no more
than a third of a second of a video is ever in memory, however long it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, MissingError
from vision_cli.core.runs import interrupts
from vision_cli.io.videos.videos import Frame, VideoReader
from vision_cli.phantoms.arrays import Floats
from vision_cli.rppg_adapt.faces.crops import CROP_SIZE, area_crop, exposure, skin_trace, skin_weights
from vision_cli.rppg_adapt.faces.detection import DETECTION_S, LONGEST_GAP_S, Box, FaceDetector, Track, Tracker
from vision_cli.rppg_adapt.options import FaceFinding

LEAST_SECONDS, SHORT_SECONDS = 5.0, 10.0
LEAST_COVERAGE = 0.7

_MOST_SATURATED = 0.2
_MOST_FRAMES_WAITING = 64
_FULL_LOOKS = 3
_MEMORY = 0.7
_LEAST_TRACK = 0.1
_LEAST_LIKENESS = 0.6


class FrameSource(Protocol):
    """Frames from anywhere: a file, a folder, an array."""

    damage: str | None

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on the frames for the user."""
        ...

    @property
    def is_gray(self) -> bool:
        """Whether there is one channel alone."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Give the frames in their order."""
        ...


class NoFace(MissingError):
    """No face is seen in enough of a video; exit code 4."""


@dataclass(frozen=True)
class FaceClip:
    """One face through a video.

    Attributes
    ----------
    number
        0 is the largest face.
    times
        ``(N,)`` seconds since the first frame of the video.
    frames
        ``(N, S, S, 3)`` uint8 crops.
    traces
        ``(N, 3)`` mean red, green and blue of the skin.
    boxes
        ``(N, 4)`` left, top, width, height in pixels.
    is_seen
        ``(N,)`` whether the face was detected within half a second.
    skin
        ``(S, S)`` mean weights of the places.
    fps
        Frames a second: the median of the distances in time.
    dropped
        Frames that are missing between others.
    is_gray
        Whether the channels are one.
    notes
        Remarks for the user.
    damage
        Why the video ended before its end, or None.
    """

    number: int
    times: NDArray[np.float64]
    frames: NDArray[np.uint8]
    traces: NDArray[np.float64]
    boxes: NDArray[np.float64]
    is_seen: NDArray[np.bool_]
    skin: Floats
    fps: float
    dropped: int
    is_gray: bool
    notes: tuple[str, ...] = ()
    damage: str | None = None

    @property
    def coverage(self) -> float:
        """Share of the frames in which the face is seen."""
        return float(self.is_seen.mean())

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last."""
        return float(self.times[-1] - self.times[0]) + 1 / self.fps


@dataclass
class _Cutter:
    """Cuts one face out of the frames."""

    size: int
    first: int
    frames: list[NDArray[np.uint8]] = field(default_factory=list)
    traces: list[NDArray[np.float64]] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    weights: Floats | None = None
    total: Floats | None = None
    saturated: list[float] = field(default_factory=list)
    dark: list[bool] = field(default_factory=list)
    likeness: list[float] = field(default_factory=list)
    reference: Floats | None = None

    def cut(self, frames: list[Frame], boxes: NDArray[np.float64], *, is_found: bool) -> None:
        crops = [area_crop(frame.pixels, box, self.size) for frame, box in zip(frames, boxes, strict=True)]
        if self.reference is None:
            self.reference = crops[0]
        self.likeness += [_likeness(crop, self.reference) for crop in crops]
        if is_found:
            self.reference = _MEMORY * self.reference + (1 - _MEMORY) * crops[-1]
        found = skin_weights(np.mean(crops, axis=0))
        before = found if self.weights is None else self.weights
        after = found if self.weights is None else _MEMORY * self.weights + (1 - _MEMORY) * found
        # Weights move on a line too: a step of them would be a step of the trace.
        for k, (crop, box) in enumerate(zip(crops, boxes, strict=True), start=1):
            share = k / len(crops)
            self.traces.append(skin_trace(crop, (1 - share) * before + share * after))
            self.frames.append(np.clip(np.rint(crop), 0, 255).astype(np.uint8))
            self.boxes.append(box)
        self.weights = after
        self.total = after if self.total is None else self.total + after
        saturated, dark = exposure(crops[-1], after)
        self.saturated.append(saturated)
        self.dark.append(dark)


def read_faces(
    path: Path,
    *,
    fps: float | None = None,
    finding: FaceFinding | None = None,
    faces: int = 1,
    roi: tuple[float, float, float, float] | None = None,
    size: int = CROP_SIZE,
) -> list[FaceClip]:
    """Find the faces of a video and cut them out, largest first.

    Parameters
    ----------
    path
        Video, or folder of pictures.
    fps
        Rate to take instead of the video's times.
    finding
        How faces are found.
    faces
        How many faces are wanted.
    roi
        Left, top, width and height of a box to take instead of faces, in pixels.
    size
        Rows and columns of the crops.

    Raises
    ------
    InputError
        If the video cannot be read, or less than five seconds of it can.
    NoFace
        If no face is seen in 70 % of it.
    """
    with VideoReader(path, fps=fps) as video:
        return cut_faces(video, str(path), finding=finding, faces=faces, roi=roi, size=size)


def cut_faces(
    video: FrameSource,
    name: str,
    *,
    finding: FaceFinding | None = None,
    faces: int = 1,
    roi: tuple[float, float, float, float] | None = None,
    size: int = CROP_SIZE,
) -> list[FaceClip]:
    """Find the faces of frames from anywhere; otherwise as `read_faces`, ``name`` stands in errors."""
    how = finding or FaceFinding()
    find = None if roi is not None else FaceDetector(how.detector, how.face_model)
    tracker = Tracker()
    cutters: dict[int, _Cutter] = {}
    times: list[float] = []
    for number, waiting in enumerate(_looks(iter(video))):
        interrupts.check()
        last = waiting[-1]
        if find is None:
            assert roi is not None
            tracker.update(last.time_s, [np.array(roi, dtype=np.float64)])
        else:
            if not times:
                # The first box stands from the first frame on.
                tracker.update(waiting[0].time_s, find(waiting[0].pixels))
            if len(waiting) > 1 or times:
                # Who comes later is seen at the next full look.
                known = tracker.present() if number % _FULL_LOOKS else ()
                tracker.update(last.time_s, find(last.pixels, known))
        moments = np.array([frame.time_s for frame in waiting])
        for track in tracker.tracks:
            cutter = cutters.setdefault(track.number, _Cutter(size, len(times)))
            cutter.cut(waiting, track.at(moments), is_found=track.times[-1] == last.time_s)
        times += moments.tolist()
        # Full frames are large, and the next ones are decoded before the names are taken again.
        del waiting, last
    _require_length(name, times, video.damage)
    clips = _finished(np.array(times), tracker.tracks, cutters, video, faces)
    if not clips:
        raise NoFace(
            f"{name}: no face found in {len(times)} frames; a face expected.",
            hint="Say where it is with --roi x,y,w,h, or try --detector lbp.",
        )
    if clips[0].coverage < LEAST_COVERAGE:
        raise NoFace(
            f"{name}: a face in {100 * clips[0].coverage:.0f} % of the frames; {100 * LEAST_COVERAGE:.0f} % expected.",
            hint="Cut the part with the face out, or say where it is with --roi x,y,w,h.",
        )
    return [clip for clip in clips if clip.coverage >= LEAST_COVERAGE]


def _looks(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    """Gather frames up to the next look of the detector."""
    waiting: list[Frame] = []
    start: float | None = None
    for frame in frames:
        waiting.append(frame)
        start = frame.time_s if start is None else start
        if frame.time_s - start >= DETECTION_S - 1e-6 or len(waiting) >= _MOST_FRAMES_WAITING:
            yield waiting
            waiting, start = [], frame.time_s
    if waiting:
        yield waiting


def _require_length(name: str, times: list[float], damage: str | None) -> None:
    seconds = times[-1] - times[0] if len(times) > 1 else 0.0
    # A video of five seconds has its last frame a little earlier.
    if seconds < 0.98 * LEAST_SECONDS - 0.05:
        cause = f"; {damage}" if damage else ""
        raise InputError(
            f"{name}: {seconds:.1f} s of video{cause}; {LEAST_SECONDS:g} s or more expected.",
            hint="A rate needs several beats: film for longer, ten seconds or more.",
        )


def _finished(
    times: NDArray[np.float64], tracks: list[Track], cutters: dict[int, _Cutter], video: FrameSource, faces: int
) -> list[FaceClip]:
    long = [track for track in tracks if len(track.times) >= _LEAST_TRACK * len(times) * DETECTION_S / _span(times)]
    ordered = sorted(long, key=lambda track: -track.size * len(track.times))
    steps = np.diff(times)
    step = float(np.median(steps))
    dropped = int(np.sum(np.maximum(np.rint(steps / step) - 1, 0)))
    shared = list(video.notes)
    if len(ordered) > faces:
        shared.append(f"{len(ordered)} faces found; {faces} read, the largest first")
    clips = []
    for number, track in enumerate(ordered[:faces]):
        cutter = cutters[track.number]
        own = times[cutter.first :]
        frames, traces = np.stack(cutter.frames), np.stack(cutter.traces)
        # A detector may miss a face that has not moved, but not one that looks otherwise.
        seen = track.is_seen(own, 2 * LONGEST_GAP_S) & (np.array(cutter.likeness) >= _LEAST_LIKENESS)
        whole = np.concatenate([np.zeros(cutter.first, bool), seen])
        is_gray = video.is_gray or _is_gray(frames)
        notes = [*shared, *_remarks(cutter, is_gray and not video.is_gray)]
        total = cutter.total if cutter.total is not None else np.ones((cutter.size,) * 2, np.float32)
        clip = FaceClip(
            number,
            own,
            frames,
            _bridged(own, traces, seen),
            np.stack(cutter.boxes),
            seen,
            total / max(float(total.max()), 1e-6),
            1 / step,
            dropped,
            is_gray,
            tuple(notes),
            video.damage,
        )
        # A face that came late is missing from all that was before.
        clips.append(clip if whole.all() else _cut_to_seen(clip, whole))
    return clips


def _cut_to_seen(clip: FaceClip, whole: NDArray[np.bool_]) -> FaceClip:
    missing = len(whole) - len(clip.times)
    if missing == 0:
        return clip
    # Coverage is of the whole video: the late part counts as not seen.
    note = f"the face is seen from {clip.times[0]:.1f} s on"
    return replace(clip, notes=(*clip.notes, note))


def _likeness(crop: Floats, other: Floats) -> float:
    """Correlation of two crops ``(S, S, 3)``; 1 of a picture without any contrast like itself."""
    x, y = crop - crop.mean(), other - other.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 1e-3 else float(np.abs(crop - other).max() < 1)


def _span(times: NDArray[np.float64]) -> float:
    return max(float(times[-1] - times[0]), 1e-3)


def _is_gray(frames: NDArray[np.uint8]) -> bool:
    middle = frames[:: max(1, len(frames) // 8)].astype(int)
    return bool(np.abs(middle[..., 0] - middle[..., 2]).max() <= 1)


def _remarks(cutter: _Cutter, is_gray: bool) -> list[str]:
    notes = []
    if is_gray:
        notes.append("red, green and blue are the same: methods that compare colours cannot work")
    if np.mean(cutter.saturated) > _MOST_SATURATED:
        notes.append(
            f"{100 * np.mean(cutter.saturated):.0f} % of the skin is white: too much light to see a pulse there"
        )
    if np.mean(cutter.dark) > 0.5:
        notes.append("the skin is almost black: more light is needed")
    return notes


def _bridged(times: NDArray[np.float64], traces: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Lay lines over frames without a face: what is there is no skin."""
    if seen.all() or not seen.any():
        return traces
    return np.stack([np.interp(times, times[seen], column[seen]) for column in traces.T], axis=1)


def steady_traces(clip: FaceClip, fps: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bring the traces of a clip to equal steps of time: times ``(T,)``, traces ``(T, 3)`` by splines."""
    from scipy.interpolate import CubicSpline

    count = int(np.floor((clip.times[-1] - clip.times[0]) * fps + 1e-6)) + 1
    times = clip.times[0] + np.arange(count) / fps
    return times, np.asarray(CubicSpline(clip.times, clip.traces)(times))


def steady(clip: FaceClip, fps: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
    """Bring a clip to equal steps of time: times ``(T,)``, traces ``(T, 3)`` by splines, frames on lines."""
    times, traces = steady_traces(clip, fps)
    after = np.clip(np.searchsorted(clip.times, times - 1e-9), 1, len(clip.times) - 1)
    share = np.clip((times - clip.times[after - 1]) / (clip.times[after] - clip.times[after - 1]), 0, 1)
    frames = np.empty((len(times), *clip.frames.shape[1:]), np.uint8)
    for k in range(len(times)):
        pair = clip.frames[after[k] - 1], clip.frames[after[k]]
        if share[k] > 0.999:
            frames[k] = pair[1]
        elif share[k] < 0.001:
            frames[k] = pair[0]
        else:
            frames[k] = np.rint(pair[0] * (1 - share[k]) + pair[1] * share[k])
    return times, traces, frames
