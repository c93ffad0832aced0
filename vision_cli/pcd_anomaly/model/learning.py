"""From prototypes to a model: the reference, views of every prototype, the head with its bank, and the calibration."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from vision_cli.core.compute.devices import one_thread_below
from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import Mesh, PointCloud
from vision_cli.pcd_anomaly.model.head import GroupSet, TrainedHead, train_head
from vision_cli.pcd_anomaly.model.pseudo_defects import add_pseudo_defects
from vision_cli.pcd_anomaly.options import Options
from vision_cli.pcd_anomaly.registration.targets import oriented_surface
from vision_cli.pcd_anomaly.scoring.agcs import select_centres
from vision_cli.pcd_anomaly.scoring.bank import ROWS_AT_ONCE, greedy_coreset, nearest_in_bank, projected
from vision_cli.pcd_anomaly.scoring.calibration import (
    NullTable,
    ScanLimit,
    local_scales,
    null_table,
    scan_limit,
    scan_score,
    student_table,
)
from vision_cli.pcd_anomaly.scoring.features import CHANNELS, Nodes, group_vectors, measure_nodes
from vision_cli.pcd_anomaly.scoring.fusion import Fusion, fuse, spread_to_points, surprises
from vision_cli.pcd_anomaly.scoring.reference import Reference, build_reference
from vision_cli.pcd_anomaly.scoring.residuals import Alignment, measure_residuals
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
from vision_cli.pcd_anomaly.surfaces.views import as_scanned, one_sided_view, roughness, view_directions

_MESH_POINTS = 300_000
_GATE = 0.08
_LEAST_SCALES = (5e-4, 4e-4, 4e-4, 3e-4)
"""Scales of the channels of distance never fall below these shares of the diameter: a CAD mesh has no noise at all."""

_LEAST_NOISE = 1 / 3000
"""Noise of a scanner, as a share of the diameter: a CAD mesh does not show it."""

_BIAS_REACH = 1 / 30
_DEFECTS_A_VIEW = 6
_NEIGHBOURS = 32
_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.4, 0.3, 1.0, 0.3)
"""How far each channel and the groups, last, are believed: distances in full, what an edge explains as well, less."""

_OF_WARPS = 2
"""The first channels hold the warps of instances."""

_OF_BENDS, _MOST_OF_BENDS = CHANNELS.index("bent"), 3.0
"""All places of an end rise together, so what a dozen views say of bends does not go beyond one place in a thousand."""

Describe = Callable[[Nodes, NDArray[np.int64], int, float], NDArray[np.float32]]
"""Turns groups into vectors as `vision_cli.pcd_anomaly.scoring.features.group_vectors` does."""


@dataclass(frozen=True)
class Memory:
    """The memory bank.

    Attributes
    ----------
    vectors
        Embedded groups of good views, ``(B, d)``.
    places
        Their registered centres over the diameter, ``(B, 3)``.
    """

    vectors: Tensor
    places: Tensor

    def of(self, chosen: NDArray[np.bool_]) -> Memory:
        """Give the chosen entries ``(B,)``; all, where none is."""
        rows = np.flatnonzero(chosen if chosen.any() else np.ones_like(chosen))
        return Memory(self.vectors[rows], self.places[rows])

    def distances(self, vectors: Tensor, places: NDArray[np.float64], rows: int = ROWS_AT_ONCE) -> NDArray[np.float64]:
        """Distance of embedded groups at registered places over the diameter ``(G, 3)`` to what is kept near them."""
        here = torch.from_numpy(places.astype(np.float32))
        return nearest_in_bank(vectors, self.vectors, here, self.places, _GATE, rows)[0].double().numpy()


@dataclass(frozen=True)
class Model:
    """Everything that is known of a part.

    Attributes
    ----------
    options
        How it was made.
    reference
        What good instances look like.
    head, memory
        Embedding of groups and the normal ones.
    fusion
        Calibrated channels; the last one is the embedding.
    limit
        Scores of good scans.
    home
        ``(4, 4)`` from the reference, which lies about its own middle, to the coordinates of the first prototype.
    warnings
        What the user should know of the prototypes.
    describe
        Makes the vectors of groups, as in training.
    """

    options: Options
    reference: Reference
    head: TrainedHead
    memory: Memory
    fusion: Fusion
    limit: ScanLimit
    home: Pose
    warnings: tuple[str, ...] = ()
    describe: Describe = group_vectors


@dataclass(frozen=True)
class _View:
    """A view of a prototype beside the reference of the others, with its groups."""

    prototype: int
    nodes: Nodes
    vectors: NDArray[np.float32]
    places: NDArray[np.float64]
    defective: NDArray[np.float32]
    defective_places: NDArray[np.float64]


@dataclass(frozen=True)
class Prepared:
    """What models of one part have in common, however their heads are trained.

    Attributes
    ----------
    reference
        What good instances look like.
    home
        ``(4, 4)`` from the reference to the coordinates of the first prototype.
    views
        Of the prototypes, with their groups.
    seed
        Of the head.
    describe
        Made the vectors of the groups.
    """

    reference: Reference
    home: Pose
    views: Sequence[_View]
    seed: int
    describe: Describe


def cloud_of(prototype: PointCloud | Mesh, generator: np.random.Generator) -> tuple[Points, Points | None]:
    """Give the points of a prototype, and its outward normals where it is a mesh or has them.

    Raises
    ------
    InputError
        If hardly any point is finite.
    """
    if isinstance(prototype, Mesh):
        corners = prototype.vertices[prototype.triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        double_area = np.linalg.norm(cross, axis=1)
        chosen = generator.choice(len(corners), _MESH_POINTS, p=double_area / double_area.sum())
        first, second = generator.random((2, _MESH_POINTS, 1))
        flip = first + second > 1
        first, second = np.where(flip, 1 - first, first), np.where(flip, 1 - second, second)
        picked = corners[chosen]
        points = picked[:, 0] + first * (picked[:, 1] - picked[:, 0]) + second * (picked[:, 2] - picked[:, 0])
        return points, cross[chosen] / double_area[chosen, None]
    finite = np.asarray(np.isfinite(prototype.points).all(axis=1))
    if finite.mean() < 0.5:
        raise InputError(
            f"a prototype with {int((~finite).sum())} of {len(finite)} points not finite; points expected.",
            hint="Export it again.",
        )
    return prototype.points[finite], None if prototype.normals is None else prototype.normals[finite]


def train(
    prototypes: Sequence[PointCloud | Mesh],
    options: Options,
    generator: np.random.Generator,
    on_stage: Callable[[str], None] = lambda _stage: None,
    describe: Describe = group_vectors,
) -> Model:
    """Learn a part from good instances.

    Parameters
    ----------
    prototypes
        Clouds of all sides, or a CAD mesh.
    options
        See `Options`.
    generator
        Every random number.
    on_stage
        Told what is being done.
    describe
        Makes the vectors of groups.

    Raises
    ------
    InputError
        If the prototypes cannot be used together.
    """
    return complete(prepare(prototypes, options, generator, on_stage, describe), options, on_stage)


def prepare(
    prototypes: Sequence[PointCloud | Mesh],
    options: Options,
    generator: np.random.Generator,
    on_stage: Callable[[str], None] = lambda _stage: None,
    describe: Describe = group_vectors,
) -> Prepared:
    """Register the prototypes and look at them from all sides; parameters and errors as for `train`."""
    clouds = [cloud_of(prototype, generator) for prototype in prototypes]
    # A local origin: coordinates of a survey leave float32 no digits for a defect.
    middles = [points.mean(axis=0) for points, _ in clouds]
    clouds = [(points - middle, normals) for (points, normals), middle in zip(clouds, middles, strict=True)]
    on_stage("reference")
    reference = build_reference([points for points, _ in clouds], generator, [normals for _, normals in clouds])
    home = make_pose(np.eye(3), middles[0]) @ invert(reference.poses[0])
    on_stage("views")
    views = _views(clouds, reference, options, generator, describe)
    return Prepared(reference, home, views, int(generator.integers(2**62)), describe)


# The matrices have some thousand rows of 85 columns: a second thread brings little, and spins while it waits.
@one_thread_below(0)
def complete(prepared: Prepared, options: Options, on_stage: Callable[[str], None] = lambda _stage: None) -> Model:
    """Train the head, fill the memory bank and calibrate."""
    reference, views = prepared.reference, prepared.views
    on_stage("head")
    head = train_head(_group_set(views), options.head, torch.Generator().manual_seed(prepared.seed))
    on_stage("calibration")
    embedded = [head.embed(view.vectors) for view in views]
    vectors = torch.cat(embedded)
    places = torch.from_numpy(np.concatenate([view.places for view in views]).astype(np.float32))
    kept = greedy_coreset(torch.cat([projected(vectors), places], dim=1), options.bank)
    memory = Memory(vectors[kept], places[kept])
    # A view is compared with what other prototypes gave to the bank; with other views, if there is but one prototype.
    several = len({view.prototype for view in views}) > 1
    sources = np.array([view.prototype if several else number for number, view in enumerate(views)])
    givers = np.repeat(sources, [len(view.places) for view in views])[kept]
    channels = [
        np.column_stack(
            [view.nodes.channels, _distances(view, embedded[number], memory.of(givers != sources[number]), reference)]
        )
        for number, view in enumerate(views)
    ]
    fusion, scores = calibrate(reference, [view.nodes for view in views], [v.prototype for v in views], channels)
    return Model(
        options,
        reference,
        head,
        memory,
        fusion,
        scan_limit(scores, len(reference.stack)),
        prepared.home,
        _warnings(reference, head, options),
        prepared.describe,
    )


def calibrate(
    reference: Reference,
    nodes: Sequence[Nodes],
    prototypes: Sequence[int],
    channels: Sequence[NDArray[np.float64]],
) -> tuple[Fusion, list[float]]:
    """Learn scales and distributions of channels from views of good parts, and score the views themselves.

    A view is never judged by scales that its own prototype took part in: with few prototypes it would always look good.

    Parameters
    ----------
    reference
        Of all prototypes.
    nodes
        Of each view.
    prototypes
        Whose view each is.
    channels
        ``(N, C)`` of each view.
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


