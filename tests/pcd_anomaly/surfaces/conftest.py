"""Bars that are warped, bent or dented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.pcd_anomaly.surfaces.bends import find_bends
from vision_cli.pcd_anomaly.surfaces.geometry import Surface, diameter
from vision_cli.pcd_anomaly.surfaces.hinges import candidate_hinges
from vision_cli.pcd_anomaly.surfaces.lookup import level_of
from vision_cli.pcd_anomaly.surfaces.tolerance import Tolerance, Warp, make_basis
from vision_cli.pcd_anomaly.surfaces.warps import find_warp

NOISE = 5e-4
SWAY = 0.012
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
        self.tolerance = Tolerance(make_basis(self.surface.points, self.size), STRENGTH, NOISE, SWAY)
        self.hinges = candidate_hinges(self.surface, self.size)

    def scan(self, displace=lambda points: 0.0):
        surface = bar(self.generator)
        noise = self.generator.normal(0, NOISE, len(surface))[:, None] * surface.normals
        warp = self.tolerance.draw(surface.points, self.generator)
        return replace(surface, points=surface.points + warp + displace(surface.points) + noise)

    def bends_of(self, scan):
        spacing = self.size / 150
        warp = find_warp(scan, self.level, self.tolerance, spacing)
        noise = np.full(len(self.surface), NOISE)
        return find_bends(scan, self.level, self.tolerance, warp, noise, self.hinges, spacing, self.size)


@pytest.fixture(scope="module")
def bars():
    return Bars()


def some_warp(surface, strength, seed=0):
    basis = make_basis(surface.points, 2.0)
    return Warp(basis, strength * np.random.default_rng(seed).normal(size=3 * len(basis.centres)))
