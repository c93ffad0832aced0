"""Scans of a part: rays from a camera to a mesh, with the errors of structured light.

A scanner sees one side. The noise of a point lies along its ray and rises with the angle of incidence; a bias that
is correlated over neighbouring pixels comes on top; what is seen at a grazing angle drops out.
Lengths are mm. A pose is a ``(4, 4)`` matrix from the coordinates of a scan to those of the part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from vision_cli.core.errors import UsageError
from vision_cli.io.points.clouds import Mesh, import_open3d
from vision_cli.phantoms.arrays import Floats, Labels, Matrix
from vision_cli.phantoms.noise import Waves
from vision_cli.phantoms.parts.surfaces import diameter, triangle_normals

_DISTANCE = 7.0
"""From camera to part, in diameters of the part."""

_LOOK = 160
_WAVES = 24
_PROTOTYPE_VIEWS = 12


@dataclass(frozen=True)
class Errors:
    """How a scanner errs.

    Attributes
    ----------
    noise_mm
        Standard deviation along the ray at normal incidence; it rises with 1 / cos, up to four times.
    bias_mm, bias_correlation_mm
        Standard deviation of the bias, and over which distance it is correlated.
    grazing_deg
        Below the first angle of incidence all points are kept, above the second none.
    lost
        Share of the points that drop out for no reason.
    jitter_mm, jitter_rad
        Standard deviations of the error of a view's place when views are fused.
    """

    noise_mm: float = 0.015
    bias_mm: float = 0.012
    bias_correlation_mm: float = 1.5
    grazing_deg: tuple[float, float] = (60.0, 80.0)
    lost: float = 0.005
    jitter_mm: float = 0.008
    jitter_rad: float = 0.0004


@dataclass(frozen=True)
class Marks:
    """What is known of the surface at each vertex of a mesh.

    Attributes
    ----------
    deviation_mm
        ``(V,)``, how far a defect moved the surface outwards.
    threshold_mm
        A point is defective where the surface moved further than this.
    """

    deviation_mm: Matrix
    threshold_mm: float


@dataclass(frozen=True)
class Scan:
    """Points of a part with what is known of them.

    Attributes
    ----------
    points
        ``(N, 3)`` in mm, in coordinates of their own, their mean in the origin.
    normals
        ``(N, 3)`` of the true surface, or None.
    labels
        ``(N,)``, 1 where the part is defective.
    deviation_mm
        ``(N,)``, how far a defect moved the surface outwards; noise and warp not counted.
    pose_true
        ``(4, 4)`` from scan to part.
    """

    points: Matrix
    normals: Matrix | None
    labels: Labels
    deviation_mm: Matrix
    pose_true: Matrix


@dataclass(frozen=True)
class Hits:
    """Where rays meet a mesh.

    Attributes
    ----------
    triangles
        ``(N,)``.
    weights
        ``(N, 3)`` of the corners of the triangle.
    directions
        ``(N, 3)``, unit vectors of the rays.
    cosines
        ``(N,)`` of the angle of incidence.
    places
        ``(2, N)`` in the plane of the picture, in mm at the middle of the part.
    pitch_mm
        Distance of neighbouring rays.
    """

    triangles: np.ndarray[Any, np.dtype[np.int64]]
    weights: Matrix
    directions: Matrix
    cosines: Matrix
    places: Floats
    pitch_mm: float


class Camera:
    """A camera that looks at a mesh from any direction.

    Parameters
    ----------
    mesh
        What it looks at.
    """

    def __init__(self, mesh: Mesh) -> None:
        o3d = import_open3d()
        self._core = o3d.core
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            o3d.core.Tensor(np.ascontiguousarray(mesh.vertices, dtype=np.float32)),
            o3d.core.Tensor(np.ascontiguousarray(mesh.triangles, dtype=np.uint32)),
        )
        self.mesh = mesh
        self.normals, _ = triangle_normals(mesh)
        self._middle = mesh.vertices.min(axis=0) / 2 + mesh.vertices.max(axis=0) / 2
        self._size = diameter(mesh.vertices)

    def look(self, view: Matrix, pitch_mm: float, offset: tuple[float, float] = (0.0, 0.0)) -> Hits:
        """Cast a grid of rays and return those that meet the outside of the mesh.

        Parameters
        ----------
        view
            ``(3,)`` from the part to the camera.
        pitch_mm
            Distance of neighbouring rays in the middle of the part.
        offset
            Where the grid begins, in shares of the pitch.
        """
        view = np.asarray(view, dtype=np.float64)
        view = view / np.linalg.norm(view)
        sides = np.linalg.svd(view[None])[2][1:]
        half = self._size / 2 + pitch_mm
        line = np.arange(-half, half, pitch_mm)
        across, down = np.meshgrid(line + offset[0] * pitch_mm, line + offset[1] * pitch_mm, indexing="ij")
        places = np.stack([across.ravel(), down.ravel()])
        origin = self._middle + _DISTANCE * self._size * view
        directions = self._middle + places.T @ sides - origin
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        rays = np.empty((len(directions), 6), dtype=np.float32)
        rays[:, :3], rays[:, 3:] = origin, directions
        found = self._scene.cast_rays(self._core.Tensor(rays))
        triangles = found["primitive_ids"].numpy().astype(np.int64)
        hit = np.flatnonzero(np.isfinite(found["t_hit"].numpy()))
        triangles, directions = triangles[hit], directions[hit]
        cosines = -np.einsum("nd,nd->n", directions, self.normals[triangles])
        # A ray may slip between two triangles that share no vertex and meet the inside.
        outside = cosines > 0
        second, third = found["primitive_uvs"].numpy()[hit][outside].astype(np.float64).T
        weights = np.stack([1 - second - third, second, third], axis=1)
        return Hits(
            triangles[outside],
            weights,
            directions[outside],
            cosines[outside],
            places[:, hit][:, outside].astype(np.float32),
            pitch_mm,
        )

    def look_for(self, view: Matrix, points: int, errors: Errors, generator: np.random.Generator) -> Hits:
        """Cast as many rays as ``points`` are left of when the grazing ones have dropped out; about, not exactly."""
        coarse = self.look(view, self._size / _LOOK)
        expected = float(_kept(coarse.cosines, errors).sum())
        if expected < 1:
            raise UsageError("the scanner sees nothing of the part.", hint="Look from another direction.")
        pitch = coarse.pitch_mm * np.sqrt(expected / points)
        hits = self.look(view, float(pitch), tuple(generator.uniform(0, 1, 2).tolist()))
        seen = np.flatnonzero(generator.random(len(hits.cosines)) < _kept(hits.cosines, errors))
        return Hits(
            hits.triangles[seen],
            hits.weights[seen],
            hits.directions[seen],
            hits.cosines[seen],
            hits.places[:, seen],
            hits.pitch_mm,
        )


def scan(
    mesh: Mesh,
    view: Matrix,
    points: int,
    generator: np.random.Generator,
    *,
    marks: Marks | None = None,
    errors: Errors | None = None,
    with_normals: bool = False,
) -> Scan:
    """Scan a part from one side.

    Parameters
    ----------
    mesh
        The part.
    view
        ``(3,)``, direction from the part to the scanner.
    points
        About how many points the scan has.
    generator
        Where the errors and the pose come from.
    marks
        The defects of the mesh.
    errors
        How the scanner errs.
    with_normals
        Whether the normals of the true surface are kept.

    Raises
    ------
    UsageError
        If nothing of the part can be seen.
    """
    camera = Camera(mesh)
    seen = _observe(camera, view, points, generator, marks, errors or Errors(), with_normals)
    return _posed(seen, generator)


def scan_around(
    mesh: Mesh, points: int, generator: np.random.Generator, *, errors: Errors | None = None, with_normals: bool = False
) -> Scan:
    """Scan a part from twelve sides and fuse the views, each a little out of place.

    The parameters are those of `scan`.
    """
    errors = errors or Errors()
    turn = Rotation.random(rng=generator).as_matrix()
    camera = Camera(mesh)
    parts = []
    for view in _icosahedron() @ turn.T:
        seen = _observe(camera, view, max(points // _PROTOTYPE_VIEWS, 1), generator, None, errors, with_normals)
        slip = Rotation.from_rotvec(errors.jitter_rad * generator.standard_normal(3)).as_matrix()
        moved = seen.points @ slip.T + errors.jitter_mm * generator.standard_normal(3)
        parts.append(Scan(moved, seen.normals, seen.labels, seen.deviation_mm, seen.pose_true))
    fused = Scan(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.normals for part in parts if part.normals is not None]) if with_normals else None,
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.deviation_mm for part in parts]),
        np.eye(4),
    )
    return _posed(fused, generator)


def _observe(
    camera: Camera,
    view: Matrix,
    points: int,
    generator: np.random.Generator,
    marks: Marks | None,
    errors: Errors,
    with_normals: bool,
) -> Scan:
    """Scan from one side, in the coordinates of the part."""
    hits = camera.look_for(view, points, errors, generator)
    mesh = camera.mesh
    corners = mesh.triangles[hits.triangles]
    surface = np.einsum("nk,nkd->nd", hits.weights, mesh.vertices[corners])
    along = errors.noise_mm * np.minimum(1 / hits.cosines, 4) * generator.standard_normal(len(surface))
    bias = Waves.correlated(generator, errors.bias_correlation_mm, count=_WAVES, ndim=2)
    along += errors.bias_mm * bias.at(hits.places)
    deviation = np.zeros(len(surface))
    labels = np.zeros(len(surface), dtype=np.uint8)
    if marks is not None:
        deviation = np.einsum("nk,nk->n", hits.weights, marks.deviation_mm[corners])
        labels = (np.abs(deviation) > marks.threshold_mm).astype(np.uint8)
    normals = camera.normals[hits.triangles] if with_normals else None
    return Scan(surface + along[:, None] * hits.directions, normals, labels, deviation, np.eye(4))


def _posed(seen: Scan, generator: np.random.Generator) -> Scan:
    """Turn a scan in the coordinates of the part by chance, its mean in the origin."""
    turn = Rotation.random(rng=generator).as_matrix()
    middle = seen.points.mean(axis=0)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn.T, middle
    normals = None if seen.normals is None else seen.normals @ turn.T
    return Scan((seen.points - middle) @ turn.T, normals, seen.labels, seen.deviation_mm, pose)


def _kept(cosines: Matrix, errors: Errors) -> Matrix:
    """Return the chance of each ray to give a point, ``(N,)``."""
    most, least = np.cos(np.radians(errors.grazing_deg))
    return np.asarray((1 - errors.lost) * np.clip((cosines - least) / (most - least), 0, 1))


def _icosahedron() -> Matrix:
    """Return twelve directions ``(12, 3)`` that lie evenly."""
    golden = (1 + np.sqrt(5)) / 2
    corners = [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    directions = np.asarray([np.roll(corner, shift) for shift in range(3) for corner in corners], dtype=np.float64)
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))
