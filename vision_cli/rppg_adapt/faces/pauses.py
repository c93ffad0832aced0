"""Pauses of a clip: stretches of time without frames, or without the face in them.

A wave cannot be interpolated over a pause: the phase of the pulse after it is unknown. Each part between two pauses is
estimated by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.faces.extraction import LEAST_SECONDS, FaceClip

LONGEST_MISSING_S = 1.0
"""Longest time between two frames that is interpolated, in seconds: about a beat."""

LONGEST_UNSEEN_S = 2.5
"""Longest time without the face that is interpolated, in seconds; its share lowers the quality of a window."""

_SLOWEST_STEPS = 3
_TOLERANCE = 0.98


@dataclass(frozen=True)
class ClipParts:
    """A clip divided at its pauses.

    Attributes
    ----------
    parts
        The parts that are long enough for a heart rate, in temporal order.
    pauses
        Start and end of each pause, in seconds since the first frame of the video.
    left_out
        Start and end of each part that is too short, in seconds since the first frame of the video.
    what
        What is missing in a pause, for the notes: ``frames of the face``, or ``samples`` of a table.
    """

    parts: tuple[FaceClip, ...]
    pauses: tuple[tuple[float, float], ...]
    left_out: tuple[tuple[float, float], ...]
    what: str = "frames of the face"

    def require_parts(self, name: str) -> None:
        """Raise `InputError`, with ``name``, if no part is long enough."""
        if not self.parts:
            raise InputError(
                f"{name}: no part of {LEAST_SECONDS:g} s between pauses found; one or more expected.",
                hint="Record without pauses.",
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, for the user."""
        said = []
        if self.pauses:
            said.append(
                f"no {self.what} {_spans(self.pauses)}: the {len(self.parts)} "
                f"part{'s' if len(self.parts) != 1 else ''} of {LEAST_SECONDS:g} s or more "
                f"between the pauses {'were' if len(self.parts) != 1 else 'was'} read separately"
            )
        if self.left_out:
            said.append(f"too short between pauses, left out: {_spans(self.left_out)}")
        return tuple(said)


def split_at_pauses(clip: FaceClip) -> ClipParts:
    """Return the parts of a clip between its pauses.

    A pause is a step of more than `LONGEST_MISSING_S` between two frames, or more than `LONGEST_UNSEEN_S` without the
    face. A clip without pauses is its only part.
    """
    longest = max(LONGEST_MISSING_S, _SLOWEST_STEPS / clip.fps)
    breaks = np.flatnonzero(np.diff(clip.times) > longest) + 1
    unseen = [span for span in _runs(~clip.is_seen) if clip.times[span[1] - 1] - clip.times[span[0]] > LONGEST_UNSEEN_S]
    if not len(breaks) and not unseen:
        return ClipParts((clip,), (), ())
    kept = np.ones(len(clip.times), bool)
    for first, end in unseen:
        kept[first:end] = False
    starts = np.zeros(len(clip.times), bool)
    starts[[0, *breaks, *(end for _, end in unseen if end < len(starts))]] = True
    parts, left_out, spans = [], [], []
    for first, end in _runs(kept):
        edges = [first, *(int(k) for k in np.flatnonzero(starts) if first < k < end), end]
        for start, stop in itertools.pairwise(edges):
            span = float(clip.times[start]), float(clip.times[stop - 1])
            spans.append(span)
            if span[1] - span[0] < _TOLERANCE * LEAST_SECONDS - 0.05:
                left_out.append(span)
            else:
                parts.append(_part(clip, start, stop))
    ends = [(clip.times[0], clip.times[0]), *spans, (clip.times[-1], clip.times[-1])]
    pauses = [(float(a[1]), float(b[0])) for a, b in itertools.pairwise(ends) if b[0] - a[1] > longest]
    what = "frames of the face" if clip.has_pictures else "samples"
    return ClipParts(tuple(parts), tuple(pauses), tuple(left_out), what)


def longest_part(clip: FaceClip, name: str) -> FaceClip:
    """Return the longest part of a clip between its pauses, with a note on what was left out.

    Raises
    ------
    InputError
        If no part is long enough; with ``name``.
    """
    divided = split_at_pauses(clip)
    divided.require_parts(name)
    if divided.parts[0] is clip:
        return clip
    longest = max(divided.parts, key=lambda part: part.seconds)
    said = f"no {divided.what} {_spans(divided.pauses)}: the longest part, of {longest.seconds:.1f} s, was kept"
    return replace(longest, notes=(*clip.notes, said))


def _part(clip: FaceClip, start: int, stop: int) -> FaceClip:
    inside = slice(start, stop)
    times = clip.times[inside]
    return replace(
        clip,
        times=times,
        # Two recordings in one file may have two frame rates.
        fps=1 / float(np.median(np.diff(times))),
        frames=clip.frames[inside],
        traces=clip.traces[inside],
        boxes=clip.boxes[inside],
        is_seen=clip.is_seen[inside],
        background=None if clip.background is None else clip.background[inside],
    )


def _runs(flags: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    """Iterate over the runs of true values as pairs of the first index and the one after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _spans(spans: Iterable[tuple[float, float]], most: int = 5) -> str:
    every = [f"{start:.1f} to {end:.1f} s" for start, end in spans]
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
