"""Clips of the faces in a video, extracted in one pass.

Frames are buffered between two detections, a third of a second apart, so that boxes can be interpolated; then they are
cropped and dropped. Memory does not grow with the resolution and length of the video beyond its crops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError, MissingError
from vision_cli.core.runs import interrupts
from vision_cli.io.faces.detection import Box, FaceDetector
from vision_cli.io.faces.tracking import DETECTION_INTERVAL_S, LONGEST_GAP_S, FaceTracker, Track
from vision_cli.io.videos.videos import Frame, VideoReader
from vision_cli.phantoms.arrays import Floats
from vision_cli.rppg_adapt.faces.background import Surroundings
from vision_cli.rppg_adapt.faces.crops import CROP_SIZE, area_crop, exposure, skin_trace, skin_weights
from vision_cli.rppg_adapt.options import FaceDetection

LEAST_SECONDS, SHORT_SECONDS = 5.0, 10.0
LEAST_COVERAGE = 0.7
SLOWEST_FPS = 3.0
"""Lowest frame rate, in frames per second: at 0.8 of its Nyquist frequency it resolves 72 bpm."""

_MOST_SATURATED = 0.2
_LARGEST_BUFFER = 64
_FULL_SEARCH_EVERY = 3
_SMOOTHING = 0.7
_SHORTEST_TRACK = 0.1
_LEAST_SIMILARITY = 0.6


class FrameSource(Protocol):
    """Frames of a video file, a folder of pictures or an array; ``damage`` as in `VideoReader`."""

    damage: str | None

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the frames for the user."""
        ...

    @property
    def is_gray(self) -> bool:
        """Whether the frames have one channel only."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Iterate over the frames in temporal order."""
        ...


class NoFace(MissingError):
    """No face is seen in 70 % of the frames; exit code 4."""


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
        ``(S, S)`` mean skin weights in [0, 1].
    fps
        Frames per second: the reciprocal of the median frame interval.
    dropped
        Number of frames that are missing between others, by their times.
    is_gray
        Whether all channels are equal.
    notes
        Notes for the user.
    damage
        Why the rest of the video cannot be decoded, or None.
    background
        ``(N, 3)`` mean red, green and blue of the picture away from all faces and what is below them; None if there is
        hardly any.
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
    background: NDArray[np.float64] | None = None

    @property
    def has_pictures(self) -> bool:
        """Whether there are crops: those of a clip that was read from a table are one pixel."""
        return bool(self.frames.shape[1] > 1)

    @property
    def seen_share(self) -> float:
        """Share of the clip's frames in which the face is seen."""
        return float(self.is_seen.mean())

    @property
    def coverage(self) -> float:
        """Share of the clip's time in which the face is seen: as `seen_share`, but gaps between frames count too."""
        steps = np.diff(self.times)
        gaps = steps[steps > max(LONGEST_GAP_S, 1.5 / self.fps)] - 1 / self.fps
        return self.seen_share * (1 - float(gaps.sum()) / self.seconds)

    @property
    def seconds(self) -> float:
        """Duration from the first frame to the end of the last."""
        return float(self.times[-1] - self.times[0]) + 1 / self.fps


@dataclass
class _ClipBuilder:
    """The growing clip of one face.

    Attributes
    ----------
    size
        Rows and columns of the crops.
    first
        Index of the first frame.
    """

    size: int
    first: int
    frames: list[NDArray[np.uint8]] = field(default_factory=list)
    traces: list[NDArray[np.float64]] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    weights: Floats | None = None
    total: Floats | None = None
    saturated: list[float] = field(default_factory=list)
    dark: list[bool] = field(default_factory=list)
    similarity: list[float] = field(default_factory=list)
    reference: Floats | None = None

    def add(self, frames: list[Frame], boxes: NDArray[np.float64], *, is_detected: bool) -> None:
        """Add the crops of frames by boxes ``(N, 4)``; ``is_detected`` if the last box is a new detection."""
        crops = [area_crop(frame.pixels, box, self.size) for frame, box in zip(frames, boxes, strict=True)]
        if self.reference is None:
            self.reference = crops[0]
        self.similarity += [_correlation(crop, self.reference) for crop in crops]
        if is_detected:
            self.reference = _SMOOTHING * self.reference + (1 - _SMOOTHING) * crops[-1]
        current = skin_weights(np.mean(crops, axis=0))
        before = current if self.weights is None else self.weights
        after = current if self.weights is None else _SMOOTHING * self.weights + (1 - _SMOOTHING) * current
        # Weights are interpolated like boxes: a step in the weights would be a step in the trace.
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
    detection: FaceDetection | None = None,
    faces: int = 1,
    roi: tuple[float, float, float, float] | None = None,
    size: int = CROP_SIZE,
) -> list[FaceClip]:
    """Return the clips of the faces in a video, largest face first.

    Parameters
    ----------
    path
        Video, or folder of pictures.
    fps
        Frames per second, instead of the video's times.
    detection
        Settings of the face detector; the defaults if None.
    faces
        Maximum number of faces.
    roi
        Left, top, width and height of a fixed box in pixels, instead of detected faces.
    size
        Rows and columns of the crops.

    Raises
    ------
    InputError
        If the video cannot be read, or less than five seconds of it can.
    NoFace
        If no face is seen in 70 % of the frames.
    """
    with VideoReader(path, fps=fps) as video:
        return extract_faces(video, str(path), detection=detection, faces=faces, roi=roi, size=size)