def place_scores(nodes: Nodes, values: NDArray[np.float64], fusion: Fusion) -> NDArray[np.float64]:
    """Fuse channels ``(N, C)``, the embedding last, to the score of each place, ``(N,)``."""
    return fuse(values, nodes.residuals.nearest, nodes.boundary, nodes.residuals.unsure, fusion)


def oriented_view(points: Points, direction: NDArray[np.float64], spacing: float, turn: NDArray[np.float64]) -> Surface:
    """Thin a one-sided cloud out in cubes that lie as ``turn`` ``(3, 3)`` says, and turn its normals to the sensor.

    The cubes of a scan never lie as those of the reference do.
    """
    return surface_of(voxel_means(points @ turn.T, spacing) @ turn, 12).facing(direction)


def channel_surprises(nodes: Nodes, distances: NDArray[np.float64], fusion: Fusion) -> NDArray[np.float64]:
    """Give the surprise of each channel, the embedding last, at each place, ``(V, C)``."""
    values = np.column_stack([nodes.channels, distances])
    return surprises(values, fusion.scales[nodes.residuals.nearest], fusion.tables)


def measure_at(
    reference: Reference,
    surface: Surface,
    towards: NDArray[np.float64] | None,
    alignment: Alignment | None = None,
) -> Nodes:
    """Measure what lies where on a surface that was brought to a reference; parameters as for `measure_residuals`."""
    return measure_nodes(measure_residuals(surface, reference, towards, alignment), reference.diameter)


