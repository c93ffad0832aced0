"""Distances of features, against a root of a matrix, sums over pairs, and known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.evaluation.distances import INCEPTION, FeatureSet, frechet_distance, kernel_distance


def features(count, size=6, shift=0.0, scale=1.0, seed=0, space="fer"):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(count, size)) @ np.random.default_rng(9).normal(size=(size, size))
    return FeatureSet(space, shift + scale * mixed)


def frechet_by_root(one, other):
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = linalg.sqrtm(first @ second)
    mean = ((one.mean(0) - other.mean(0)) ** 2).sum()
    return mean + np.trace(first) + np.trace(second) - 2 * np.trace(root.real)


@pytest.mark.parametrize(("counts", "size"), [((200, 150), 6), ((40, 300), 20)])
def test_the_frechet_distance_is_that_of_the_root(counts, size):
    real, generated = features(counts[0], size), features(counts[1], size, 0.5, 1.3, seed=1)
    found = frechet_distance(real, generated)
    assert found.value == pytest.approx(frechet_by_root(real.values, generated.values), rel=1e-9)
    assert found.notes == ()


def test_fewer_pictures_than_features_have_a_distance_and_a_note():
    real, generated = features(12, 40), features(15, 40, 0.2, seed=1)
    found = frechet_distance(real, generated)
    assert found.value == pytest.approx(frechet_by_root(real.values, generated.values), rel=1e-4)
    assert "12 pictures for 40 features" in found.notes[0]


def test_a_set_has_no_distance_to_itself():
    assert frechet_distance(features(100), features(100)).value == pytest.approx(0, abs=1e-9)


def test_only_inception_features_give_an_fid():
    assert frechet_distance(features(20), features(20)).name == "fd_fer"
    assert kernel_distance(features(20), features(20), subsets=2).name == "kid_fer"
    inception = features(20, space=INCEPTION)
    assert frechet_distance(inception, inception).name == "fid"


def mmd_by_pairs(first, second):
    def kernel(x, y):
        return (float(np.dot(x, y)) / len(x) + 1) ** 3

    n, m = len(first), len(second)
    one = sum(kernel(first[i], first[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    other = sum(kernel(second[i], second[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return one + other - 2 * sum(kernel(x, y) for x in first for y in second) / (n * m)


def test_the_kernel_distance_of_all_pictures_is_the_sum_over_pairs():
    real, generated = features(30), features(30, shift=0.4, seed=1)
    found = kernel_distance(real, generated, subsets=3)
    assert found.mean == pytest.approx(mmd_by_pairs(generated.values, real.values), rel=1e-9)
    assert found.sd == pytest.approx(0, abs=1e-9)


def test_the_kernel_distance_is_unbiased():
    real, same = features(400), features(400, seed=1)
    found = kernel_distance(real, same, subsets=60, size=50)
    assert abs(found.mean) < found.sd
    assert kernel_distance(real, features(400, shift=4, seed=1), subsets=20, size=50).mean > 5 * found.sd
    assert kernel_distance(real, same, subsets=60, size=50) == found


def test_what_does_not_fit_is_said():
    with pytest.raises(InputError, match=r"features of fer \(6\) and au \(6\); one space expected"):
        frechet_distance(features(9), features(9, space="au"))
    with pytest.raises(InputError, match=r"features of fer \(6\) and fer \(7\)"):
        kernel_distance(features(9), features(9, 7))
    with pytest.raises(InputError, match="space of features 'a b'"):
        FeatureSet("a b", np.zeros((3, 3)))
    with pytest.raises(InputError, match="two pictures or more"):
        FeatureSet("fer", np.zeros((1, 3)))
    with pytest.raises(InputError, match="finite numbers expected"):
        FeatureSet("fer", np.full((3, 3), np.inf))