def extract_faces(
    video: FrameSource,
    name: str,
    *,
    detection: FaceDetection | None = None,
    faces: int = 1,
    roi: tuple[float, float, float, float] | None = None,
    size: int = CROP_SIZE,
) -> list[FaceClip]:
    """Return the clips of the faces in frames of any source; as `read_faces`, with the ``name`` of error messages."""
    settings = detection or FaceDetection()
    detect = None if roi is not None else FaceDetector(settings.detector, settings.face_model)
    tracker = FaceTracker()
    builders: dict[int, _ClipBuilder] = {}
    times: list[float] = []
    surroundings = Surroundings()
    for number, buffer in enumerate(_buffers(iter(video))):
        interrupts.check()
        last = buffer[-1]
        if detect is None:
            assert roi is not None
            tracker.update(last.time_s, [np.array(roi, dtype=np.float64)])
        else:
            if not times:
                # A track begins with the first frame.
                tracker.update(buffer[0].time_s, [face.box for face in detect(buffer[0].pixels)])
            if len(buffer) > 1 or times:
                # Only a search of all sizes finds new faces of other sizes than the known ones.
                known = tracker.current_boxes() if number % _FULL_SEARCH_EVERY else ()
                tracker.update(last.time_s, [face.box for face in detect(last.pixels, known)])
        frame_times = np.array([frame.time_s for frame in buffer])
        for track in tracker.tracks:
            builder = builders.setdefault(track.number, _ClipBuilder(size, len(times)))
            builder.add(buffer, track.boxes_at(frame_times), is_detected=track.times[-1] == last.time_s)
        times += frame_times.tolist()
        surroundings.add(buffer, [track.boxes_at(frame_times[[0, -1]]) for track in tracker.tracks])
        # The next frames are decoded before these names are assigned again, and full frames are large.
        del buffer, last
    _require_length(name, times, video.damage)
    clips = _finish_clips(np.array(times), tracker.tracks, builders, video, faces, surroundings.trace())
    if not clips:
        raise NoFace(
            f"{name}: no face found in {len(times)} frames; a face expected.",
            hint="Give its box with --roi x,y,w,h, or try --detector lbp.",
        )
    if clips[0].seen_share < LEAST_COVERAGE:
        raise NoFace(
            f"{name}: a face in {100 * clips[0].seen_share:.0f} % of the frames found; "
            f"{100 * LEAST_COVERAGE:.0f} % expected.",
            hint="Cut the video to the part with the face, or give its box with --roi x,y,w,h.",
        )
    return [clip for clip in clips if clip.seen_share >= LEAST_COVERAGE]


