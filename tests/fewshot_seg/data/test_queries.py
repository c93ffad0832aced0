"""Queries by the words of the command line."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.queries import find_queries


@pytest.fixture
def tree(tmp_path, put):
    for name in ("a.png", "b.jpg", "sub/a.png", "sub/c.tif"):
        put(tmp_path / name, np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def names(words):
    return [query.name for query in find_queries(words)]


def test_a_folder_gives_its_pictures_and_those_below(tree):
    assert names([str(tree)]) == ["a", "b", "sub/a", "sub/c"]


def test_names_are_below_what_all_have_in_common(tree):
    assert names([str(tree / "sub" / "a.png")]) == ["a"]
    assert names([str(tree / "a.png"), str(tree / "sub" / "a.png")]) == ["a", "sub/a"]


def test_names_keep_their_ending_where_they_would_be_the_same(tree, put):
    put(tree / "a.jpg", np.zeros((8, 8, 3), np.uint8))
    assert names([str(tree / "a.png"), str(tree / "a.jpg")]) == ["a.png", "a.jpg"]


def test_patterns_and_lists(tree):
    assert names([str(tree / "*" / "*.tif")]) == ["c"]
    assert names([str(tree / "**" / "a.png")]) == ["a", "sub/a"]
    listed = tree / "list.txt"
    listed.write_text("# two of them\nsub/a.png\n\nb.jpg\n")
    assert names([f"@{listed}"]) == ["sub/a", "b"]


def test_a_picture_that_is_named_twice_is_taken_once(tree):
    assert names([str(tree / "a.png"), str(tree / "a.png")]) == ["a"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("none.png", r"none\.png: no such file, and no file of this pattern"),
        ("*.gif", r"\*\.gif: no such file"),
        ("@none.txt", r"none\.txt: no such list"),
    ],
)
def test_words_that_name_nothing_are_said(tree, monkeypatch, word, message):
    monkeypatch.chdir(tree)
    with pytest.raises(InputError, match=message):
        find_queries([word])


def test_a_folder_without_pictures_is_said(tmp_path):
    with pytest.raises(InputError, match="a folder without pictures"):
        find_queries([str(tmp_path)])
