"""Words of expressions."""

from __future__ import annotations

import pytest

from vision_cli.core.errors import UsageError
from vision_cli.synth_faces.plans.labels import COMPOUND, LABELS, expression_of, parse_labels, parts_of
from vision_cli.synth_faces.values import EXPRESSIONS


def test_sets_of_labels():
    assert parse_labels("basic8") == EXPRESSIONS
    assert parse_labels("basic7") == EXPRESSIONS[:-1]
    assert len(parse_labels("compound")) == 15
    assert parse_labels("happy, anger,happiness") == ("happiness", "anger")
    assert parse_labels("Happily Surprised,awed") == ("happily-surprised", "awed")


@pytest.mark.parametrize("text", ["", " , "])
def test_no_label_is_an_error(text):
    with pytest.raises(UsageError, match="no label; basic7"):
        parse_labels(text)


def test_an_unknown_label_is_said_with_what_it_resembles():
    with pytest.raises(UsageError, match="label 'hapiness'") as found:
        parse_labels("hapiness")
    assert "happiness" in found.value.hint


def test_compound_labels_join_two_basic_ones():
    assert all(len(set(parts)) == 2 and set(parts) <= set(EXPRESSIONS) for parts in COMPOUND.values())
    assert parts_of("fear") == ("fear",)
    assert parts_of("sadly-angry") == ("sadness", "anger")
    assert len(set(LABELS)) == 23


@pytest.mark.parametrize(
    ("word", "name"), [("Angry", "anger"), ("HAPPY", "happiness"), ("surprised", "surprise"), ("blinking", None)]
)
def test_words_of_data_sets(word, name):
    assert expression_of(word) == name
