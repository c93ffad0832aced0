"""Supports as the command line names them."""

from __future__ import annotations

import pytest

from vision_cli.core.errors import UsageError
from vision_cli.fewshot_seg.data.naming import parse_supports


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "a.png", "b:c.jpg", "x=y.jpg", "m.png"):
        (tmp_path / name).touch()


def parsed(words, negatives=()):
    return [(one.class_name, str(one.picture), one.mask and str(one.mask)) for one in parse_supports(words, negatives)]


def test_a_picture_and_its_mask(files):
    assert parsed(["a.jpg:a.png"]) == [("object", "a.jpg", "a.png")]


def test_a_class_stands_before_an_equals_sign(files):
    assert parsed(["cat=a.jpg:a.png", "dog=a.jpg:m.png"]) == [("cat", "a.jpg", "a.png"), ("dog", "a.jpg", "m.png")]


def test_colons_and_equals_signs_may_be_part_of_names(files):
    assert parsed(["b:c.jpg:m.png"]) == [("object", "b:c.jpg", "m.png")]
    assert parsed(["x=y.jpg:m.png"]) == [("object", "x=y.jpg", "m.png")]


def test_a_negative_without_a_class_is_one_of_all(files):
    found = parsed(["cat=a.jpg:a.png", "dog=a.jpg:m.png"], ["a.jpg"])
    assert found[2:] == [("cat", "a.jpg", None), ("dog", "a.jpg", None)]
    assert parsed(["cat=a.jpg:a.png"], ["cat=a.jpg"])[1] == ("cat", "a.jpg", None)


@pytest.mark.parametrize(
    ("words", "negatives", "message"),
    [
        (["a.jpg"], [], "no mask"),
        (["a.jpg:none.png"], [], r"none\.png: no such file"),
        (["none.jpg:a.png"], [], r"none\.jpg: no such file"),
        (["a.jpg:a.png"], ["none.jpg"], "no such file"),
        (["a.jpg:a.png"], ["dog=a.jpg"], "no support of class 'dog'; object expected"),
    ],
)
def test_what_is_not_there_is_said(files, words, negatives, message):
    with pytest.raises(UsageError, match=message):
        parse_supports(words, negatives)
