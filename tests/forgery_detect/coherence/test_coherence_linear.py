"""The linear detector of colour coherence."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.compute.described_weights import read_description, write_described
from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.coherence.features import NAMES, QUIET_SIGNS
from vision_cli.forgery_detect.coherence.linear import calibrated, fit, read_model, write_model
from vision_cli.metrics.ranking import auroc

F = len(NAMES)


def _pairs(rng, count=200, shift=0.5):
    """Fakes deviate one way in ten features, and by more, but either way, in ten others; sources vary by far more."""
    source = rng.normal(size=(count, F)) * 2
    deviation = 0.3 * rng.normal(size=(count, F))
    deviation[:, 3:13] += shift
    deviation[:, 40:50] += 3 * rng.choice([-1, 1], size=(count, 1))
    real = source + 0.3 * rng.normal(size=(count, F))
    return real.astype(np.float32), (source + deviation).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    real, fake = _pairs(np.random.default_rng(0))
    held_real, held_fake = _pairs(np.random.default_rng(1))
    studio = held_real[:50] + np.float32(0.2)
    return calibrated(fit(real, fake), held_real, held_fake, studio)


def test_consistent_deviations_are_learned_and_those_of_both_signs_are_not(model):
    sizes = np.abs(model.weights)
    assert (model.weights[3:13] > 0).all()
    assert sizes[3:13].min() > 3 * sizes[40:50].max()


def test_forgeries_score_above_their_sources(model):
    real, fake = _pairs(np.random.default_rng(2))
    assert (model.score(fake) > model.score(real)).mean() > 0.9


def test_exchanged_pairs_turn_the_weights_around():
    real, fake = _pairs(np.random.default_rng(3), 60)
    there, back = fit(real, fake), fit(fake, real)
    # Standardised on other rows, hence only nearly.
    assert np.corrcoef(there.weights, back.weights)[0, 1] < -0.9


def test_labels_without_meaning_give_an_area_near_a_half():
    rng = np.random.default_rng(4)
    real, fake = _pairs(rng, 400)
    swapped = rng.random(400) < 0.5
    mixed = np.where(swapped[:, None], fake, real), np.where(swapped[:, None], real, fake)
    learned = fit(mixed[0], mixed[1])
    held_real, held_fake = _pairs(np.random.default_rng(5), 400)
    labels = np.repeat([0, 1], 400)
    assert auroc(labels, learned.score(np.concatenate([held_real, held_fake]))) == pytest.approx(0.5, abs=0.08)


def test_agreement_of_signs_raises_the_score_without_any_weight(model):
    plain = replace(model, weights=np.zeros(F))
    rows = np.zeros((2, F), np.float32)
    rows[1, list(QUIET_SIGNS)] = 0.5
    low, high = plain.score(rows)
    assert high - low == pytest.approx(0.5 / model.sign_scale / model.calibration.temperature)


def test_calibration_keeps_its_shares(model):
    real, fake = _pairs(np.random.default_rng(1))
    band = model.calibration.band
    assert band > 0
    # A pixel's worth of rounding apart, at the borders themselves.
    assert (model.score(real) > band + 1e-9).mean() <= 0.1
    assert (model.score(real[:50] + np.float32(0.2)) > band + 1e-9).mean() <= 0.1
    assert (model.score(fake) < -band - 1e-9).mean() <= 0.1


def test_cleaner_studio_portraits_raise_the_threshold(model):
    real, fake = _pairs(np.random.default_rng(1))
    far = calibrated(model, real, fake, real[:20] + np.float32(3))
    assert far.calibration.threshold > model.calibration.threshold
    assert far.calibration.band > model.calibration.band


@settings(max_examples=30)
@given(size=st.floats(-1e30, 1e30), place=st.integers(0, F - 1))
def test_one_wild_feature_moves_the_score_by_no_more_than_its_cut(model, size, place):
    rows = np.zeros((2, F), np.float32)
    rows[1, place] = size
    low, high = model.raw_scores(rows)
    by_weight = 8 * abs(model.weights[place]) / model.sum_scale
    by_sign = abs(size) / len(QUIET_SIGNS) / model.sign_scale if place in QUIET_SIGNS else 0
    assert abs(high - low) <= by_weight + by_sign * (1 + 1e-6) + 1e-9


def test_a_score_depends_on_its_own_row_alone(model):
    rows = np.random.default_rng(6).normal(size=(7, F)).astype(np.float32)
    together = model.score(rows)
    alone = np.array([model.score(row[None])[0] for row in rows])
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)


def test_a_written_model_reads_back_the_same(model, tmp_path):
    path = tmp_path / "coherence.safetensors"
    write_model(path, model)
    again = read_model(path)
    rows = np.random.default_rng(7).normal(size=(5, F)).astype(np.float32)
    np.testing.assert_array_equal(again.score(rows), model.score(rows))
    assert again.calibration == model.calibration
    assert path.stat().st_size < 20_000


def _altered(path, model, change):
    """Write a model with a change of its description or of its vectors."""
    write_model(path, model)
    document = json.loads(json.dumps(read_description(path, "forgery-detect")))
    tensors = {name: torch.from_numpy(getattr(model, name).copy()) for name in ("center", "scale", "weights")}
    change(document, tensors)
    write_described(path, "forgery-detect", document, tensors)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d, t: d.update(method="mfclip"), "weights of 'mfclip'; 'coherence' expected"),
        (lambda d, t: d.update(features=d["features"][1:]), "other features"),
        (lambda d, t: d.pop("numbers"), "incomplete model"),
        (lambda d, t: d.update(calibration=[1]), "incomplete model"),
        (lambda d, t: d["calibration"].update(more=1), "incomplete model"),
        (lambda d, t: d["calibration"].update(temperature=0), "scales that are not above 0"),
        (lambda d, t: t.pop("scale"), "incomplete model"),
        (lambda d, t: t.update(scale=t["scale"][1:]), "other lengths than 144"),
        (lambda d, t: t["weights"].fill_(float("nan")), "not finite"),
    ],
    ids=["method", "features", "no numbers", "list", "more", "temperature", "no scale", "length", "nan"],
)
def test_other_models_are_refused(model, tmp_path, change, text):
    path = tmp_path / "other.safetensors"
    _altered(path, model, change)
    with pytest.raises(InputError, match=text):
        read_model(path)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\xff" * 64])
def test_files_that_are_no_weights_are_refused(tmp_path, content):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no weights of forgery-detect"):
        read_model(path)


def test_truncated_weights_are_refused(model, tmp_path):
    path = tmp_path / "cut.safetensors"
    write_model(path, model)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="no weights of forgery-detect"):
        read_model(path)


def test_fit_refuses_rows_that_are_no_pairs():
    rows = np.zeros((4, F), np.float32)
    with pytest.raises(ValueError, match=r"\(4, 144\) and \(3, 144\)"):
        fit(rows, rows[:3])
    with pytest.raises(ValueError, match="two or more"):
        fit(rows[:1], rows[:1])
