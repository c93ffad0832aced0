"""Defects of a part: bulge, sink, scratch, crack, missing and bend, as displacements of its surface with known depth.

A defect is drawn where a scanner can see it, on triangles as fine as it needs. What it moved along the normal of the
surface is kept at each vertex, so that a scan knows the truth of each of its points. Lengths are mm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from vision_cli.core.errors import UsageError
from vision_cli.io.points.clouds import Mesh
from vision_cli.phantoms.arrays import Matrix
from vision_cli.phantoms.parts.scanner import Camera, Marks
from vision_cli.phantoms.parts.surfaces import convexity, diameter, refined, triangle_normals, vertex_normals

_LOOK = 120
_FACING = 0.57
_LABEL_SHARE = 0.15
"""A point is defective where the surface moved by more than this share of the defect's depth."""

_FINE_MM, _COARSE_MM = 0.12, 0.3
_TRIES = 20
_LEAST_AREA = 3e-4
"""A defect covers at least this share of the area of the part, or another place is tried."""


@dataclass(frozen=True)
class Suite:
    """How hard a set of scans is.

    Attributes
    ----------
    name
        What it is called.
    warp_mm
        Largest displacement of the smooth warp of each instance.
    depth
        Least and largest depth of a defect, in mm, or as a share of the part's diameter if `relative`.
    relative
        Whether `depth` is a share.
    """

    name: str
    warp_mm: float
    depth: tuple[float, float]
    relative: bool = False

    def draw_depth(self, size_mm: float, generator: np.random.Generator) -> float:
        """Draw the depth in mm of a defect on a part of this diameter."""
        return float(generator.uniform(*self.depth)) * (size_mm if self.relative else 1.0)


SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("rigid", 0.06, (0.3, 0.7)),
        Suite("tolerance", 0.35, (0.17, 0.42)),
        Suite("subtle", 0.06, (1e-3, 5e-3), relative=True),
    )
}


@dataclass(frozen=True)
class Defective:
    """A part with a defect.

    Attributes
    ----------
    mesh
        The deformed part.
    marks
        What the defect did to it.
    kind
        One of `KINDS`.
    depth_mm
        How far the surface moved at most.
    centre
        ``(3,)``, where the defect is in coordinates of the part.
    """

    mesh: Mesh
    marks: Marks
    kind: str
    depth_mm: float
    centre: Matrix


@dataclass(frozen=True)
class _Place:
    """Where a defect goes: a visible point, its outward normal, and the direction to the scanner."""

    centre: Matrix
    normal: Matrix
    view: Matrix
    size_mm: float


def add_defect(mesh: Mesh, kind: str, depth_mm: float, view: Matrix, generator: np.random.Generator) -> Defective:
    """Give a part a defect that a scanner sees.

    Parameters
    ----------
    mesh
        The part without the defect.
    kind
        One of `KINDS`.
    depth_mm
        How far the surface moves at most.
    view
        ``(3,)``, direction from the part to the scanner.
    generator
        Where place, shape and direction come from.

    Raises
    ------
    UsageError
        If there is no such kind, or no place for it on what the scanner sees.
    """
    if kind not in _MAKERS:
        raise UsageError(f"defect {kind!r}; one of {', '.join(KINDS)} expected.")
    view = np.asarray(view, dtype=np.float64) / np.linalg.norm(view)
    places, normals = _places(mesh, kind, view)
    for _ in range(_TRIES):
        chosen = int(generator.integers(len(places)))
        place = _Place(places[chosen], normals[chosen], view, diameter(mesh.vertices))
        made = _apply_defect(mesh, kind, depth_mm, place, generator)
        if made is not None:
            return made
    raise UsageError(f"no place for a {kind} of {depth_mm:.2f} mm in this view.", hint="Look from another direction.")


def _apply_defect(
    mesh: Mesh, kind: str, depth_mm: float, place: _Place, generator: np.random.Generator
) -> Defective | None:
    """Displace the surface at a place; None where too little of it can be seen to have moved."""
    beyond, edge, displace = _MAKERS[kind](mesh, place, depth_mm, generator)
    finer = mesh if beyond is None else refined(mesh, beyond, edge)
    normals = vertex_normals(finer)
    shift = displace(finer.vertices, normals)
    deviation = np.einsum("vd,vd->v", shift, normals)
    deepest = float(np.abs(deviation).max(initial=0))
    if deepest < 0.5 * depth_mm:
        return None
    threshold = _LABEL_SHARE * depth_mm
    facing, areas = triangle_normals(finer)
    moved = (np.abs(deviation[finer.triangles]).min(axis=1) > threshold) & (facing @ place.view > 0)
    if areas[moved].sum() < _LEAST_AREA * areas.sum():
        return None
    changed = Mesh(finer.vertices + shift, finer.triangles)
    return Defective(changed, Marks(deviation, threshold), kind, depth_mm, place.centre)


