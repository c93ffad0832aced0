"""Items of an iterator, made in a thread of its own a few ahead of who takes them: decoding beside computing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class _End:
    """Comes after the last item; with what the iterator raised, if it did."""

    error: BaseException | None = None


class Ahead(Generic[Item]):
    """An iterator whose next items are being made while the last one is worked on; once, and to be closed.

    Parameters
    ----------
    items
        Where they come from. What it raises is raised by `__next__`, after the items before.
    most
        How many items wait at most.
    """

    def __init__(self, items: Iterable[Item], most: int = 4) -> None:
        self._waiting: queue.Queue[Item | _End] = queue.Queue(most)
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._make, args=(items,), daemon=True, name="vcli-ahead")
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._is_closed.is_set():
            raise StopIteration
        found = self._waiting.get()
        if not isinstance(found, _End):
            return found
        self.close()
        if found.error is not None:
            raise found.error
        raise StopIteration

    def close(self) -> None:
        """Stop making items and wait until the iterator is at rest: what it reads from may be closed then."""
        self._is_closed.set()
        while self._thread.is_alive():
            # A thread that waits for room finds some, sees that nothing is wanted, and ends.
            while not self._waiting.empty():
                self._waiting.get()
            self._thread.join(0.01)

    def _make(self, items: Iterable[Item]) -> None:
        end = _End()
        try:
            for item in items:
                self._waiting.put(item)
                if self._is_closed.is_set():
                    return
        except BaseException as error:
            end = _End(error)
        self._waiting.put(end)
