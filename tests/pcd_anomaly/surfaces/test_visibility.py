"""Visibility, outward normals, and the side that a scan was taken from."""

from __future__ import annotations

import math

import numpy as np

from vision_cli.pcd_anomaly.surfaces.geometry import Surface
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan
from vision_cli.pcd_anomaly.surfaces.visibility import (
    is_unobserved,
    nearby_directions,
    orient_outwards,
    possible_view_directions,
)


def test_the_view_of_a_scan_is_found_and_a_whole_cloud_has_none(bracket):
    prototype, tests, target = bracket
    assert possible_view_directions(prepare_scan(tests[0].scan.points, target.diameter / 200))
    assert not possible_view_directions(prepare_scan(prototype.scan.points, target.diameter / 200))


def test_normals_of_a_whole_cloud_point_outwards():
    generator = np.random.default_rng(2)
    points = generator.normal(size=(6000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    surface = orient_outwards(prepare_scan(points, 0.05))
    assert (np.einsum("ij,ij->i", surface.normals, surface.points) > 0.9).mean() > 0.99


def test_places_are_unobserved_behind_holes_and_nowhere_else():
    line = np.linspace(0, 1, 61)
    flat = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    up = np.array([0, 0, 1.0])
    top, bottom = np.insert(flat, 2, 0.2, axis=1), np.insert(flat, 2, 0.0, axis=1)
    top = top[np.abs(flat - 0.5).max(axis=1) > 0.25]
    points, normals = np.vstack([top, bottom]), np.vstack([np.tile(up, (len(top), 1)), np.tile(-up, (len(bottom), 1))])
    slab = Surface(points, normals, np.zeros(len(points)))

    def is_open(x, y, z, direction=up):
        return bool(is_unobserved(slab, np.array([[x, y, z]]), np.asarray(direction), 0.06)[0])

    # The ground of the hole may lie at any depth, and a slanted look meets it too.
    assert is_open(0.5, 0.5, 0.15)
    assert is_open(0.5, 0.5, 0.05)
    assert is_open(0.5, 0.5, 0.15, [0.28, 0, 0.96])
    # A sink below the top, a bulge above it, and what sticks out beside the slab.
    assert not is_open(0.1, 0.5, 0.15)
    assert not is_open(0.1, 0.5, 0.25)
    assert not is_open(1.2, 0.5, 0.1)
    # Beside the rim of the hole.
    assert not is_open(0.255, 0.5, 0.25)
    # The ground of a deep shaft, seen past its rim by no more than the direction to the sensor may be off.
    slanted = np.array([0.15, 0, 1.0]) / np.linalg.norm([0.15, 0, 1.0])
    around = nearby_directions(slanted)
    assert np.array_equal(around[0], slanted)
    assert all(3.5 < math.degrees(math.acos(slanted @ one)) < 8.5 for one in around[1:])
    ground = np.column_stack([flat, np.full(len(flat), -0.4)])
    deep = Surface(np.vstack([top, ground]), normals, np.zeros(len(points)))
    found = [bool(is_unobserved(deep, np.array([[0.13, 0.5, -0.3]]), one, 0.06)[0]) for one in around]
    assert not found[0]
    assert any(found)
