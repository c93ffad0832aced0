"""Results of the next items, computed on threads while the current one is written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 3
"""Items in work or waiting for each thread."""


class Prefetcher(Generic[Item, Result]):
    """Computes items on threads in the order in which they will be taken; for a ``with`` block.

    A result depends on its item alone, so it is the same with any number of threads.

    Parameters
    ----------
    items
        In the order in which they are taken.
    compute
        Returns the result of an item.
    threads
        At work at the same time.
    begin
        Called once on every thread.
    """

    def __init__(
        self,
        items: Iterable[Item],
        compute: Callable[[Item], Result],
        threads: int,
        *,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = iter(items)
        self._compute = compute
        self._depth = _AHEAD * threads
        self._pool = ThreadPoolExecutor(threads, initializer=begin)
        self._waiting: deque[tuple[Item, Future[Result]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def take(self, item: Item) -> Result:
        """Return the result of an item, or raise its error; one that is not the next is computed now."""
        while len(self._waiting) < self._depth:
            try:
                following = next(self._source)
            except StopIteration:
                break
            self._waiting.append((following, self._pool.submit(self._compute, following)))
        if self._waiting and self._waiting[0][0] == item:
            return self._waiting.popleft()[1].result()
        return self._pool.submit(self._compute, item).result()
