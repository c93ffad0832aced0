"""The words that name methods."""

from __future__ import annotations

import pytest

from vision_cli.core.errors import UsageError
from vision_cli.enhance_eval.methods.registry import ALL_METHODS, DEFAULT_METHODS
from vision_cli.enhance_eval.methods.specs import parse_method, parse_methods


def test_a_name_with_parameters_and_suffixes():
    spec = parse_method("clahe:clip=3,tiles=4+nlm+bilateral")
    assert (spec.kind, spec.target) == ("classical", "clahe")
    assert spec.options == {"clip": 3.0, "tiles": 4}
    assert spec.post == ("nlm", "bilateral")
    assert spec.text == "clahe:clip=3,tiles=4+nlm+bilateral"
    assert spec.file_name == "clahe-clip=3-tiles=4+nlm+bilateral"


def test_a_list_keeps_parameters_with_their_method():
    specs = parse_methods("clahe:clip=3,tiles=4,he, lime:alpha=.2+nlm,he")
    assert [spec.text for spec in specs] == ["clahe:clip=3,tiles=4", "he", "lime:alpha=.2+nlm"]


def test_groups_stand_for_their_members():
    assert tuple(spec.text for spec in parse_methods("default")) == DEFAULT_METHODS
    assert tuple(spec.text for spec in parse_methods("all,none")) == ALL_METHODS


@pytest.mark.parametrize(
    ("text", "kind", "target", "post"),
    [
        ("dir:out/my method", "dir", "out/my method", ()),
        ("dir:a+b", "dir", "a+b", ()),
        ("onnx:net.onnx+nlm", "onnx", "net.onnx", ("nlm",)),
        ("ts:net.pt", "ts", "net.pt", ()),
        ("py:pkg.mod:func", "py", "pkg.mod:func", ()),
        ('cmd:"prog --a=1,b {in} {out}"', "cmd", "prog --a=1,b {in} {out}", ()),
        ("zero-dce++:weights=a+b.pth,scale=6", "learned", "zero-dce++", ()),
    ],
)
def test_adapters_and_learned_methods(text, kind, target, post):
    (spec,) = parse_methods(text)
    assert (spec.kind, spec.target, spec.post) == (kind, target, post)


def test_weights_may_hold_a_plus():
    assert parse_method("zero-dce++:weights=a+b.pth,scale=6").options == {"weights": "a+b.pth", "scale": 6}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("gama", "'?gama'? is no method", "gamma"),
        ("gamma:gama=2", "'gama=2' found; key=value with a key of gamma expected", "gamma"),
        ("gamma:gamma", "'gamma' found; key=value", None),
        ("none:x=1", "none: this method has no parameters", None),
        ("gamma:gamma=0", "number from 0.05 to 20 expected", None),
        ("clahe:tiles=2.5", "'2.5' found; a whole number from 1 to 64", None),
        ("gamma:gamma=nan", "'nan' found; a number", None),
        ("gamma+bilatral", r"unknown suffix \+bilatral; \+nlm, \+bilateral expected", "bilateral"),
        ("sci", "no weights; sci:weights=FILE expected", "not shipped"),
        ("dir:", "nothing after dir:; a folder of enhanced pictures expected", None),
        ("", "no method", None),
    ],
)
def test_what_names_no_method_is_said(text, message, hint):
    with pytest.raises(UsageError, match=message) as raised:
        parse_methods(text)
    assert raised.value.message.startswith("--methods: ")
    if hint:
        assert hint in raised.value.hint