def _views(
    clouds: Sequence[tuple[Points, Points | None]],
    reference: Reference,
    options: Options,
    generator: np.random.Generator,
    describe: Describe,
) -> list[_View]:
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
            if len(seen) < 500:
                continue
            # Another instance than the one whose warp the tolerance was learnt from.
            seen = seen - own.at(seen) + reference.tolerance.draw(seen, generator)
            turn = random_rotation(generator)
            surface = oriented_view(seen, direction, spacing, turn)
            nodes = grouped = measure_at(others, surface, direction)
            if reference.group_spacing > spacing:
                surface = oriented_view(seen, direction, reference.group_spacing, turn)
                grouped = measure_at(others, surface, direction, nodes.residuals.alignment)
            places = grouped.residuals.surface.points
            centres = select_centres(places, options.groups, None, reference.group_spacing)
            vectors = describe(grouped, centres, options.group_size, size)
            bent, moved = add_pseudo_defects(surface, size, _DEFECTS_A_VIEW, generator)
            spoilt = measure_at(others, bent, direction)
            bad = np.flatnonzero(moved)
            bad = bad[:: max(1, len(bad) // (options.groups // 4))]
            views.append(
                _View(
                    number,
                    nodes,
                    vectors,
                    places[centres] / size,
                    describe(spoilt, bad, options.group_size, size),
                    spoilt.residuals.surface.points[bad] / size,
                )
            )
    if not views:
        raise InputError("no view of the prototypes shows 500 points; denser scans expected.", hint="Scan finer.")
    return views


def _group_set(views: Sequence[_View]) -> GroupSet:
    vectors = np.concatenate([view.vectors for view in views])
    places = np.concatenate([view.places for view in views])
    prototypes = np.concatenate([np.full(len(view.places), view.prototype) for view in views])
    number = np.concatenate([np.full(len(view.places), n) for n, view in enumerate(views)])
    # The same place in another view: the nearest group of any other view, if it is near.
    distance, near = cKDTree(places).query(places, k=min(8, len(places)))
    other = (number[near] != number[:, None]) & (distance < _GATE / 2)
    pick = np.where(other.any(axis=1), near[np.arange(len(near)), other.argmax(axis=1)], np.arange(len(near)))
    return GroupSet(
        vectors,
        vectors[pick],
        places.astype(np.float32),
        prototypes,
        np.concatenate([view.defective for view in views]),
        np.concatenate([view.defective_places for view in views]).astype(np.float32),
    )


def _distances(view: _View, embedded: Tensor, memory: Memory, reference: Reference) -> NDArray[np.float64]:
    """Distance of the embedded groups of a view to the bank, at each node of the view."""
    found = memory.distances(embedded, view.places)
    nodes = view.nodes.residuals.surface.points
    return spread_to_points(nodes, view.places * reference.diameter, found).astype(np.float64)


def _warnings(reference: Reference, head: TrainedHead, options: Options) -> tuple[str, ...]:
    found = []
    count = len(reference.poses)
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
