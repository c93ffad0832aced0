"""Results that are computed ahead of their use."""

from __future__ import annotations

import threading
import time

import pytest

from vision_cli.synth_faces.pipeline.prefetching import Prefetcher


@pytest.mark.parametrize("threads", [1, 3])
def test_results_are_those_of_their_items_in_any_order_of_ending(threads):
    def slow_square(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    with Prefetcher(range(20), slow_square, threads) as ahead:
        assert [ahead.take(number) for number in range(20)] == [number * number for number in range(20)]


def test_no_more_is_computed_ahead_than_the_threads_need():
    begun: list[int] = []
    with Prefetcher(range(1000), lambda number: begun.append(number) or number, 2) as ahead:
        assert ahead.take(0) == 0
        time.sleep(0.02)
    assert len(begun) <= 6


def test_an_error_is_that_of_its_item_alone():
    with Prefetcher([2, 1, 0, 4], lambda number: 4 // number, 2) as ahead:
        assert (ahead.take(2), ahead.take(1)) == (2, 4)
        with pytest.raises(ZeroDivisionError):
            ahead.take(0)
        assert ahead.take(4) == 1


def test_an_item_that_is_not_the_next_is_computed_on_the_threads_too():
    names: set[str] = set()
    with Prefetcher([1, 2], lambda number: names.add(threading.current_thread().name) or number, 1) as ahead:
        assert ahead.take(7) == 7
        assert ahead.take(1) == 1
    assert threading.current_thread().name not in names
