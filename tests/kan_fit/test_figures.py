"""Figures of a fit show names to the letter, and are the same twice."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vision_cli.kan_fit import figures
from vision_cli.kan_fit.formulas.suites import find_function

HOSTILE = ("$\\frac{$", "a $b$ \\input{x}", "<script>&", "_hidden", "\udcff\n\x07")


SHOWN = ("$\\frac{$", "a $b$ \\input{x}", "<script>&", "_hidden", "\\udcff\\n\\x07")


NAMES = list(zip(HOSTILE, SHOWN, strict=True))


@pytest.fixture(scope="module")
def inputs():
    return find_function("expsin").sample(100, np.random.default_rng(0))[0]


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_a_network_shows_its_columns_to_the_letter(texts, kept, inputs, name, shown):
    named = SimpleNamespace(network=kept.network, input_labels=(name, "y"), target=name)
    found = texts(figures.network, named, inputs)
    assert found.count(shown) == 2
    layer = kept.network.each_layer()[0]
    assert f"{shown}, cheby" in texts(
        figures.edge, layer, kept.network.layer_inputs(torch.from_numpy(inputs))[0], 0, 0, f"{name}, cheby"
    )


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_comparisons_show_names_to_the_letter(texts, name, shown):
    values = np.linspace(1.0, 2.0, 30)
    assert f"{shown}, test data" in texts(figures.agreement, values + 0.1, values, name)
    assert shown in texts(figures.comparison, [(name, 0.1), ("b", 0.2)])
    found = texts(figures.methods_by_problem, {"ours": {name: 0.1, "p": 0.3}}, name)
    assert found.count(shown) == 2
    step = SimpleNamespace(val=0.5)
    assert len(texts(figures.history, [SimpleNamespace(name=name, score=1, steps=[step, step])], 1.0)) > 2


def test_a_long_name_leaves_room_for_the_picture(texts, kept, inputs):
    named = SimpleNamespace(network=kept.network, input_labels=("n" * 500, "y"), target="t")
    found = texts(figures.network, named, inputs)
    assert f"{'n' * 20}…{'n' * 19}" in found


def test_pictures_are_drawn_and_the_same_twice(kept, tmp_path):
    for name in ("a.svg", "b.svg"):
        figures.network(tmp_path / name, kept, kept.sample_inputs)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").count("<path") > 10
