"""The selected network is never worse, on validation data, than the best single space."""

from __future__ import annotations

import math

import pytest
import torch

from tests.kan_fit.fits import QUICK, compute_only, problem
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.pipeline import auto_widths
from vision_cli.kan_fit.tables.selection import MIXED, SWAPPED, SearchResult, search


@pytest.mark.parametrize("name", ["kinkchirp", "runge"])
def test_the_result_is_no_worse_than_the_best_single_space(name):
    found = search(problem(name), [(2,)], QUICK, compute_only)
    single = [c for c in found.candidates if c.name.split()[-1] in QUICK.pool]
    assert {c.name.split()[1] for c in found.candidates} >= {MIXED, SWAPPED}
    assert len(single) >= 1
    assert found.best.score <= min(candidate.score for candidate in single)
    data = problem(name)
    with torch.no_grad():
        score = float((found.best.network(data.x_val) - data.y_val).square().mean())
    assert score == pytest.approx(found.best.score, rel=1e-9)


@pytest.mark.slow
def test_selected_networks_have_one_mode_a_node_and_choices_are_recorded():
    found = search(problem("kinkchirp"), [(2,)], QUICK, compute_only)
    for candidate in found.candidates:
        assert all(len(modes) == 1 for plan in candidate.network.plans for modes in plan.modes)
    mixed = [choice for choice in found.choices if choice.candidate.endswith(MIXED)]
    gates = [choice for choice in mixed if choice.gate is not None]
    assert len(gates) == 4 * len(QUICK.pool)
    for layer, node in {(choice.layer, choice.node) for choice in gates}:
        here = [choice.gate for choice in gates if (choice.layer, choice.node) == (layer, node)]
        assert sum(here) == pytest.approx(1)


def test_without_selection_the_whole_pool_stays():
    found = search(problem("kinkchirp"), [(2,)], SearchOptions(**{**QUICK.__dict__, "select": "none"}), compute_only)
    assert [len(modes) for modes in found.best.network.plans[0].modes] == [3, 3]


@pytest.mark.parametrize("level", ["edge", "layer"])
def test_gates_alone_can_select(level):
    settings = SearchOptions(**{**QUICK.__dict__, "select": "gate", "level": level})
    found = search(problem("xy"), [(2,)], settings, compute_only)
    assert [candidate.name for candidate in found.candidates] == ["2-2-1 mixed"]
    if level == "layer":
        assert all(len(set(plan.modes)) == 1 for plan in found.best.network.plans)


def test_a_simple_network_that_is_exact_is_preferred():
    found = search(problem("expsin", 1000), auto_widths(2), SearchOptions(pool=("cheby",)), compute_only)
    assert found.best.network.widths in {(2, 1, 1), (2, 2, 1)}
    assert math.sqrt(found.best.score) < 1e-5


def test_an_empty_selection_has_no_best():
    with pytest.raises(ValueError, match="empty"):
        _ = SearchResult().best
