"""Face tracks through a video, from boxes that a detector finds every few frames.

Detections are joined into tracks by their overlap; between two detections a box is interpolated linearly. A box is
moved only when the face has moved by more than the jitter of the detector, because a jittering crop adds a false
periodic signal to the colours inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.faces.detection import Box

DETECTION_INTERVAL_S = 1 / 3
"""Usual time between two detections, in seconds."""

LONGEST_GAP_S = 0.5
"""Time without a detection after which a face counts as not seen, in seconds."""

_JITTER = 0.06
"""Movement that counts as jitter, as a share of the width of the box; a change of size may be twice as large."""

_LARGE_MOVEMENT = 0.35
_PARTIAL_STEP = 0.6
_SAME_FACE_IOU = 0.3
_OVERLAPPING_IOU = 0.1


@dataclass
class Track:
    """One face through a video.

    Attributes
    ----------
    number
        From 0, in the order of appearance.
    times
        Times of the detections in seconds.
    boxes
        Boxes at these times, without the detector's jitter.
    """

    number: int
    times: list[float] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    def add(self, time_s: float, box: Box) -> None:
        """Add a detection; the box moves only if the detection differs by more than jitter."""
        if not self.boxes or time_s - self.times[-1] > 2 * LONGEST_GAP_S:
            stable = box
        else:
            stable = self.boxes[-1]
            moved = np.abs(_centre(box) - _centre(stable)).max() / stable[2]
            grown = abs(box[2] - stable[2]) / stable[2]
            if moved > _JITTER or grown > 2 * _JITTER:
                # A full step would make the crop jump; the next detections close the rest of the distance.
                stable = stable + (1 if moved > _LARGE_MOVEMENT else _PARTIAL_STEP) * (box - stable)
        self.times.append(time_s)
        self.boxes.append(stable)

    def boxes_at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the boxes at times ``(N,)`` in seconds, interpolated linearly, ``(N, 4)``."""
        known = np.array(self.times)
        return np.stack([np.interp(times, known, column) for column in np.array(self.boxes).T], axis=1)

    def is_seen(self, times: NDArray[np.float64], reach_s: float = LONGEST_GAP_S) -> NDArray[np.bool_]:
        """Return whether a detection lies within ``reach_s`` of each of the times ``(N,)``, ``(N,)``."""
        known = np.array(self.times)
        after = np.clip(np.searchsorted(known, times), 0, len(known) - 1)
        before = np.clip(after - 1, 0, len(known) - 1)
        nearest = np.minimum(np.abs(known[after] - times), np.abs(known[before] - times))
        return np.asarray(nearest <= reach_s)

    @property
    def mean_width(self) -> float:
        """Mean width of the boxes in pixels."""
        return float(np.mean([box[2] for box in self.boxes]))


class FaceTracker:
    """Assign the detections of a video to tracks by the overlap of their boxes.

    Attributes
    ----------
    tracks
        Tracks of all faces so far.
    """

    def __init__(self) -> None:
        self.tracks: list[Track] = []

    def current_boxes(self) -> list[Box]:
        """Return the boxes of the tracks that the last detections belong to."""
        newest = max((track.times[-1] for track in self.tracks), default=0.0)
        return [track.boxes[-1] for track in self.tracks if track.times[-1] == newest]

    def update(self, time_s: float, detections: Sequence[Box]) -> None:
        """Add the boxes that were detected at a time; boxes of no known face begin new tracks."""
        pairs = sorted(
            (
                (_intersection_over_union(track.boxes[-1], box), track.number, place)
                for track in self.tracks
                for place, box in enumerate(detections)
            ),
            reverse=True,
        )
        assigned: set[int] = set()
        updated: set[int] = set()
        for overlap, number, place in pairs:
            if overlap >= _SAME_FACE_IOU and number not in updated and place not in assigned:
                self.tracks[number].add(time_s, detections[place])
                updated.add(number)
                assigned.add(place)
        for place, box in enumerate(detections):
            if place not in assigned and not any(
                _intersection_over_union(box, detections[other]) > _OVERLAPPING_IOU for other in assigned
            ):
                track = Track(len(self.tracks))
                track.add(time_s, box)
                self.tracks.append(track)


def _centre(box: Box) -> NDArray[np.float64]:
    return np.asarray(box[:2] + box[2:] / 2)


def _intersection_over_union(a: Box, b: Box) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    inside = float(np.prod(np.clip(high - low, 0, None)))
    return inside / float(a[2] * a[3] + b[2] * b[3] - inside)
