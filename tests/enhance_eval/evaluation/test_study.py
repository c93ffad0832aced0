"""A run of known scores: what is said of it, and what its tables hold."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.enhance_eval.evaluation import tables
from vision_cli.enhance_eval.evaluation.study import AP50, Settings, Study
from vision_cli.enhance_eval.pipeline.scores import Cell, Decision, SampleScores
from vision_cli.enhance_eval.values import Boxes, Detections

PICTURES = 30
BOX = np.float32([[0, 0, 10, 10]])
CONDITION = "ev-4"


def cell(method, psnr, found, margin):
    corners = BOX if found else BOX + 50
    return Cell(
        CONDITION,
        method,
        {"psnr": psnr, "loe": 100 - psnr},
        Detections(corners, np.float32([0.8]), np.array([0])),
        [Decision(0, 0 if margin > 0 else 1, margin)],
    )


def study_of(rows, **settings):
    """Make a study; ``rows`` gives for a picture the cells of its methods."""
    boxes = Boxes(BOX, np.array([0]), np.array([False]))
    scores = [
        SampleScores(
            f"p{number:02d}",
            {"place": "in" if number % 2 else "out"},
            {CONDITION: 8.0},
            {CONDITION: 1.0},
            boxes,
            rows(number),
        )
        for number in range(PICTURES)
    ]
    return Study(scores, ("cup", "bus"), {"psnr": True, "loe": False}, Settings(bootstrap=200, **settings))


def prettier_and_blinder(number):
    """``shiny`` gains 5 dB on every picture and loses the object on most; ``plain`` changes nothing."""
    return [
        cell("none", 10.0 + 0.01 * number, True, 0.5),
        cell("plain", 10.0 + 0.01 * number, True, 0.5),
        cell("shiny", 15.0 + 0.02 * number, number % 5 == 0, -0.5 if number % 5 else 0.5),
    ]


def test_a_method_that_pleases_eyes_and_blinds_machines_is_counted_as_harm():
    study = study_of(prettier_and_blinder)
    headline = study.headline
    assert (headline.quality, headline.task) == ("psnr", AP50)
    assert (headline.harm.harmed, headline.harm.cells) == (1, 2)
    choice = headline.choices[CONDITION]
    assert (choice.chosen, choice.best) == ("shiny", "none")
    # A fifth of the objects is found: recall reaches .2 at falling precision.
    assert choice.loss == pytest.approx(1 - study.score(CONDITION, "shiny", AP50).value)
    assert headline.sentence.startswith("tau(psnr,ap50)")
    assert "harm 1/2 cells" in headline.sentence


def test_quality_measures_are_turned_so_that_larger_is_better():
    study = study_of(prettier_and_blinder)
    assert study.comparison(CONDITION, "shiny", "psnr").verdict() == "up"
    assert study.comparison(CONDITION, "shiny", "loe").verdict() == "up"
    assert study.comparison(CONDITION, "shiny", "oa").verdict() == "down"
    assert study.score(CONDITION, "shiny", "loe").value == pytest.approx(
        100 - study.score(CONDITION, "shiny", "psnr").value
    )


def test_one_method_under_two_names_makes_no_difference():
    study = study_of(prettier_and_blinder)
    for name in (*study.tested, *study.tasks):
        one = study.comparison(CONDITION, "plain", name)
        assert (one.delta, one.p, one.verdict()) == (0, 1, "same")


def test_a_failed_picture_counts_as_one_on_which_nothing_is_found():
    def rows(number):
        good = prettier_and_blinder(number)
        return [*good[:2], Cell(CONDITION, "shiny", error="NaN")] if number == 0 else good

    study = study_of(rows)
    assert study.score(CONDITION, "shiny", "psnr").images == PICTURES - 1
    right, _, _ = study.answers(CONDITION, "shiny")
    assert right.sum() == 5
    assert len(right) == PICTURES
    assert tables.failed_cells(study).rows == (("p00", CONDITION, "shiny", "NaN"),)


def test_controls_that_see_the_reference_are_shown_and_not_ranked():
    def rows(number):
        return [*prettier_and_blinder(number), cell("reference", 100.0, True, 0.9)]

    study = study_of(rows)
    assert "reference" in study.methods
    assert "reference" not in study.ranked()
    assert study.headline.choices[CONDITION].chosen == "shiny"


def test_tables_hold_every_cell():
    study = study_of(prettier_and_blinder)
    summary = {row[:3]: row[3:] for row in tables.summary(study).rows}
    assert summary[CONDITION, "none", "psnr"][0] == pytest.approx(10.145)
    assert summary[CONDITION, "none", "ap50"] == (1.0, 1.0, 1.0, PICTURES)
    classes = {row[1:4]: row[4:] for row in tables.per_class(study).rows}
    assert classes["none", "ap50", "cup"] == (1.0, PICTURES)
    assert classes["none", "ap50", "bus"] == (None, 0)
    bins = {row[1:5]: row[5:] for row in tables.per_bin(study).rows}
    assert bins["luma", "<16", "none", "ap50"] == (1.0, PICTURES)
    assert bins["place", "in", "shiny", "oa"] == (3 / 15, 15)
    assert {row[1] for row in tables.correlations(study).rows} == {"psnr", "loe"}
    harmed = [row for row in tables.quadrant_cells(study).rows if row[:4] == ("psnr", "ap50", "up", "down")]
    assert [row[5] for row in harmed] == ["shiny"]


def test_the_same_seed_gives_the_same_tables():
    first, second = (tables.differences(study_of(prettier_and_blinder, seed=3)) for _ in range(2))
    assert first == second
    other = tables.differences(study_of(prettier_and_blinder, seed=4))
    assert [row[:5] for row in other.rows] == [row[:5] for row in first.rows]
