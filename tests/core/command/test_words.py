"""Lists, numbers and sizes of the command line: what is typed is what is written back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.command.words import Duration, Names, NumberOr, Numbers, Size
from vision_cli.core.errors import UsageError

SAVED = Names(("scores", "ply", "png"), every="all", nothing="none")
POOL = Names(("rbf", "cheby", "gram"), groups=(("paper", ("rbf", "gram")),), least=1)


@given(st.lists(st.integers(-1000, 1000), min_size=1))
def test_numbers_are_written_as_they_are_read(numbers):
    words = Numbers(int)
    assert words.parse("--iters", words.text(numbers)) == tuple(numbers)


@given(st.lists(st.sampled_from(SAVED.known), unique=True))
def test_names_are_written_as_they_are_read(names):
    assert SAVED.parse("--save", SAVED.text(names)) == tuple(names)


@given(st.tuples(st.integers(1, 9999), st.integers(1, 9999)))
def test_sizes_are_written_as_they_are_read(size):
    assert Size().parse("--size", Size().text(size)) == size


def test_a_size_is_width_by_height_and_becomes_height_and_width():
    assert Size().parse("--size", "640x480") == (480, 640)
    assert Size().parse("--size", "64") == (64, 64)


def test_all_and_none_stand_for_every_name_and_for_no_name():
    assert SAVED.parse("--save", "all") == SAVED.known
    assert SAVED.parse("--save", "none") == ()


def test_an_unknown_name_gets_the_known_ones_and_a_suggestion():
    with pytest.raises(UsageError, match="--save: pngs found; names of scores, ply, png, all, none expected") as caught:
        SAVED.parse("--save", "ply,pngs")
    assert caught.value.hint == "Did you mean png?"


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (Numbers(int, least=0), "1,-2", "whole numbers of 0 or more separated by commas"),
        (Numbers(int), "1.5", "whole numbers"),
        (Numbers(float, count=4), "1,2,3", "4 numbers"),
        (Numbers(float, count=2, least=20, most=300, rising=True), "90,40", "greater than the one before"),
        (Numbers(float, count=2, least=20, most=300), "10,400", "from 20 to 300"),
        (Numbers(int, least=1, auto="auto"), "no", "auto, or whole numbers"),
        (NumberOr("full", least=5), "3", "full, or a number of 5 or more"),
        (NumberOr("auto", above=0), "0", "auto, or a number above 0"),
        (NumberOr("auto", above=0), "nan", "auto, or a number above 0"),
        (NumberOr("auto", above=0), "inf", "auto, or a number above 0"),
        (Size(least=8), "4x9", "of 8 or more"),
        (Size(), "1x2x3", "width x height"),
        (Size(least=64, most=4096), "64x4097", "of 64 to 4096 expected"),
        (Size(least=64, most=4096, multiple=2), "66x65", "of 64 to 4096, in multiples of 2, expected"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(words, text, message):
    with pytest.raises(UsageError, match=message):
        words.parse("--option", text)


def test_a_word_stands_for_nothing_given():
    assert NumberOr("auto").parse("--unit", "auto") is None
    assert NumberOr("auto").text(None) == "auto"
    assert Numbers(int, auto="auto").parse("--width", "auto") is None


def test_a_group_stands_for_its_names():
    assert POOL.parse("--pool", "paper") == ("rbf", "gram")
    assert POOL.text(("rbf", "gram")) == "paper"
    assert POOL.parse("--pool", " cheby, rbf") == ("cheby", "rbf")
    assert POOL.text(("cheby", "rbf")) == "cheby,rbf"
    with pytest.raises(UsageError, match="--pool: paper found; names of rbf, cheby, gram, paper expected") as caught:
        POOL.parse("--pool", "rbf,paper")
    assert caught.value.hint == "Did you mean paper?"


def test_too_few_names_are_refused():
    with pytest.raises(UsageError, match="--pool: nothing found; names of rbf, cheby, gram, paper expected"):
        POOL.parse("--pool", ",")


@pytest.mark.parametrize(("text", "seconds"), [("120", 120), ("0.5s", 0.5), ("5m", 300), ("1h", 3600)])
def test_a_duration_is_in_seconds(text, seconds):
    assert Duration().parse("--budget", text) == seconds
    assert Duration().parse("--budget", Duration().text(seconds)) == seconds


@pytest.mark.parametrize("text", ["soon", "0", "-1m", "nan", "infh", ""])
def test_other_durations_are_refused(text):
    with pytest.raises(UsageError, match=f"--budget: {text} found; a time such as 120s, 5m or 1h expected"):
        Duration().parse("--budget", text)
