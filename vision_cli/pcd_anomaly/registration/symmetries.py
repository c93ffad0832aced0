"""Motions that nearly take a part onto itself: where a search of poses ends up wrong although most of a scan fits.

A square plate with one odd hole has seven of them. None is a symmetry: those take the whole part onto itself, and a
pose and its image under one are the same pose.
"""

from __future__ import annotations

import numpy as np

from vision_cli.pcd_anomaly.registration.candidates import grid_poses, select_distinct, soft_scores
from vision_cli.pcd_anomaly.registration.icp import PLAIN_DAMPING, refine, refine_coarsely
from vision_cli.pcd_anomaly.registration.targets import Target
from vision_cli.pcd_anomaly.registration.verification import is_symmetry, verify
from vision_cli.pcd_anomaly.surfaces.geometry import Pose
from vision_cli.pcd_anomaly.surfaces.sampling import subsample

_POINTS, _STARTS, _REFINED, _MOST = 150, 64, 24, 12
_ALIKE = 0.7
"""Least fitness of a near symmetry: the share of the part that it takes onto the part."""

_ANGLE, _DISTANCE = 0.15, 1 / 20
_SAME_ANGLE, _SAME_DISTANCE = 0.3, 1 / 10
_CAPS = (1 / 12, 1 / 14, 1 / 16, 1 / 20, 1 / 24, 1 / 28, 1 / 32)
_FINE_CAPS = (1 / 20, 1 / 24, 1 / 32, 1 / 40, 1 / 40, 1 / 60, 1 / 60)


def near_symmetries(target: Target) -> Pose:
    """Return the motions ``(B, 4, 4)`` that nearly take a part onto itself, best first, at most twelve.

    They are searched once for a target, among rotations about its middle in steps of twelve degrees, and refined.
    """
    if not target.near_symmetries:
        target.near_symmetries.append(_searched(target))
    return target.near_symmetries[0]


def _searched(target: Target) -> Pose:
    size, middle = target.diameter, target.middle
    some = subsample(target.levels[0].surface, _POINTS)
    starts = grid_poses(some, target, None)
    scores = soft_scores(some, target, starts)
    apart = select_distinct(starts, scores, middle, _ANGLE, size * _DISTANCE, _STARTS)
    found = refine_coarsely(some, target.grid, starts[apart], tuple(size * cap for cap in _CAPS))
    scores = soft_scores(some, target, found)
    apart = select_distinct(found, scores, middle, _ANGLE, size * _DISTANCE, _REFINED)
    more = subsample(target.levels[1].surface, 4 * _POINTS)
    found = refine(more, target.levels[1], found[apart], tuple(size * cap for cap in _FINE_CAPS), PLAIN_DAMPING)
    # The identity is the first and best, so that what is near it falls away.
    found = np.concatenate([np.eye(4)[None], found])
    fitness = np.array([2.0, *(verify(more, target, pose, None).fitness for pose in found[1:])])
    order = select_distinct(found, fitness, middle, _SAME_ANGLE, size * _SAME_DISTANCE, len(found))[1:]
    kept = [found[number] for number in order if fitness[number] >= _ALIKE and not is_symmetry(target, found[number])]
    return np.stack(kept[:_MOST]) if kept else np.empty((0, 4, 4))
