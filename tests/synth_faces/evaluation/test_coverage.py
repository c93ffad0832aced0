"""Coverage and copies, against nearest neighbours of scikit-learn and sets with known overlap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.evaluation import coverage as module
from vision_cli.synth_faces.evaluation.coverage import memorisation, prdc
from vision_cli.synth_faces.evaluation.distances import FeatureSet


def features(count, shift=0.0, seed=0):
    return FeatureSet("fer", shift + np.random.default_rng(seed).normal(size=(count, 4)))


def prdc_by_neighbours(real, generated, k):
    reach_real = NearestNeighbors(n_neighbors=k + 1).fit(real).kneighbors(real)[0][:, k]
    reach_generated = NearestNeighbors(n_neighbors=k + 1).fit(generated).kneighbors(generated)[0][:, k]
    distances = np.linalg.norm(real[:, None] - generated[None], axis=2)
    within = distances < reach_real[:, None]
    return (
        within.any(0).mean(),
        (distances < reach_generated[None]).any(1).mean(),
        within.sum(0).mean() / k,
        (distances.min(1) < reach_real).mean(),
    )


@pytest.mark.parametrize("shift", [0.0, 0.7, 50.0])
def test_prdc_is_that_of_the_definition(shift, monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 17)
    real, generated = features(80), features(60, shift, seed=1)
    found = prdc(real, generated, neighbours=3)
    expected = prdc_by_neighbours(real.values, generated.values, 3)
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(expected)


def test_one_cluster_is_precise_and_covers_little():
    real, generated = features(300), FeatureSet("fer", 0.05 * features(300, seed=1).values)
    found = prdc(real, generated)
    assert found.precision > 0.95
    assert found.coverage < 0.3
    assert found.recall < 0.1


def test_copies_are_found():
    real = features(300)
    fresh, copied = features(200, seed=1), features(200, seed=1)
    copied.values[:50] = real.values[100:150] + 1e-6
    honest, caught = memorisation(real, fresh), memorisation(real, copied)
    assert honest.copies < 0.06
    assert caught.copies > 0.24
    assert caught.nearest[:50].tolist() == list(range(100, 150))
    assert honest.ratio == pytest.approx(1, abs=0.2)
    assert (memorisation(real, real).distances == 0).all()


def test_doubles_among_the_real_are_no_threshold():
    real = FeatureSet("fer", np.repeat(features(40).values, 2, axis=0))
    found = memorisation(real, features(30, seed=1))
    assert (found.threshold, found.copies, found.ratio) == (0, 0, np.inf)


def test_too_few_faces_are_said():
    with pytest.raises(InputError, match="4 real and 9 generated faces; more than 5 expected"):
        prdc(features(4), features(9))
    with pytest.raises(InputError, match="one space expected"):
        prdc(features(9), FeatureSet("au", features(9).values))
