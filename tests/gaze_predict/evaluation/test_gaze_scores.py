"""Scores of predictions, with baselines and controls beside them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.gaze_predict.evaluation import tables
from vision_cli.gaze_predict.evaluation.controls import control_sentences, swap_sides
from vision_cli.gaze_predict.evaluation.references import GazePriors, baseline_predictions, prediction_of
from vision_cli.gaze_predict.evaluation.scores import METRICS, difference, evaluate_predictions
from vision_cli.gaze_predict.measures.maps import gaze_map
from vision_cli.gaze_predict.options import BASELINES


@pytest.fixture
def perfect(recordings):
    return {one.id: prediction_of(gaze_map(one.path, (224, 200)), one.path) for one in recordings}


def test_the_truth_scores_best(recordings, perfect):
    scores = evaluate_predictions("truth", recordings, perfect, GazePriors(recordings))
    assert tuple(scores.values) == METRICS
    for metric in ("scanmatch", "scanmatch_duration", "cc", "sim", "stde", "iou_half_mass"):
        np.testing.assert_allclose(scores.values[metric], 1, atol=1e-5)
    for metric in ("sed", "dtw_px", "point_mse", "point_error_percent", "matched_point_error_percent"):
        np.testing.assert_array_equal(scores.values[metric], 0)
    assert scores.estimate("ig_bits").value > 1
    again = evaluate_predictions("truth", recordings, perfect, GazePriors(recordings), with_centre=True)
    np.testing.assert_allclose(again.values["scanmatch"], 1)
    np.testing.assert_array_equal(again.values["auc_borji"], scores.values["auc_borji"])


def test_maps_of_one_degree_where_it_is_known(recordings, perfect):
    known = [dataclasses.replace(one, degree=12 / 200) for one in recordings[:3]] + list(recordings[3:])
    scores = evaluate_predictions("truth", known, perfect, GazePriors(recordings), sigma="1deg")
    np.testing.assert_allclose(scores.values["cc"], 1, atol=1e-5)
    wider = [dataclasses.replace(one, degree=0.2) for one in known]
    scores = evaluate_predictions("truth", wider, perfect, GazePriors(recordings), sigma="1deg")
    assert (scores.values["cc"] < 0.95).all()


def test_predictions_of_other_recordings_are_an_error(recordings, perfect):
    with pytest.raises(InputError, match="predictions of none of the 9 recordings; some expected"):
        evaluate_predictions("m", recordings, {"x": next(iter(perfect.values()))}, GazePriors(recordings))


def test_baselines_never_use_the_film_they_are_scored_on(recordings):
    priors = GazePriors(recordings)
    shapes = {one.id: (224, 224) for one in recordings}
    alone = GazePriors([one for one in recordings if one.film.name != "filma"])
    found = {
        name: baseline_predictions(name, recordings, shapes, priors, np.random.default_rng(0)) for name in BASELINES
    }
    for one in recordings[:3]:
        np.testing.assert_allclose(priors.map(one, (224, 224)), alone.map(one, (224, 224)), atol=1e-9)
        own = {path.path.points.tobytes() for path in recordings if path.film.name == "filma"}
        assert found["shuffled"][one.id].path.points.tobytes() not in own
    for predictions in found.values():
        for one in predictions.values():
            assert one.density.sum() == pytest.approx(1, abs=1e-4)
    scores = evaluate_predictions("centre", recordings, found["centre"], priors)
    assert scores.estimate("scanmatch").count == 0
    assert scores.estimate("nss").count == 9
    gained = evaluate_predictions("finding", recordings, found["finding"], priors).values["ig_bits"]
    np.testing.assert_allclose(gained, 0, atol=1e-4)
    with pytest.raises(UsageError, match="baseline 'none'; centre, global, finding, shuffled expected"):
        baseline_predictions("none", recordings, shapes, priors, np.random.default_rng(0))


def test_a_prior_of_nothing_else_is_uniform(recordings):
    lonely = GazePriors(recordings[:1]).map(recordings[0], (56, 56))
    np.testing.assert_allclose(lonely, 1 / 56**2)


def test_the_density_of_a_uniform_map_is_one_per_unit_area(recordings):
    flat = prediction_of(np.full((224, 100), 1 / 22400), recordings[0].path)
    np.testing.assert_allclose(flat.log_density, 0, atol=1e-6)


def test_intervals_keep_the_recordings_of_a_patient_together(recordings, perfect):
    scores = evaluate_predictions("m", recordings, perfect, GazePriors(recordings))
    values = np.repeat([0.0, 0.0, 1.0], 3)
    grouped = dataclasses.replace(scores, values=scores.values | {"cc": values})
    found = grouped.estimate("cc", resamples=400)
    assert found.value == pytest.approx(1 / 3)
    assert (found.low, found.high) == (0, 1)
    assert grouped.estimate("cc", finding="cardiomegaly").count == 3
    worse = dataclasses.replace(grouped, values=grouped.values | {"cc": values - 0.25})
    lost = difference(grouped, worse, "cc")
    assert lost.value == pytest.approx(0.25)
    assert (lost.low, lost.high) == (pytest.approx(0.25), pytest.approx(0.25))


def test_tables(recordings, perfect):
    scores = [evaluate_predictions("a|b", recordings, perfect, GazePriors(recordings))]
    by_finding = tables.finding_table(scores, resamples=50)
    assert {row[1] for row in by_finding.rows} == {"all", "cardiomegaly", "pleural effusion", "pneumothorax"}
    cases = tables.case_table(scores)
    assert len(cases.rows) == 9
    assert all(len(row) == len(cases.columns) for row in cases.rows)
    assert tables.flat_metrics(scores, resamples=50)["a|b_cc"] == pytest.approx(1, abs=1e-5)
    lines = tables.markdown_table(scores, ("cc", "kld"), resamples=50).splitlines()
    assert lines[0] == "| method | cc ↑ | kld ↓ | n |"
    assert lines[2].startswith("| a\\|b | 1.000 (1.000 to 1.000) | ")


@pytest.mark.parametrize(
    ("sentence", "swapped"),
    [
        ("Right pleural effusion, LEFT lung clear.", "Left pleural effusion, RIGHT lung clear."),
        ("Left-sided line; leftward shift.", "Right-sided line; rightward shift."),
        ("RUL opacity and LLL collapse.", "LUL opacity and RLL collapse."),
        ("Upright film, bilateral, copyright, lefty.", "Upright film, bilateral, copyright, lefty."),
    ],
)
def test_sides_are_exchanged(sentence, swapped):
    assert swap_sides(sentence) == swapped
    assert swap_sides(swapped) == sentence


def test_controls(recordings):
    assert set(control_sentences("no-text", recordings).values()) == {""}
    assert list(control_sentences("swap-side", recordings).values()) == ["There is a small left pleural effusion."] * 3
    wrong = control_sentences("wrong-text", recordings)
    findings = {one.sentence: one.finding for one in recordings}
    assert len(wrong) == 9
    assert all(findings[wrong[one.id]] != one.finding for one in recordings)
    with pytest.raises(UsageError, match="control 'x'"):
        control_sentences("x", recordings)