def _buffers(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    """Iterate over successive frames in buffers that each end with a frame for the detector."""
    buffer: list[Frame] = []
    start: float | None = None
    for frame in frames:
        buffer.append(frame)
        start = frame.time_s if start is None else start
        if frame.time_s - start >= DETECTION_INTERVAL_S - 1e-6 or len(buffer) >= _LARGEST_BUFFER:
            yield buffer
            buffer, start = [], frame.time_s
    if buffer:
        yield buffer


def _require_length(name: str, times: list[float], damage: str | None) -> None:
    seconds = times[-1] - times[0] if len(times) > 1 else 0.0
    # The last frame of a video of five seconds is a little earlier.
    if seconds < 0.98 * LEAST_SECONDS - 0.05:
        cause = f"; {damage}" if damage else ""
        raise InputError(
            f"{name}: {seconds:.1f} s of video found{cause}; {LEAST_SECONDS:g} s or more expected.",
            hint="Record for longer, ten seconds or more: a heart rate needs several beats.",
        )


def _finish_clips(
    times: NDArray[np.float64],
    tracks: list[Track],
    builders: dict[int, _ClipBuilder],
    video: FrameSource,
    faces: int,
    background: NDArray[np.float64] | None,
) -> list[FaceClip]:
    """Return the clips of the largest and most often seen faces, at most ``faces``."""
    shortest = _SHORTEST_TRACK * len(times) * DETECTION_INTERVAL_S / _duration(times)
    long = [track for track in tracks if len(track.times) >= shortest]
    ordered = sorted(long, key=lambda track: -track.mean_width * len(track.times))
    steps = np.diff(times)
    step = float(np.median(steps))
    dropped = int(np.sum(np.maximum(np.rint(steps / step) - 1, 0)))
    common_notes = list(video.notes)
    if len(ordered) > faces:
        common_notes.append(f"{len(ordered)} faces found; {faces} read, the largest first")
    clips = []
    for number, track in enumerate(ordered[:faces]):
        builder = builders[track.number]
        clip_times = times[builder.first :]
        frames, traces = np.stack(builder.frames), np.stack(builder.traces)
        # Near a detection, a frame without one counts as seen if its crop is similar to those with one.
        seen = track.is_seen(clip_times, 2 * LONGEST_GAP_S) & (np.array(builder.similarity) >= _LEAST_SIMILARITY)
        is_gray = video.is_gray or _is_gray(frames)
        notes = [*common_notes, *_notes(builder, is_gray and not video.is_gray)]
        if builder.first:
            notes.append(f"the face is seen from {clip_times[0]:.1f} s on")
        total = builder.total if builder.total is not None else np.ones((builder.size,) * 2, np.float32)
        clips.append(
            FaceClip(
                number,
                clip_times,
                frames,
                _interpolate_unseen(clip_times, traces, seen),
                np.stack(builder.boxes),
                seen,
                total / max(float(total.max()), 1e-6),
                1 / step,
                dropped,
                is_gray,
                tuple(notes),
                video.damage,
                None if background is None else background[builder.first :],
            )
        )
    return clips


def _correlation(crop: Floats, other: Floats) -> float:
    """Return the correlation of two crops ``(S, S, 3)``; without contrast, 1 if they are equal and 0 otherwise."""
    x, y = crop - crop.mean(), other - other.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 1e-3 else float(np.abs(crop - other).max() < 1)


def _duration(times: NDArray[np.float64]) -> float:
    return max(float(times[-1] - times[0]), 1e-3)


def _is_gray(frames: NDArray[np.uint8]) -> bool:
    middle = frames[:: max(1, len(frames) // 8)].astype(int)
    return bool(np.abs(middle[..., 0] - middle[..., 2]).max() <= 1)


def _notes(builder: _ClipBuilder, is_gray: bool) -> list[str]:
    notes = []
    if is_gray:
        notes.append("red, green and blue are the same: methods that compare colours cannot work")
    if np.mean(builder.saturated) > _MOST_SATURATED:
        notes.append(
            f"{100 * np.mean(builder.saturated):.0f} % of the skin is white: too much light to see a pulse there"
        )
    if np.mean(builder.dark) > 0.5:
        notes.append("the skin is almost black: more light is needed")
    return notes


def _interpolate_unseen(
    times: NDArray[np.float64], traces: NDArray[np.float64], seen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return traces ``(N, 3)`` with frames in which the face is not seen interpolated linearly."""
    if seen.all() or not seen.any():
        return traces
    return np.stack([np.interp(times, times[seen], column[seen]) for column in traces.T], axis=1)


def resample_traces(clip: FaceClip, fps: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times ``(T,)`` at ``fps`` samples per second, and a clip's traces there by cubic splines, ``(T, 3)``."""
    from scipy.interpolate import CubicSpline

    count = int(np.floor((clip.times[-1] - clip.times[0]) * fps + 1e-6)) + 1
    times = clip.times[0] + np.arange(count) / fps
    return times, np.asarray(CubicSpline(clip.times, clip.traces)(times))


def resample_clip(clip: FaceClip, fps: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
    """Return a clip at ``fps`` frames per second: times ``(T,)``, traces ``(T, 3)``, frames ``(T, S, S, 3)``.

    Traces are interpolated by cubic splines, frames linearly.
    """
    times, traces = resample_traces(clip, fps)
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
