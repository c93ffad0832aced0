"""Action units in words, vectors and sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.errors import UsageError
from vision_cli.synth_faces.plans.action_units import (
    au_name,
    au_vector,
    aus_of_vector,
    aus_text,
    completed_aus,
    conflicts,
    parse_aus,
    sides_of,
)
from vision_cli.synth_faces.values import AUS

intensities = st.dictionaries(st.sampled_from(AUS), st.integers(0, 500).map(lambda n: n / 100))


def test_words_are_read_in_the_order_of_the_vector():
    assert parse_aus("L14=2, 12=4;6=C") == {"6": 3.0, "12": 4.0, "L14": 2.0}
    assert list(parse_aus("L14=2,12=4")) == ["12", "L14"]
    assert parse_aus("") == {}


@given(intensities)
def test_words_of_intensities_are_read_back(aus):
    assert parse_aus(aus_text(aus)) == aus


@given(intensities)
def test_a_vector_has_41_places_and_is_read_back(aus):
    vector = au_vector(aus)
    assert len(vector) == 41
    assert aus_of_vector(vector) == {name: value for name, value in aus.items() if value}


@pytest.mark.parametrize("word", ["12", "AU12", "au12", "AU_12", "012"])
def test_a_name_may_be_written_in_several_ways(word):
    assert au_name(word) == "12"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("99=3", r"--au: AU '99'; one of 1, 2, 4"),
        ("12=6", r"AU 12 of intensity '6'; 0 to 5 expected"),
        ("12=-1", r"AU 12 of intensity '-1'"),
        ("12=nan", r"AU 12 of intensity 'nan'"),
        ("12=F", r"AU 12 of intensity 'F'"),
        ("L=2", r"'L' is a side without an action unit"),
        ("R25=2", r"AU 25 has no left and right here; a side of 1, 2, 4, 6, 10, 12, 14 expected"),
        ("12", r"'12' without an intensity; 12=3 expected"),
        ("12=1,AU12=2", r"AU 12 twice"),
        ("=3", r"AU ''; one of"),
    ],
)
def test_wrong_words_are_said(text, message):
    with pytest.raises(UsageError, match=message):
        parse_aus(text)


def test_a_vector_refuses_what_is_no_unit_or_intensity():
    with pytest.raises(ValueError, match="action units 99"):
        au_vector({"99": 1})
    with pytest.raises(ValueError, match="0 to 5 expected"):
        au_vector({"12": 5.5})
    with pytest.raises(ValueError, match=r"shorter|longer"):
        aus_of_vector([0.0] * 40)


def test_a_side_counts_before_both():
    assert sides_of({"12": 4, "L12": 1, "25": 2, "R14": 3}) == {"12": (1, 4), "14": (0, 3), "25": (2, 2)}


def test_completed_units_name_both_sides_and_the_stronger():
    assert completed_aus({"L12": 2, "25": 1}) == {"12": 2, "25": 1, "L12": 2, "R12": 0}


@given(intensities)
def test_completing_twice_changes_nothing(aus):
    once = completed_aus(aus)
    assert completed_aus(once) == once
    assert sides_of(once) == sides_of(aus)


def test_opposed_units_are_said_and_prototypes_are_not():
    assert conflicts({"12": 3, "15": 2}) == (
        "AU 12 and 15 pull the corner of the mouth up and down: a face can hardly show both.",
    )
    assert len(conflicts({"24": 3, "27": 2})) == 1
    assert conflicts({"12": 3, "15": 0}) == ()
    for prototype in ("1=3,2=3,4=3,5=4,20=3,25=2", "1=3,4=3,15=3,17=2", "9=3,10=3,4=2,7=2,17=2", "L12=2,L14=3"):
        assert conflicts(parse_aus(prototype)) == ()
    assert conflicts({"26": 1, "25": 3}) == ()
