"""What is done to the surface of a part: normals, finer triangles, and the smooth warp of one instance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vision_cli.io.points.clouds import Mesh
from vision_cli.phantoms.arrays import Matrix
from vision_cli.phantoms.noise import Waves

_WAVES = 24
_WARP_CORRELATION = 0.25
"""Correlation length of a warp as a share of the part's diameter."""


def diameter(points: Matrix) -> float:
    """Return the diagonal in mm of the box around points ``(N, 3)``: what relative sizes are relative to."""
    return float(np.linalg.norm(np.ptp(points, axis=0)))


def triangle_normals(mesh: Mesh) -> tuple[Matrix, Matrix]:
    """Return the outward unit normals ``(T, 3)`` and the areas ``(T,)`` in mm² of the triangles."""
    corners = mesh.vertices[mesh.triangles]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(cross, axis=1)
    return cross / np.maximum(lengths, 1e-300)[:, None], lengths / 2


def vertex_normals(mesh: Mesh) -> Matrix:
    """Return the outward unit normals ``(V, 3)`` of the vertices, mean of their triangles by area."""
    normals, areas = triangle_normals(mesh)
    sums = _sums_at_vertices(mesh, normals * areas[:, None])
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1), 1e-300)[:, None])


def convexity(mesh: Mesh, normals: Matrix) -> Matrix:
    """Return how far a vertex stands above the corners around it along its normal, ``(V,)`` in mm; edges have most."""
    around = mesh.vertices[mesh.triangles].mean(axis=1)
    counts = np.bincount(mesh.triangles.ravel(), minlength=len(mesh.vertices))
    means = _sums_at_vertices(mesh, around) / np.maximum(counts, 1)[:, None]
    return np.asarray(np.einsum("vd,vd->v", mesh.vertices - means, normals))


def refined(mesh: Mesh, beyond: Callable[[Matrix], Matrix], edge_mm: float) -> Mesh:
    """Split the triangles of a region until their edges are no longer than ``edge_mm``.

    Parameters
    ----------
    mesh
        The surface.
    beyond
        From points ``(N, 3)`` to how far in mm they lie outside the region, ``(N,)``; 0 or less inside.
    edge_mm
        Longest edge in the region. Beside it finer triangles meet coarser ones without sharing vertices.
    """
    from trimesh.remesh import subdivide

    vertices, triangles = mesh.vertices, mesh.triangles
    while True:
        corners = vertices[triangles]
        long = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
        near = np.flatnonzero(long > edge_mm)
        near = near[beyond(vertices)[triangles[near]].min(axis=1) < long[near]]
        if not len(near):
            return Mesh(vertices, triangles)
        vertices, triangles = subdivide(vertices, triangles, face_index=near)
        triangles = np.asarray(triangles, dtype=np.int64)


def warped(mesh: Mesh, most_mm: float, generator: np.random.Generator) -> Mesh:
    """Deform a part smoothly, as its tolerance allows.

    Parameters
    ----------
    mesh
        The part.
    most_mm
        Largest displacement of a vertex. What a rigid motion could undo is taken out first, so that the pose of the
        part stays what it was.
    generator
        Where the warp comes from.
    """
    points = mesh.vertices.T.astype(np.float32)
    correlation = _WARP_CORRELATION * diameter(mesh.vertices)
    waves = [Waves.correlated(generator, correlation, count=_WAVES) for _ in range(3)]
    shift = np.stack([wave.at(points) for wave in waves], axis=1).astype(np.float64)
    rigid = _rigid_motions(mesh.vertices)
    flat = shift.ravel()
    flat = flat - rigid @ np.linalg.lstsq(rigid, flat, rcond=None)[0]
    shift = flat.reshape(-1, 3)
    scale = most_mm / max(float(np.linalg.norm(shift, axis=1).max()), 1e-12)
    return Mesh(mesh.vertices + scale * shift, mesh.triangles)


def _rigid_motions(points: Matrix) -> Matrix:
    """Return the six infinitesimal rigid motions of points ``(N, 3)`` as columns, ``(3N, 6)``."""
    centred = points - points.mean(axis=0)
    moves = np.zeros((len(points), 3, 6))
    moves[:, range(3), range(3)] = 1
    for axis in range(3):
        moves[:, :, 3 + axis] = np.cross(np.eye(3)[axis], centred)
    return moves.reshape(-1, 6)


def _sums_at_vertices(mesh: Mesh, values: Matrix) -> Matrix:
    """Sum values ``(T, 3)`` of the triangles at each of their vertices, ``(V, 3)``."""
    sums = np.empty((len(mesh.vertices), 3))
    for axis in range(3):
        weights = np.repeat(values[:, axis], 3)
        sums[:, axis] = np.bincount(mesh.triangles.ravel(), weights, minlength=len(mesh.vertices))
    return sums
