"""Candidate poses: the grid holds one near the truth, scores prefer it, and similar poses count once."""

from __future__ import annotations

import numpy as np

from vision_cli.pcd_anomaly.registration.candidates import (
    axes_poses,
    descriptor_poses,
    grid_poses,
    select_distinct,
    soft_scores,
)
from vision_cli.pcd_anomaly.surfaces.geometry import invert, make_pose, rotation_angle
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan, thin
from vision_cli.pcd_anomaly.surfaces.visibility import visible


def placed_scan(bracket):
    """Return a thinned scan and its true pose."""
    prototype, (test, *_), target = bracket
    surface = prepare_scan(test.scan.points, target.diameter / 40)
    return surface, invert(prototype.scan.pose_true) @ test.scan.pose_true


def test_the_grid_has_a_pose_near_the_truth(bracket):
    surface, true = placed_scan(bracket)
    target = bracket[2]
    towards = true[:3, :3].T @ target.directions[0]
    poses = grid_poses(surface, target, towards)
    assert len(poses) == 30 * len(target.directions)
    nearest = min(rotation_angle(pose, true) for pose in poses)
    assert nearest < 0.12


def test_principal_axes_lead_near_the_truth_without_a_view(bracket):
    target = bracket[2]
    surface = target.levels[0].surface
    # Directions between those of the target's templates.
    for towards in np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]:
        seen = surface.take(np.flatnonzero(visible(surface, towards, target.diameter / 40, 0.2)))
        turned = make_pose(np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0], np.ones(3))
        turned[:3, :3] *= np.sign(np.linalg.det(turned[:3, :3]))
        poses = axes_poses(seen.moved(turned), target)
        assert len(poses) == 4 * len(target.directions)
        found = poses @ turned
        back = seen.points @ np.swapaxes(found[:, :3, :3], 1, 2) + found[:, None, :3, 3]
        assert np.linalg.norm(back - seen.points, axis=2).max(axis=1).min() < 0.06 * target.diameter


def test_the_true_pose_scores_higher_than_a_wrong_one(bracket):
    surface, true = placed_scan(bracket)
    target = bracket[2]
    facing = surface.moved(true)
    outward = target.levels[2].surface.normals[target.levels[2].nearest(facing.points, facing.normals)]
    sign = np.sign(np.einsum("ni,ni->n", outward, facing.normals))[:, None]
    oriented = type(surface)(surface.points, surface.normals * np.where(sign == 0, 1, sign), surface.variation)
    wrong = true.copy()
    wrong[:3, 3] += 0.1 * target.diameter
    scores = soft_scores(oriented, target, np.stack([true, wrong]))
    assert scores[0] > scores[1] + 0.1
    assert 0 <= scores.min() <= scores.max() <= 1


def test_poses_closer_than_both_limits_count_once():
    poses = make_pose(np.repeat(np.eye(3)[None], 4, axis=0), np.array([[0.0, 0, 0], [0.1, 0, 0], [3, 0, 0], [5, 0, 0]]))
    chosen = select_distinct(poses, np.array([1.0, 2.0, 0.5, 0.7]), np.zeros(3), 0.1, 1.0, 10)
    assert chosen.tolist() == [1, 3, 2]
    assert select_distinct(poses, np.array([1.0, 2.0, 0.5, 0.7]), np.zeros(3), 0.1, 1.0, 2).tolist() == [1, 3]


def test_descriptors_of_the_target_itself_lead_near_the_identity(bracket):
    target = bracket[2]
    surface = thin(target.levels[2].surface, target.diameter / 80)
    poses = descriptor_poses(surface, target, np.random.default_rng(0), 20.0)
    assert len(poses) > 100
    assert min(rotation_angle(pose, np.eye(4)) for pose in poses) < 0.1
