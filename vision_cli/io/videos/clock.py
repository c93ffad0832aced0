"""Times of frames that only grow: clocks that start again, and frames that repeat an earlier time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")

RESTART_GAP_S = 2.0
"""Time that is put between two recordings in one file, in seconds; the true one is unknown."""

_STEP_BACK_S = 1.0
_CONTINUES_S = 1.0
_LEAST_STEP_S = 1e-7


@dataclass
class GrowingClock(Generic[Item]):
    """Give frames growing times.

    A frame before the last one is the first of another recording if the next frame follows it; otherwise it is left
    out. The other recording follows the first after `RESTART_GAP_S`.

    Attributes
    ----------
    restarts
        Number of frames before each start of another recording.
    left_out
        Number of frames that repeat an earlier time.
    count
        Number of frames with a time.
    """

    restarts: list[int] = field(default_factory=list)
    left_out: int = 0
    count: int = 0

    def __call__(self, frames: Iterable[tuple[float, Item]]) -> Iterator[tuple[float, Item]]:
        """Iterate over the frames with growing times, in seconds since the first."""
        offset, last = 0.0, None
        waiting: tuple[float, Item] | None = None
        for time_s, item in frames:
            if last is None:
                offset = -time_s
            shown = time_s + offset
            if last is not None and shown < last + _LEAST_STEP_S:
                if waiting is None or not _LEAST_STEP_S < time_s - waiting[0] <= _CONTINUES_S:
                    self.left_out += waiting is not None
                    waiting = None
                    if last - shown > _STEP_BACK_S:
                        waiting = time_s, item
                    else:
                        self.left_out += 1
                    continue
                self.restarts.append(self.count)
                offset = last + RESTART_GAP_S - waiting[0]
                self.count += 1
                yield waiting[0] + offset, waiting[1]
                shown = time_s + offset
            else:
                self.left_out += waiting is not None
            waiting = None
            last = shown
            self.count += 1
            yield shown, item
        self.left_out += waiting is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done, for the user."""
        ends = [*self.restarts[1:], self.count] if self.restarts else []
        said = [
            f"the clock starts again after frame {start}: the {end - start} frames from there on were read as another "
            "recording"
            for start, end in zip(self.restarts, ends, strict=True)
        ]
        if self.left_out:
            said.append(f"{self.left_out} frame{'s' if self.left_out > 1 else ''} at earlier times left out")
        return tuple(said)