def _places(mesh: Mesh, kind: str, view: Matrix) -> tuple[Matrix, Matrix]:
    """Return visible points ``(N, 3)`` with their normals: edges for what breaks off, faces for the rest."""
    hits = Camera(mesh).look(view, diameter(mesh.vertices) / _LOOK)
    facing = hits.cosines > _FACING
    if not facing.any():
        raise UsageError("the scanner sees no face of the part well.", hint="Look from another direction.")
    seen = hits.triangles[facing]
    if kind != "missing":
        corners = mesh.vertices[mesh.triangles[seen]]
        return np.einsum("nk,nkd->nd", hits.weights[facing], corners), triangle_normals(mesh)[0][seen]
    normals = vertex_normals(mesh)
    sharp = convexity(mesh, normals)
    vertices = np.unique(mesh.triangles[seen])
    vertices = vertices[sharp[vertices] >= np.quantile(sharp[vertices], 0.9)]
    return mesh.vertices[vertices], normals[vertices]


_Displace = Callable[[Matrix, Matrix], Matrix]
"""From vertices and their normals, ``(V, 3)`` each, to their displacements ``(V, 3)``."""

_Beyond = Callable[[Matrix], Matrix]
"""From points to how far they lie outside the defect, as `refined` takes it."""

_DefectShape = tuple[_Beyond | None, float, _Displace]
"""Where the mesh must be fine (None: it is fine enough), the longest edge there, and the displacement."""


def _bump(mesh: Mesh, place: _Place, depth_mm: float, generator: np.random.Generator) -> _DefectShape:
    """Raise the surface under a smooth kernel that is longer one way than the other."""
    radius = place.size_mm * generator.uniform(0.04, 0.09)
    radii = radius * np.asarray([1.0, generator.uniform(0.5, 1.0)])
    tangents = _tangents(place.normal, generator)

    def displace(vertices: Matrix, normals: Matrix) -> Matrix:
        local = (vertices - place.centre) @ tangents.T / radii
        high = (vertices - place.centre) @ place.normal / radius
        rho = (local**2).sum(axis=1) + high**2
        height = depth_mm * np.clip(1 - rho, 0, None) ** 2 * _same_side(normals, place.normal)
        return np.asarray(height[:, None] * place.normal)

    return _ball(place.centre, radius), _COARSE_MM, displace


def _hollow(mesh: Mesh, place: _Place, depth_mm: float, generator: np.random.Generator) -> _DefectShape:
    """Press the surface in."""
    beyond, edge, raise_it = _bump(mesh, place, depth_mm, generator)
    return beyond, edge, lambda vertices, normals: -raise_it(vertices, normals)


def _scratch(mesh: Mesh, place: _Place, depth_mm: float, generator: np.random.Generator) -> _DefectShape:
    """Draw a curved groove with the material that it pushed up along both sides."""
    length, half = place.size_mm * generator.uniform(0.14, 0.3), generator.uniform(0.35, 0.6)
    steps = np.linspace(-0.5, 0.5, 17)
    path = np.stack([length * steps, length * generator.uniform(-0.25, 0.25) * (steps**2 - 0.08)], axis=1)

    def profile(distance: Matrix) -> Matrix:
        inside = -(np.clip(1 - distance**2, 0, None) ** 2)
        ridge = 0.3 * np.clip(1 - ((distance - 1.35) / 0.5) ** 2, 0, None) ** 2
        return inside + ridge

    return _along(path, half, 1.9, profile, place, depth_mm, generator)


def _crack(mesh: Mesh, place: _Place, depth_mm: float, generator: np.random.Generator) -> _DefectShape:
    """Open a jagged groove with steep sides."""
    length, half = place.size_mm * generator.uniform(0.12, 0.26), generator.uniform(0.25, 0.4)
    steps = np.linspace(-0.5, 0.5, 10)
    path = np.stack([length * steps, 0.05 * length * np.cumsum(generator.standard_normal(10))], axis=1)
    path[:, 1] -= path[:, 1].mean()

    def profile(distance: Matrix) -> Matrix:
        return np.asarray(-np.clip(1.4 - 1.4 * distance, 0, 1))

    return _along(path, half, 1.0, profile, place, depth_mm, generator)


def _along(
    path: Matrix,
    half_mm: float,
    reach: float,
    profile: Callable[[Matrix], Matrix],
    place: _Place,
    depth_mm: float,
    generator: np.random.Generator,
) -> _DefectShape:
    """Displace the surface by its distance to a path ``(K, 2)`` in the tangent plane, shallower at both ends."""
    tangents = _tangents(place.normal, generator)
    radius = float(np.linalg.norm(path, axis=1).max()) + reach * half_mm

    def displace(vertices: Matrix, normals: Matrix) -> Matrix:
        shift = np.zeros_like(vertices)
        local = vertices - place.centre
        near = np.flatnonzero((np.linalg.norm(local, axis=1) < 1.5 * radius) & (normals @ place.normal > 0))
        distance, share = _to_path(local[near] @ tangents.T, path)
        # A groove follows the surface as far as a tool would: not down the side of a step.
        follows = np.clip(3 - np.abs(local[near] @ place.normal) / half_mm, 0, 1)
        ends = np.clip(np.minimum(share, 1 - share) / 0.12, 0, 1)
        height = depth_mm * profile(distance / half_mm) * ends * follows * _same_side(normals[near], place.normal)
        shift[near] = height[:, None] * place.normal
        return shift

    def beyond(points: Matrix) -> Matrix:
        local = points - place.centre
        outside: Matrix = np.linalg.norm(local, axis=1) - radius
        near = np.flatnonzero(outside < 1.0)
        distance, _ = _to_path(local[near] @ tangents.T, path)
        # A groove ends where the surface falls away from the tangent plane.
        away = np.maximum(distance - reach * half_mm, np.abs(local[near] @ place.normal) - 3 * half_mm)
        outside[near] = np.maximum(outside[near], away)
        return outside

    return beyond, _FINE_MM, displace


