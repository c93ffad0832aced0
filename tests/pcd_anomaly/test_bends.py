"""A bent end is told from a warp by evidence, and from a dent; what is said of it is Bayes' word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from vision_cli.pcd_anomaly.bends import SmoothFit, find_bend, hinges_of
from vision_cli.pcd_anomaly.geometry import Surface, diameter
from vision_cli.pcd_anomaly.levels import level_of
from vision_cli.pcd_anomaly.warps import Tolerance, Warp, follow, make_basis

NOISE = 5e-4
STRENGTH = 0.006


def bar(generator, count=12_000):
    """Points of a bar of 1 x 0.4 x 0.2 with the normals of its faces."""
    size = np.array([1.0, 0.4, 0.2])
    area = np.repeat([size[1] * size[2], size[0] * size[2], size[0] * size[1]], 2)
    face = generator.choice(6, count, p=area / area.sum())
    axis, sign = face // 2, np.where(face % 2, 1.0, -1.0)
    points = generator.uniform(-0.5, 0.5, (count, 3)) * size
    normals = np.zeros((count, 3))
    rows = np.arange(count)
    points[rows, axis], normals[rows, axis] = sign * size[axis] / 2, sign
    return Surface(points, normals, np.zeros(count))


class Bars:
    """A bar as the reference, and scans of others that are warped, and bent or dented."""

    def __init__(self):
        self.generator = np.random.default_rng(0)
        self.surface = bar(self.generator, 40_000)
        self.size = diameter(self.surface.points)
        self.level = level_of(self.surface, self.size)
        self.tolerance = Tolerance(make_basis(self.surface.points, self.size), STRENGTH, NOISE, STRENGTH)
        self.hinges = hinges_of(self.surface, self.size)

    def scan(self, displace=lambda points: 0.0):
        surface = bar(self.generator)
        noise = self.generator.normal(0, NOISE, len(surface))[:, None] * surface.normals
        moved = replace(surface, points=surface.points + displace(surface.points) + noise)
        return self.tolerance.draw(self.generator).added(moved)

    def bend_of(self, scan):
        spacing = self.size / 150
        warp = follow(scan, self.level, self.tolerance, spacing)
        noise = np.full(len(self.surface), NOISE)
        return find_bend(scan, self.level, self.tolerance, warp, noise, self.hinges, spacing, self.size)


def bent(points):
    """Turn the last fifth of a bar up."""
    return np.outer(0.012 * np.clip((points[:, 0] - 0.3) / 0.2, 0, None), [0, 0, 1.0])


def dented(points):
    """Press a dent into the upper face, near the end."""
    depth = 0.02 * np.exp(-((points[:, 0] - 0.4) ** 2 + points[:, 1] ** 2) / (2 * 0.03**2))
    return np.outer(-depth * (points[:, 2] > 0.09), [0, 0, 1.0])


@pytest.fixture(scope="module")
def bars():
    return Bars()


def test_a_bend_is_found_where_it_is_and_as_far_as_it_goes_though_the_bar_is_warped_as_much(bars):
    scan = bars.scan(bent)
    found = bars.bend_of(scan)
    assert found.hinge.along[0] > 0.99
    assert 0.25 < found.hinge.begins < 0.35
    assert (found.turn @ found.hinge.across) / 0.012 == pytest.approx([0, 0, 1], abs=0.35)
    moved = found.said(scan)
    assert np.abs(moved[scan.points[:, 0] < 0.2]).max() == 0
    tip = (scan.points[:, 0] > 0.45) & (scan.normals[:, 2] > 0.9)
    assert moved[tip].min() > 0.008 * np.sqrt(found.evidence) * 0.5


def test_there_is_more_evidence_of_a_bend_than_of_any_in_warped_or_dented_bars(bars):
    of_bent = [bars.bend_of(bars.scan(bent)).evidence for _ in range(4)]
    of_good = [bars.bend_of(bars.scan()).evidence for _ in range(8)]
    of_dented = [bars.bend_of(bars.scan(dented)).evidence for _ in range(4)]
    assert min(of_bent) > 2 * max(*of_good, *of_dented)


def test_evidence_is_the_ratio_of_the_densities_of_two_normal_distributions():
    generator = np.random.default_rng(3)
    smooth, values = generator.normal(size=(25, 7)), generator.normal(size=25)
    designs = generator.normal(size=(3, 25, 2))
    precision, weight = generator.uniform(0.5, 2, 7), generator.uniform(1, 30, 25)
    turns, evidence = SmoothFit.of(smooth, precision, weight).compare(designs, values, 0.7)
    warped = np.diag(1 / weight) + smooth @ np.diag(1 / precision) @ smooth.T
    for design, turn, found in zip(designs, turns, evidence, strict=True):
        both = warped + 0.7**2 * design @ design.T
        densities = [multivariate_normal.logpdf(values, cov=covariance) for covariance in (both, warped)]
        assert found == pytest.approx(densities[0] - densities[1], rel=1e-9)
        np.testing.assert_allclose(turn, 0.7**2 * design.T @ np.linalg.solve(both, values), rtol=1e-9)


def test_no_bend_is_said_of_a_scan_that_shows_no_end(bars):
    scan = bars.scan()
    assert bars.bend_of(scan.take((np.abs(scan.points) < [0.2, 0.06, 1]).all(axis=1))) is None


def test_nothing_is_said_without_evidence(bars):
    found = bars.bend_of(bars.scan(bent))
    assert not replace(found, evidence=-2.0).said(bars.surface).any()


def test_hinges_lie_across_the_part_with_a_share_of_it_beyond_where_that_is_no_single_face(bars):
    assert {int(np.argmax(np.abs(hinge.along))) for hinge in bars.hinges} == {0, 1}
    for hinge in bars.hinges:
        share = (bars.surface.points @ hinge.along > hinge.begins).mean()
        assert 0.05 < share < 0.27
        assert np.allclose(hinge.across @ hinge.along, 0)
