"""Training: from prototypes to a model, by reference, views of every prototype, head, memory bank and calibration."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from vision_cli.core.compute.devices import one_thread_below
from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import Mesh, PointCloud
from vision_cli.pcd_anomaly.model.embedding import SAME_PLACE, MemoryBank, TrainedHead
from vision_cli.pcd_anomaly.model.good_scans import GoodScan, place_good_scans
from vision_cli.pcd_anomaly.model.head import GroupSet, train_head
from vision_cli.pcd_anomaly.model.model import Model
from vision_cli.pcd_anomaly.model.prototypes import build_reference
from vision_cli.pcd_anomaly.model.pseudo_defects import add_pseudo_defects
from vision_cli.pcd_anomaly.options import Options
from vision_cli.pcd_anomaly.registration.limits import FEWEST_POINTS
from vision_cli.pcd_anomaly.scoring.agcs import select_centres
from vision_cli.pcd_anomaly.scoring.bank import greedy_coreset, projected
from vision_cli.pcd_anomaly.scoring.calibration import (
    NullTable,
    ScanLimit,
    local_scales,
    null_table,
    scan_limit,
    scan_score,
    student_table,
)
from vision_cli.pcd_anomaly.scoring.features import CHANNELS, DescribeGroups, group_vectors
from vision_cli.pcd_anomaly.scoring.fusion import Fusion, place_scores, spread_to_points
from vision_cli.pcd_anomaly.scoring.nodes import Nodes
from vision_cli.pcd_anomaly.scoring.reference import Reference
from vision_cli.pcd_anomaly.scoring.residuals import measure_at
from vision_cli.pcd_anomaly.surfaces.geometry import (
    Points,
    Pose,
    Surface,
    canonical_order,
    invert,
    make_pose,
    random_rotation,
    surface_of,
    transform,
    voxel_means,
)
from vision_cli.pcd_anomaly.surfaces.sampling import prototype_points
from vision_cli.pcd_anomaly.surfaces.views import as_scanned, one_sided_view, roughness, view_directions
from vision_cli.pcd_anomaly.surfaces.visibility import oriented_surface

_LEAST_SCALES = (5e-4, 4e-4, 4e-4, 3e-4)
"""Least scales of the channels of distance, as shares of the diameter: a CAD mesh has no noise."""

_LEAST_NOISE = 1 / 3000
"""Least noise of a scanner, as a share of the diameter: a CAD mesh has none."""

_GUESSED = 1.5
"""Factor on the width of the limit where the views are those of a single prototype with assumed noise."""

_BIAS_REACH = 1 / 30
_DEFECTS_A_VIEW = 6
_NEIGHBOURS = 32
_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.4, 0.3, 1.0, 0.3)
"""Weights of the channels, and of the groups, last; lower for channels that are also high at edges."""

_OF_WARPS = 2
"""Number of channels, the first ones, that contain the warps of instances."""

_OF_BENDS, _MOST_OF_BENDS = CHANNELS.index("bent"), 3.0
"""Cap of -log10 p of the bend channel: all places of an end vary together, and a dozen views support no more."""


@dataclass(frozen=True)
class _PrototypeView:
    """A view of a prototype measured against the reference of the others, with its groups."""

    prototype: int
    nodes: Nodes
    vectors: NDArray[np.float32]
    places: NDArray[np.float64]
    defective: NDArray[np.float32]
    defective_places: NDArray[np.float64]


@dataclass(frozen=True)
class Prepared:
    """What models of one part share, however their heads are trained.

    Attributes
    ----------
    reference
        The reference.
    to_prototype
        ``(4, 4)`` from the reference to the coordinates of the first prototype.
    views
        Views of the prototypes with their groups.
    seed
        Seed of the head's training.
    describe
        Computed the vectors of the groups.
    remarks
        What was done to the normals of prototypes and with good scans.
    calibrating
        Numbers of the views that scores are calibrated on: those of good scans, if there are several; else all.
    """

    reference: Reference
    to_prototype: Pose
    views: Sequence[_PrototypeView]
    seed: int
    describe: DescribeGroups
    remarks: tuple[str, ...] = ()
    calibrating: tuple[int, ...] = ()


def train(
    prototypes: Sequence[PointCloud | Mesh],
    options: Options,
    generator: np.random.Generator,
    on_stage: Callable[[str], None] = lambda _stage: None,
    describe: DescribeGroups = group_vectors,
    good: Sequence[PointCloud] = (),
) -> Model:
    """Return the model of a part trained on good instances.

    Parameters
    ----------
    prototypes
        Clouds of all sides, or a CAD mesh.
    options
        Options of the model.
    generator
        Source of all random numbers.
    on_stage
        Called with the name of each stage.
    describe
        Computes the vectors of groups.
    good
        Scans of good parts that need not show all sides: the noise of the scanner is learnt from them.

    Raises
    ------
    InputError
        If the prototypes cannot be used together, or no good scan with them.
    """
    return complete(prepare(prototypes, options, generator, on_stage, describe, good), options, on_stage)


def prepare(
    prototypes: Sequence[PointCloud | Mesh],
    options: Options,
    generator: np.random.Generator,
    on_stage: Callable[[str], None] = lambda _stage: None,
    describe: DescribeGroups = group_vectors,
    good: Sequence[PointCloud] = (),
) -> Prepared:
    """Return the reference and the views of prototypes; parameters and errors as for `train`."""
    found = [prototype_points(prototype, generator) for prototype in prototypes]
    remarks = tuple(f"prototype {number}: {one.remark}" for number, one in enumerate(found, 1) if one.remark)
    clouds = [(one.points, one.normals) for one in found]
    # A local origin: with survey coordinates float32 has no digits left for a defect.
    middles = [points.mean(axis=0) for points, _ in clouds]
    clouds = [(points - middle, normals) for (points, normals), middle in zip(clouds, middles, strict=True)]
    on_stage("reference")
    reference = build_reference([points for points, _ in clouds], generator, [normals for _, normals in clouds])
    to_prototype = make_pose(np.eye(3), middles[0]) @ invert(reference.poses[0])
    on_stage("views")
    views = _views(clouds, reference, options, generator, describe)
    calibrating = tuple(range(len(views)))
    if good:
        on_stage("good scans")
        placed, left_out = place_good_scans(good, reference, generator)
        if left_out:
            remarks += (f"{left_out} of {len(good)} good scans have no pose on the part; they were left out.",)
        first = len(views)
        for number, scan in enumerate(placed, len(clouds)):
            views.append(_view_of(number, reference, scan, options, generator, describe))
        # The noise of a real scanner is not that of synthetic views: these only help where there is a single scan.
        calibrating = tuple(range(first if len(placed) > 1 else 0, len(views)))
    seed = int(generator.integers(2**62))
    return Prepared(reference, to_prototype, views, seed, describe, remarks, calibrating)


# Matrices have a few thousand rows of 85 columns: a second thread gains little and spins while it waits.
@one_thread_below(0)
def complete(prepared: Prepared, options: Options, on_stage: Callable[[str], None] = lambda _stage: None) -> Model:
    """Return a model: train the head, fill the memory bank and calibrate."""
    reference, views = prepared.reference, prepared.views
    on_stage("head")
    head = train_head(_group_set(views), options.head, torch.Generator().manual_seed(prepared.seed))
    on_stage("calibration")
    embedded = [head.embed(view.vectors) for view in views]
    vectors = torch.cat(embedded)
    places = torch.from_numpy(np.concatenate([view.places for view in views]).astype(np.float32))
    kept = greedy_coreset(torch.cat([projected(vectors), places], dim=1), options.bank)
    memory = MemoryBank(vectors[kept], places[kept])
    # A view is compared with the bank entries of other prototypes, or of other views if there is a single prototype.
    several = len({view.prototype for view in views}) > 1
    sources = np.array([view.prototype if several else number for number, view in enumerate(views)])
    givers = np.repeat(sources, [len(view.places) for view in views])[kept]
    channels = [
        np.column_stack(
            [
                view.nodes.channels,
                _distances(view, embedded[number], memory.select(givers != sources[number]), reference),
            ]
        )
        for number, view in enumerate(views)
    ]
    chosen = [views[number] for number in prepared.calibrating]
    owners = [view.prototype for view in chosen]
    fusion, scores = calibrate(
        reference, [view.nodes for view in chosen], owners, [channels[number] for number in prepared.calibrating]
    )
    limit = scan_limit(scores, len(set(owners)))
    if len(set(owners)) == 1:
        limit = replace(limit, deviation=_GUESSED * limit.deviation, is_guess=True)
    return Model(
        options,
        reference,
        head,
        memory,
        fusion,
        limit,
        prepared.to_prototype,
        (*prepared.remarks, *_warnings(reference, head, options, limit)),
        prepared.describe,
    )


def calibrate(
    reference: Reference,
    nodes: Sequence[Nodes],
    prototypes: Sequence[int],
    channels: Sequence[NDArray[np.float64]],
) -> tuple[Fusion, list[float]]:
    """Return the calibration of channels on views of good parts, and the scores of the views.

    A view is scored with scales from the other prototypes only; with few prototypes its own would bias them.

    Parameters
    ----------
    reference
        Reference of all prototypes.
    nodes
        Measured places of each view.
    prototypes
        Number of the prototype of each view.
    channels
        Channels of each view, ``(N, C)``.
    """
    places = reference.level.surface.points
    near = cKDTree(places).query(places, k=min(_NEIGHBOURS, len(places)))[1]
    numbers = sorted(set(prototypes))

    def scales_of(chosen: Sequence[int], instances: int) -> NDArray[np.float64]:
        rows = [nodes[n].residuals.nearest for n in chosen]
        found = local_scales(places, rows, [channels[n] for n in chosen], near, instances)
        found[:, :4] = np.maximum(found[:, :4], np.asarray(_LEAST_SCALES) * reference.diameter)
        return np.asarray(np.maximum(found, 1e-3 * np.maximum(found.mean(axis=0), 1e-12)))

    def table_of(channel: int, over: NDArray[np.float64]) -> NullTable:
        if channel < _OF_WARPS:
            return student_table(len(numbers))
        return null_table(over, _MOST_OF_BENDS if channel == _OF_BENDS else math.inf)

    everything = list(range(len(nodes)))
    left_out = {}
    for number in numbers:
        others = [n for n in everything if prototypes[n] != number] or everything
        left_out[number] = scales_of(others, max(len(numbers) - 1, 1))
    over = [
        found / left_out[owner][one.residuals.nearest]
        for one, owner, found in zip(nodes, prototypes, channels, strict=True)
    ]
    tables = tuple(table_of(channel, column) for channel, column in enumerate(np.concatenate(over).T))
    weights = np.asarray(_WEIGHTS[: len(tables)])
    scores = [
        scan_score(place_scores(one, found, Fusion(left_out[owner], tables, weights)))
        for one, owner, found in zip(nodes, prototypes, channels, strict=True)
    ]
    return Fusion(scales_of(everything, len(numbers)), tables, weights), scores


def oriented_view(points: Points, direction: NDArray[np.float64], spacing: float, turn: NDArray[np.float64]) -> Surface:
    """Return a one-sided cloud thinned in cubes rotated by ``turn`` ``(3, 3)``, with normals towards the sensor.

    The rotation stands for the arbitrary orientation of a scan relative to the reference.
    """
    return surface_of(voxel_means(points @ turn.T, spacing) @ turn, 12).facing(direction)


def _views(
    clouds: Sequence[tuple[Points, Points | None]],
    reference: Reference,
    options: Options,
    generator: np.random.Generator,
    describe: DescribeGroups,
) -> list[_PrototypeView]:
    size, spacing = reference.diameter, reference.spacing
    each = max(2, -(-options.views // len(clouds)))
    views = []
    for number, (points, _) in enumerate(clouds):
        placed = transform(reference.poses[number], points)
        placed = placed[canonical_order(placed)]
        whole = oriented_surface(placed, spacing)
        noise = max(roughness(placed), _LEAST_NOISE * size)
        others, own = reference.without(number), reference.own_warp(number)
        for direction in view_directions(each, generator):
            rows, cosines = one_sided_view(placed, whole, direction, spacing)
            seen = as_scanned(placed[rows], cosines, direction, noise, _BIAS_REACH * size, generator)
            if len(seen) < FEWEST_POINTS:
                continue
            # Replace the own warp, which the tolerance was estimated from, by that of another instance.
            seen = seen - own.at(seen) + reference.tolerance.draw(seen, generator)
            turn = random_rotation(generator)
            surface = oriented_view(seen, direction, spacing, turn)
            grouped = None
            if reference.group_spacing > spacing:
                grouped = oriented_view(seen, direction, reference.group_spacing, turn)
            scan = GoodScan(surface, grouped, direction)
            views.append(_view_of(number, others, scan, options, generator, describe))
    if not views:
        raise InputError(
            f"no view of the prototypes shows {FEWEST_POINTS} points; denser scans expected.", hint="Scan finer."
        )
    return views


def _view_of(
    number: int,
    reference: Reference,
    scan: GoodScan,
    options: Options,
    generator: np.random.Generator,
    describe: DescribeGroups,
) -> _PrototypeView:
    """Return a view of a good part, measured against a reference that it is no part of, with its groups."""
    size = reference.diameter
    nodes = grouped = measure_at(reference, scan.surface, scan.towards)
    if scan.grouped is not None:
        grouped = measure_at(reference, scan.grouped, scan.towards, nodes.residuals.alignment)
    places = grouped.residuals.surface.points
    centres = select_centres(places, options.groups, None, reference.group_spacing)
    vectors = describe(grouped, centres, options.group_size, size)
    bent, moved = add_pseudo_defects(scan.grouped or scan.surface, size, _DEFECTS_A_VIEW, generator)
    with_defects = measure_at(reference, bent, scan.towards)
    bad = np.flatnonzero(moved)
    bad = bad[:: max(1, len(bad) // (options.groups // 4))]
    return _PrototypeView(
        number,
        nodes,
        vectors,
        places[centres] / size,
        describe(with_defects, bad, options.group_size, size),
        with_defects.residuals.surface.points[bad] / size,
    )


def _group_set(views: Sequence[_PrototypeView]) -> GroupSet:
    vectors = np.concatenate([view.vectors for view in views])
    places = np.concatenate([view.places for view in views])
    prototypes = np.concatenate([np.full(len(view.places), view.prototype) for view in views])
    number = np.concatenate([np.full(len(view.places), n) for n, view in enumerate(views)])
    # Positives: the nearest group of another view, if it is near.
    distance, near = cKDTree(places).query(places, k=min(8, len(places)))
    other = (number[near] != number[:, None]) & (distance < SAME_PLACE / 2)
    pick = np.where(other.any(axis=1), near[np.arange(len(near)), other.argmax(axis=1)], np.arange(len(near)))
    return GroupSet(
        vectors,
        vectors[pick],
        places.astype(np.float32),
        prototypes,
        np.concatenate([view.defective for view in views]),
        np.concatenate([view.defective_places for view in views]).astype(np.float32),
    )


def _distances(view: _PrototypeView, embedded: Tensor, memory: MemoryBank, reference: Reference) -> NDArray[np.float64]:
    """Return the distance of the embedded groups of a view to the bank, at each node of the view."""
    found = memory.distances(embedded, view.places)
    nodes = view.nodes.residuals.surface.points
    return spread_to_points(nodes, view.places * reference.diameter, found).astype(np.float64)


def _warnings(reference: Reference, head: TrainedHead, options: Options, limit: ScanLimit) -> tuple[str, ...]:
    found = []
    count = len(reference.poses)
    if limit.is_guess:
        found.append(
            "the noise of the scanner is not known, so the limit of scans is a guess; give several good scans with "
            "--good."
        )
    if count == 1:
        found.append("one prototype: how much good instances differ cannot be learnt; a typical tolerance is assumed.")
    for number, score in enumerate(reference.prototype_scores):
        if score > 2.5:
            found.append(
                f"prototype {number + 1} differs from the others {score:.1f} times as much as they do; is it defective?"
            )
    if head.network is None and options.head.steps:
        found.append("the head could not be trained; vectors of groups are compared as they are.")
    return tuple(found)
