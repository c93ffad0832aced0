"""CLIP's byte pairs on a small list of merges."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.errors import InputError, MissingError
from vision_cli.gaze_predict.text.byte_pairs import ClipTokenizer, read_merges

MERGES = [("l", "u"), ("n", "g</w>"), ("lu", "ng</w>"), ("e", "f"), ("ef", "f")]


def pieces(text):
    """Return the pieces without begin and end, by their numbers after the 512 of single bytes."""
    tokenizer = ClipTokenizer(MERGES)
    ids = tokenizer.encode(text).ids
    assert (ids[0], ids[-1]) == (tokenizer.begin, tokenizer.end)
    return list(ids[1:-1])


def test_merges_are_done_in_their_order():
    assert pieces("lung") == [512 + 2]
    assert pieces("LUNG  lung") == [514, 514]
    assert pieces("effl") == [512 + 4, 256 + ord("l") - 33]
    assert pieces("a") == [256 + ord("a") - 33]


def test_words_are_letters_digits_and_marks():
    assert len(pieces("a1")) == len(pieces("a 1")) == 2
    assert pieces("a.b") == pieces("a . b")
    assert len(pieces("12")) == 2


@given(st.text(max_size=60))
def test_every_text_is_covered_by_bytes(text):
    tokenizer = ClipTokenizer(MERGES)
    encoded = tokenizer.encode(text)
    assert all(0 <= row < tokenizer.rows for row in encoded.ids)
    assert len(encoded.ids) <= 77
    assert encoded.unknown_share == 0


def test_a_long_text_keeps_its_end():
    tokenizer = ClipTokenizer(MERGES, length=6)
    encoded = tokenizer.encode("a b c d e f")
    assert (len(encoded.ids), encoded.ids[-1], encoded.cut) == (6, tokenizer.end, 2)


def test_the_list_is_read_from_its_file(tmp_path):
    path = tmp_path / "merges.txt.gz"
    count = 49152 - 256 - 2
    path.write_bytes(gzip.compress(b"#version\n" + b"a b\n" * (count + 3)))
    assert len(read_merges(path)) == count
    assert ClipTokenizer([(str(number), "x") for number in range(count)]).rows == 49408


def test_what_is_no_list_is_an_error(tmp_path):
    with pytest.raises(MissingError, match="list of merges"):
        read_merges(tmp_path / "none.gz")
    for content, message in ((b"plain", "not a gzip file"), (gzip.compress(b"#v\na b\n"), "1 lines found")):
        path = tmp_path / "list.gz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_merges(path)
