"""Items come whole and in their order, faults come after what was before them, and nothing goes on once closed."""

from __future__ import annotations

import threading
import time

import pytest

from vision_cli.io.videos.ahead import Ahead


def test_items_come_in_their_order_and_once():
    items = Ahead(range(100), 3)
    assert list(items) == list(range(100))
    assert list(items) == []


def test_a_fault_is_raised_after_the_items_before_it():
    def faulty():
        yield from (1, 2)
        raise ValueError("no third")

    items = Ahead(faulty())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="no third"):
        next(items)


def test_no_more_items_are_made_than_wait():
    made = []

    def counted():
        for number in range(1000):
            made.append(number)
            yield number

    items = Ahead(counted(), 3)
    assert next(items) == 0
    time.sleep(0.2)
    # One was taken, three wait, and one waits for room.
    assert len(made) <= 5
    items.close()


def test_once_closed_the_iterator_is_at_rest():
    def endless():
        while True:
            yield threading.current_thread()

    items = Ahead(endless(), 2)
    maker = next(items)
    assert maker is not threading.current_thread()
    items.close()
    assert not maker.is_alive()
    assert list(items) == []
