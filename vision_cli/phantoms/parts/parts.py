"""Parametric machine parts of about 40 mm: what scanners of a production line see.

A part is drawn with its own proportions by the generator and made by constructive solid geometry. None has a
symmetry: each carries a key (a flat, a slot, a hole of another size), so that a pose is right or wrong and never both.
Coordinates are those of the part in mm, the middle of its box in the origin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import UsageError
from vision_cli.io.points.clouds import Mesh
from vision_cli.phantoms.arrays import Matrix

if TYPE_CHECKING:
    from manifold3d import CrossSection, Manifold

_SEGMENTS = 96
_EDGE_MM = 0.8
_ROUNDING = 1.001
_DIAGONAL_MM = (38.0, 43.0)


def make_part(name: str, generator: np.random.Generator, edge_mm: float = _EDGE_MM) -> Mesh:
    """Make a part.

    Parameters
    ----------
    name
        One of `PARTS`.
    generator
        Where the proportions come from: the same state gives the same part.
    edge_mm
        Longest edge of the triangles, so that the mesh bends smoothly when it is deformed.

    Returns
    -------
    Mesh
        Watertight, outward oriented.

    Raises
    ------
    UsageError
        If there is no such part.
    """
    if name not in PARTS:
        raise UsageError(f"part {name!r}; one of {', '.join(PARTS)} expected.")
    solid = _BUILDERS[name](generator)
    low, high = np.reshape(solid.bounding_box(), (2, 3))
    scale = generator.uniform(*_DIAGONAL_MM) / np.linalg.norm(high - low)
    solid = solid.translate((-(low + high) / 2).tolist()).scale([scale] * 3)
    while True:
        found = solid.to_mesh64()
        vertices = np.array(found.vert_properties[:, :3], dtype=np.float64)
        triangles = np.array(found.tri_verts).astype(np.int64)
        corners = vertices[triangles]
        if np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max() <= edge_mm * _ROUNDING:
            return Mesh(vertices, triangles)
        # One pass splits the sides of a triangle to the length, and may leave longer edges inside.
        solid = solid.refine_to_length(edge_mm)


def draw_view(name: str, generator: np.random.Generator) -> Matrix:
    """Draw a direction ``(3,)`` from the part to a scanner that looks at a part as it lies on a table.

    A part rests on few of its sides; the scanner looks down at 10 to 40 degrees from the vertical of one of them.
    """
    up = np.asarray(_UPSIDES[name][generator.integers(len(_UPSIDES[name]))], dtype=np.float64)
    side = np.linalg.svd(up[None])[2][1:]
    tilt, turn = np.radians(generator.uniform(10, 40)), generator.uniform(0, 2 * np.pi)
    direction: Matrix = np.cos(tilt) * up + np.sin(tilt) * (np.cos(turn) * side[0] + np.sin(turn) * side[1])
    return direction


def _flange(draw: np.random.Generator) -> Manifold:
    radius, thick, hub, bore = draw.uniform(15, 17), draw.uniform(3.4, 4.6), draw.uniform(7, 8.5), draw.uniform(4, 5)
    height = thick + draw.uniform(5, 8)
    solid = _rod(radius, thick) + _rod(hub, height) + _rod(radius * 0.62, thick + 1.0)
    solid -= _rod(bore, 40, -10) + _box((2 * bore + 2, 2.2, 40), (bore * 0.6, 0, 5))
    circle = 0.8 * radius
    for number, angle in enumerate(np.arange(6) * np.pi / 3):
        place = (circle * np.cos(angle), circle * np.sin(angle))
        solid -= _rod(2.4 if number == 0 else 1.5, 40, -10, place)
    solid -= _box((10, 40, 40), (-radius + 0.9 - 5, 0, 0))
    return solid - _box((2.6, 6, 40), (0.55 * radius, radius, 0))


def _bracket(draw: np.random.Generator) -> Manifold:
    long, wide, tall, thick = draw.uniform(27, 31), draw.uniform(22, 25), draw.uniform(19, 23), draw.uniform(3.2, 4.2)
    base = _plate([(0, 0), (long, 0), (long, wide), (0, wide)], thick, rounded=3.0)
    wall = _box((thick, wide, tall), (thick / 2, wide / 2, tall / 2))
    ribs = _slab([(thick, thick), (thick + 13, thick), (thick, thick + 12)], 2.4, 3.0)
    ribs += _slab([(thick, thick), (thick + 8, thick), (thick, thick + 9)], 2.4, wide - 5.5)
    solid = base + _box((6, wide, thick), (3, wide / 2, thick / 2)) + wall + ribs
    solid -= _rod(2.3, 20, -5, (long - 6, 6)) + _rod(1.6, 20, -5, (long - 6, wide - 6))
    hole = _rod(3.0, 20, -10).rotate([0, 90, 0]).translate([0, wide * 0.56, tall - 6.5])
    slot = _box((20, 6, 2.4), (0, wide * 0.25, tall - 4))
    return solid - hole - slot


def _shaft(draw: np.random.Generator) -> Manifold:
    radii, lengths = draw.uniform([3.2, 5.0, 7.0, 4.2], [4, 6, 8.2, 5]), draw.uniform([8, 8, 7, 11], [10, 11, 9, 14])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    solid = _rod(radii[0], lengths[0] + 0.1)
    for radius, length, start in zip(radii[1:], lengths[1:], starts[1:-1], strict=True):
        solid += _rod(radius, length, start)
    middle = starts[2] + lengths[2] / 2
    solid += _rod(5.0, lengths[2] * 0.7, middle - lengths[2] * 0.35, (radii[2] - 1.5, 0))
    solid -= _box((6, 2.2, lengths[3] * 0.6), (radii[3] + 1.0, 0, starts[3] + lengths[3] * 0.5))
    solid -= _box((20, 6, 5.5), (0, radii[0] + 2.0, 3))
    solid -= _rod(1.3, 40, -20).rotate([0, 90, 35]).translate([0, 0, starts[1] + lengths[1] * 0.55])
    return solid - _box((20, 4, 30), (0, -radii[2] - 0.6, middle))


def _gear(draw: np.random.Generator) -> Manifold:
    teeth, module = int(draw.integers(15, 20)), draw.uniform(1.55, 1.75)
    pitch, thick, bore = teeth * module / 2, draw.uniform(5, 7), draw.uniform(3, 3.8)
    wheel = _extruded(_tooth_outline(teeth, module), thick)
    hub = _rod(bore + 3.2, thick + 6)
    web = _rod(pitch - 2.8 * module, 3, thick - 1.3) - _rod(bore + 3, 4, thick - 1.5)
    solid = wheel - web + hub
    for number, angle in enumerate(np.arange(5) * 2 * np.pi / 5):
        place = (0.62 * pitch * np.cos(angle), 0.62 * pitch * np.sin(angle))
        solid -= _rod(2.2 if number == 0 else 1.2 + 0.12 * number, 40, -10, place)
    solid -= _rod(bore, 60, -20) + _box((bore + 1.4, 2, 60), ((bore + 1.4) / 2, 0, 0))
    # A flat and a screw hole tell one side of the hub from the others.
    solid -= _box((4, 20, 10), (-bore - 2.6 - 2, 0, thick + 5.2))
    return solid - _rod(1.1, 30).rotate([-90, 0, 0]).translate([0, 0, thick + 3])


def _tooth_outline(teeth: int, module: float) -> NDArray[np.float64]:
    """Return the outline ``(N, 2)`` of a spur gear with involute flanks at a pressure angle of 20 degrees."""
    pitch, pressure = teeth * module / 2, np.radians(20)
    base, root, tip = pitch * np.cos(pressure), pitch - 1.25 * module, pitch + module
    involute = np.tan(pressure) - pressure
    radii = np.linspace(max(base, root), tip, 9)
    angle = np.arccos(np.clip(base / radii, -1, 1))
    half = np.pi / (2 * teeth) + involute - (np.tan(angle) - angle)
    flank_radii, flank = np.concatenate([[root], radii]), np.concatenate([[half[0] + 0.1 / teeth], half])
    one_radii = np.concatenate([flank_radii, flank_radii[::-1]])
    one_angles = np.concatenate([-flank, flank[::-1]])
    angles = (np.arange(teeth)[:, None] * 2 * np.pi / teeth + one_angles).ravel()
    lengths = np.tile(one_radii, teeth)
    return np.stack([lengths * np.cos(angles), lengths * np.sin(angles)], axis=1)


def _lid(draw: np.random.Generator) -> Manifold:
    long, wide, tall, wall = draw.uniform(33, 37), draw.uniform(22, 26), draw.uniform(6.5, 8.5), draw.uniform(1.5, 2.0)
    corners = [(-long / 2, -wide / 2), (long / 2, -wide / 2), (long / 2, wide / 2), (-long / 2, wide / 2)]
    inner = [(x - np.sign(x) * wall, y - np.sign(y) * wall) for x, y in corners]
    solid = _plate(corners, tall, rounded=4.0) - _plate(inner, tall, rounded=3.0).translate([0, 0, wall])
    for number, (x, y) in enumerate(inner):
        place = (x - np.sign(x) * 2.6, y - np.sign(y) * 2.6)
        solid += _rod(2.4 if number else 3.1, tall - 1.2, 0, place)
        solid -= _rod(1.0 if number else 1.6, tall, wall, place)
    solid += _box((1.4, wide - 1, 3.2), (-long * 0.12, 0, 1.8)) + _rod(4.2, 2.6, 0, (long * 0.2, wide * 0.14))
    solid -= _rod(2.9, 20, -5, (long * 0.2, wide * 0.14))
    for number in range(4):
        solid -= _box((1.5, 7.5 - number, 20), (-long * 0.34 + 2.9 * number, -wide * 0.2, 0))
    raised = _plate([(-6, -2), (7, -2), (7, 2), (-6, 2)], 0.8, rounded=1.2)
    return solid + raised.translate([-long * 0.05, wide * 0.27, -0.8])


def _heatsink(draw: np.random.Generator) -> Manifold:
    long, wide, tall, base = draw.uniform(30, 34), draw.uniform(21, 25), draw.uniform(8, 10.5), draw.uniform(2.6, 3.4)
    fins = int(draw.integers(7, 9))
    solid = _plate([(0, 0), (long, 0), (long, wide), (0, wide)], base, rounded=1.5)
    for number, place in enumerate(np.linspace(5.2, long - 1.2, fins)):
        height = tall - (2.5 if number == fins - 3 else 0)
        solid += _box((1.3, wide - 2, height), (place, wide / 2, base + height / 2 - 0.1))
    solid -= _box((long * 0.5, 3.0, 20), (long * 0.75, wide * 0.36, base + 10))
    solid += _rod(3.2, base + 2.5, 0, (long * 0.36, wide * 0.7))
    solid -= _rod(1.5, 60, -20, (long * 0.36, wide * 0.7)) + _rod(1.3, 40, -10, (2.4, 3.2))
    solid -= _rod(0.9, 40, -10, (2.4, wide - 3.2)) + _box((9, 9, 60), (0, 0, 0)).rotate([0, 0, 45]).translate(
        [long + 3, -3, 0]
    )
    return solid - _box((12, 5, 1.6), (long * 0.6, wide * 0.55, 0))


def _tee(draw: np.random.Generator) -> Manifold:
    run, branch, long, tall = draw.uniform(5.5, 6.5), draw.uniform(4.4, 5.2), draw.uniform(32, 36), draw.uniform(14, 17)
    along = [0, 90, 0]
    solid = _rod(run, long).rotate(along) + _rod(branch, tall, 0, (long * 0.42, 0))
    solid += _rod(run + 2.3, 3.0).rotate(along) + _rod(run + 1.2, 4.5).rotate(along).translate([long - 4.5, 0, 0])
    solid += _extruded(_polygon(6, branch + 2.4), 4.0).translate([long * 0.42, 0, tall - 4.0])
    solid += _rod(2.4, run + 2.0).rotate([90, 0, 0]).translate([long * 0.7, 0, 0])
    solid += _slab(
        [(long * 0.42 + branch - 0.3, run - 1), (long * 0.42 + branch + 6, run - 1), (long * 0.42, 13)], 2, -1
    )
    bores = _rod(run - 2, long * 3, -long).rotate(along) + _rod(branch - 1.8, 60, 0, (long * 0.42, 0))
    solid -= bores + _rod(1.1, 30).rotate([90, 0, 0]).translate([long * 0.7, 0, 0])
    return solid - _box((8, 3, 5), (0, run + 2.4, 0))


def _clip(draw: np.random.Generator) -> Manifold:
    width, thick = draw.uniform(11, 14), draw.uniform(1.7, 2.2)
    turn = np.linspace(-np.pi / 2, np.pi / 2, 25)
    bow = draw.uniform(4.6, 5.6)
    path = [(0.0, -bow), *[(26 + bow * np.cos(t), bow * np.sin(t)) for t in turn], (13.0, bow), (9.0, bow - 2.6)]
    path += [(5.5, bow - 2.6), (1.5, bow + 2.2), (-1.5, bow + 2.8)]
    strip = _extruded(_thickened(path, thick), width).rotate([90, 0, 0]).translate([0, width, 0])
    hole = _rod(1.9, 10, -bow - 5, (8, width * 0.4)) + _rod(1.1, 10, -bow - 5, (15, width * 0.7))
    window = _box((5.5, 3.2, 8), (18.5, width * 0.36, bow))
    notch = _box((4, 3.4, 30), (1, width, bow)) + _box((3.5, 2.4, 8), (0, 0, -bow))
    tab = _slab([(19, -bow), (24, -bow), (20.5, -bow + 4.2)], 1.4, width - 1.4)
    return strip + tab - hole - window - notch


def _thickened(path: Sequence[tuple[float, float]], thick: float) -> CrossSection:
    """Return the strip around a path in the plane."""
    from manifold3d import CrossSection, OpType

    pieces = [
        CrossSection.batch_hull(
            [CrossSection.circle(thick / 2, 24).translate(start), CrossSection.circle(thick / 2, 24).translate(end)]
        )
        for start, end in pairwise(path)
    ]
    return CrossSection.batch_boolean(pieces, OpType.Add)


def _rod(radius: float, length: float, start: float = 0.0, place: tuple[float, float] = (0.0, 0.0)) -> Manifold:
    """Return a cylinder along z from ``start``."""
    from manifold3d import Manifold

    return Manifold.cylinder(length, radius, radius, _SEGMENTS).translate([*place, start])


def _box(size: tuple[float, float, float], middle: tuple[float, float, float]) -> Manifold:
    from manifold3d import Manifold

    return Manifold.cube(list(size), True).translate(list(middle))


def _polygon(corners: int, radius: float) -> NDArray[np.float64]:
    angles = np.arange(corners) * 2 * np.pi / corners
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _plate(outline: Sequence[tuple[float, float]], thick: float, *, rounded: float) -> Manifold:
    """Return a plate on z = 0 with round corners."""
    from manifold3d import CrossSection, JoinType, Manifold

    shape = CrossSection([np.asarray(outline, dtype=np.float64)])
    shape = shape.offset(-rounded, JoinType.Miter).offset(rounded, JoinType.Round, 2.0, _SEGMENTS)
    return Manifold.extrude(shape, thick)


def _slab(outline: Sequence[tuple[float, float]], thick: float, start: float) -> Manifold:
    """Return a plate whose outline lies in x and z, from ``start`` along y."""
    return _extruded(np.asarray(outline, dtype=np.float64), thick).rotate([90, 0, 0]).translate([0, start + thick, 0])


def _extruded(outline: NDArray[np.float64] | CrossSection, thick: float) -> Manifold:
    from manifold3d import CrossSection, Manifold

    shape = CrossSection([outline]) if isinstance(outline, np.ndarray) else outline
    return Manifold.extrude(shape, thick)


_BUILDERS: Mapping[str, Callable[[np.random.Generator], Manifold]] = {
    "flange": _flange,
    "bracket": _bracket,
    "shaft": _shaft,
    "gear": _gear,
    "lid": _lid,
    "heatsink": _heatsink,
    "tee": _tee,
    "clip": _clip,
}
PARTS: tuple[str, ...] = tuple(_BUILDERS)
"""Names of the parts."""

_UPSIDES: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "flange": ((0, 0, 1), (0, 0, -1)),
    "bracket": ((0, 0, 1), (0, 1, 0), (0, -1, 0), (1, 0, 0)),
    "shaft": ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)),
    "gear": ((0, 0, 1),),
    "lid": ((0, 0, 1), (0, 0, -1)),
    "heatsink": ((0, 0, 1), (0, 0, -1)),
    "tee": ((0, 1, 0), (0, -1, 0), (0, 0, 1)),
    "clip": ((0, 0, 1), (0, 1, 0), (0, -1, 0)),
}
