from __future__ import annotations

import math

from vision_cli.enhance_eval.evaluation.comparisons import Cell, Comparison
from vision_cli.enhance_eval.evaluation.headlines import HarmRate, Regret, harm_rate, quadrants, regret


def cells(measure, deltas, p=0.001):
    return [
        Comparison(Cell("dark", method, measure), 0, 0, delta, 0, 0, p, "bootstrap", 99, p)
        for method, delta in deltas.items()
    ]


QUALITY = cells("psnr", {"gamma": 3, "he": 2, "lime": -1, "gain": 1, "alone": 1})
TASK = cells("ap50", {"gamma": 0.1, "he": -0.2, "lime": -0.1, "gain": -0.1})


def test_quadrants_and_harm():
    found = quadrants(QUALITY, TASK)
    assert found.cells["up", "down"] == (("dark", "he"), ("dark", "gain"))
    assert found.count("up", "up") == 1
    assert found.count("down", "down") == 1
    assert found.count("same", "same") == 0
    assert harm_rate(QUALITY, TASK) == HarmRate(2, 4)
    assert harm_rate(QUALITY, TASK).share == 0.5


def test_what_is_not_significant_harms_nothing():
    unsure = cells("ap50", {"gamma": 0.1, "he": -0.2, "lime": -0.1, "gain": -0.1}, p=0.2)
    found = quadrants(QUALITY, unsure)
    assert found.count("up", "same") == 3
    assert harm_rate(QUALITY, unsure).harmed == 0
    assert math.isnan(harm_rate([], []).share)


def test_cells_without_a_number_count_for_nothing():
    unknown = cells("ap50", {"gamma": math.nan, "he": -0.2})
    assert harm_rate(QUALITY, unknown) == HarmRate(1, 1)


def test_regret():
    quality = {"none": 8.0, "he": 17.0, "gamma": 15.0, "broken": math.nan}
    task = {"none": 0.4, "he": 0.25, "gamma": 0.35, "broken": 0.9}
    found = regret(quality, task)
    assert found is not None
    assert (found.chosen, found.best) == ("he", "none")
    assert math.isclose(found.loss, 0.15)
    assert regret({"a": 1.0}, {"a": 0.3}) == Regret("a", "a", 0.0)
    assert regret({"a": math.nan}, {"a": 0.3}) is None