def _chip(mesh: Mesh, place: _Place, depth_mm: float, generator: np.random.Generator) -> _DefectShape:
    """Break an edge off: the surface beyond a plane falls onto it."""
    radius = place.size_mm * generator.uniform(0.06, 0.11)
    normal = place.normal + 0.25 * generator.standard_normal(3)
    normal = normal / np.linalg.norm(normal)

    def displace(vertices: Matrix, normals: Matrix) -> Matrix:
        local = vertices - place.centre
        high = local @ normal
        away = ((local - high[:, None] * normal) ** 2).sum(axis=1) / radius**2
        cut = depth_mm * np.clip(1 - away, 0, None)
        drop = np.where((away < 1) & (np.abs(high) < radius), np.clip(high + cut, 0, depth_mm), 0.0)
        return np.asarray(-(drop * _same_side(normals, normal))[:, None] * normal)

    return _ball(place.centre, radius), _FINE_MM, displace


def _bend(mesh: Mesh, place: _Place, depth_mm: float, generator: np.random.Generator) -> _DefectShape:
    """Turn one end of the part about a line across it, towards the scanner or away."""
    spread = np.linalg.eigh(np.cov(mesh.vertices.T))[1]
    # The longest direction most of the time, else the second, where the scanner sees it from the side.
    long = spread[:, 2] if generator.random() < 0.7 else spread[:, 1]
    if abs(long @ place.view) > 0.7:
        long = spread[:, 1] if abs(spread[:, 1] @ place.view) < abs(spread[:, 0] @ place.view) else spread[:, 0]
    long = long * (1.0 if (place.centre - mesh.vertices.mean(axis=0)) @ long > 0 else -1.0)
    places = mesh.vertices @ long
    hinge, end = np.quantile(places, generator.uniform(0.8, 0.92)), places.max()
    towards = place.view - (place.view @ long) * long
    towards *= generator.choice([-1.0, 1.0]) / np.linalg.norm(towards)

    def displace(vertices: Matrix, normals: Matrix) -> Matrix:
        ramp = np.clip((vertices @ long - hinge) / (end - hinge), 0, None)
        return np.asarray((depth_mm * ramp)[:, None] * towards)

    return None, _COARSE_MM, displace


def _ball(centre: Matrix, radius_mm: float) -> _Beyond:
    return lambda points: np.asarray(np.linalg.norm(points - centre, axis=1) - radius_mm)


def _to_path(points: Matrix, path: Matrix) -> tuple[Matrix, Matrix]:
    """Return the distance of points ``(N, 2)`` to a path ``(K, 2)``, and the share of its length where it is met."""
    starts, steps = path[:-1], np.diff(path, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    relative = points[:, None] - starts
    along = np.clip(np.einsum("nkd,kd->nk", relative, steps) / lengths**2, 0, 1)
    distances = np.linalg.norm(relative - along[..., None] * steps, axis=2)
    nearest = distances.argmin(axis=1)
    rows = np.arange(len(points))
    before = np.concatenate([[0.0], np.cumsum(lengths)])
    met = before[nearest] + along[rows, nearest] * lengths[nearest]
    return distances[rows, nearest], met / before[-1]


def _tangents(normal: Matrix, generator: np.random.Generator) -> Matrix:
    """Return two directions ``(2, 3)`` across a normal, turned by chance."""
    across = np.linalg.svd(normal[None])[2][1:]
    angle = generator.uniform(0, 2 * np.pi)
    turn = np.asarray([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(turn @ across)


def _same_side(normals: Matrix, normal: Matrix) -> Matrix:
    """Return 1 for the side of a wall that the defect is on and 0 for its back, ``(V,)``."""
    return np.clip(1 + 4 * (normals @ normal), 0, 1)


_MAKERS: Mapping[str, Callable[[Mesh, _Place, float, np.random.Generator], _DefectShape]] = {
    "bulge": _bump,
    "sink": _hollow,
    "scratch": _scratch,
    "crack": _crack,
    "missing": _chip,
    "bend": _bend,
}
KINDS: tuple[str, ...] = tuple(_MAKERS)
"""Names of the defects."""
