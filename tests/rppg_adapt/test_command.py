"""`vcli rppg-adapt` as it is typed: errors of wrong words, and facts of a weight file."""

from __future__ import annotations

import json

import pytest

from tests.rppg_adapt.conftest import (
    vcli,
)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train",), "train: either CACHE or --synthetic expected"),
        (
            ("train", "--synthetic", "--weights", "default", "--size", "24"),
            "train: --weights with --backbone",
        ),
        (
            ("synth", "--size", "33x40"),
            "of 64 to 4096, in multiples of 2,",
        ),
        (("synth", "--size", "65x66"), "--size: 65x66 found; width x height"),
        (("evaluate", "nowhere"), "nowhere"),
        (("evaluate", "nowhere", "--methods", "pos,pso"), "--methods: pso found; names of net, green"),
        (("evaluate", ".", "--window", "2"), "--window: 2 found; full, or a number of 5 or more"),
    ],
)
def test_wrong_usage_is_explained(tmp_path, capsys, words, message):
    assert vcli(*words, "-o", tmp_path / "x") in {2, 3}
    assert message in capsys.readouterr().err


def test_the_facts_of_a_weight_file_are_shown(trained, capsys):
    capsys.readouterr()
    assert vcli("info", trained / "weights.safetensors", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["backbone"], facts["size"]) == ("lite", "16")
