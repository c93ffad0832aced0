"""A bent end is told from a warp and from a dent by its evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from vision_cli.pcd_anomaly.surfaces.bends import bend_offsets, compare


def bent(points):
    """Turn the last fifth of a bar up."""
    return np.outer(0.012 * np.clip((points[:, 0] - 0.3) / 0.2, 0, None), [0, 0, 1.0])


def dented(points):
    """Press a dent into the upper face, near the end."""
    depth = 0.02 * np.exp(-((points[:, 0] - 0.4) ** 2 + points[:, 1] ** 2) / (2 * 0.03**2))
    return np.outer(-depth * (points[:, 2] > 0.09), [0, 0, 1.0])


def test_a_bend_of_a_warped_bar_is_found_with_its_place_and_size(bars):
    scan = bars.scan(bent)
    found = bars.bends_of(scan)[0]
    assert found.hinge.along[0] > 0.99
    assert 0.25 < found.hinge.begins < 0.35
    assert (found.turn @ found.hinge.across) / 0.012 == pytest.approx([0, 0, 1], abs=0.35)
    moved = found.weighted_displacement(scan)
    assert np.abs(moved[scan.points[:, 0] < 0.2]).max() == 0
    tip = (scan.points[:, 0] > 0.45) & (scan.normals[:, 2] > 0.9)
    assert moved[tip].min() > 0.5 * 0.012 * np.sqrt(found.evidence)


def test_a_bend_has_more_evidence_than_warps_and_dents(bars):
    def evidence(displace=lambda points: 0.0):
        return max((bend.evidence for bend in bars.bends_of(bars.scan(displace))), default=0.0)

    others = [evidence() for _ in range(6)] + [evidence(dented) for _ in range(3)]
    assert min(evidence(bent) for _ in range(3)) > 2 * max(others)


def test_each_end_is_displaced_by_its_own_bend(bars):
    both = bars.scan(lambda points: bent(points) + bent(-points))
    bends = bars.bends_of(both)
    assert {round(float(bend.hinge.along[0])) for bend in bends[:2]} == {-1, 1}
    assert [bend.evidence for bend in bends] == sorted((bend.evidence for bend in bends), reverse=True)
    assert all(bend.evidence > 0 for bend in bends)
    off = bend_offsets(bends, both)
    np.testing.assert_allclose(off, np.abs([bend.weighted_displacement(both) for bend in bends]).max(axis=0))
    tips = [off[sign * both.points[:, 0] > 0.47].mean() for sign in (-1, 1)]
    assert min(tips) > 5 * off[np.abs(both.points[:, 0]) < 0.2].mean()
    assert not bend_offsets((), both).any()


def test_evidence_is_the_ratio_of_the_densities_of_two_normal_distributions():
    generator = np.random.default_rng(3)
    factor, values = generator.normal(size=(25, 30)), generator.normal(size=25)
    designs, covariance = generator.normal(size=(3, 25, 2)), factor @ factor.T / 30
    turns, evidence, left = compare(covariance, values, designs, 0.7)
    for design, turn, found in zip(designs, turns, evidence, strict=True):
        both = covariance + 0.7**2 * design @ design.T
        densities = [multivariate_normal.logpdf(values, cov=one) for one in (both, covariance)]
        assert found == pytest.approx(densities[0] - densities[1], rel=1e-9)
        np.testing.assert_allclose(turn, 0.7**2 * design.T @ np.linalg.solve(both, values), rtol=1e-8)
    best = evidence.argmax()
    np.testing.assert_allclose(covariance @ left, values - designs[best] @ turns[best], atol=1e-9)


def test_a_scan_without_an_end_has_no_bend(bars):
    scan = bars.scan()
    assert bars.bends_of(scan.take((np.abs(scan.points) < [0.15, 0.05, 1]).all(axis=1))) == ()


def test_a_scan_far_from_the_reference_has_no_bend(bars):
    scan = bars.scan()
    assert bars.bends_of(replace(scan, points=scan.points + np.array([0, 0, bars.size]))) == ()
