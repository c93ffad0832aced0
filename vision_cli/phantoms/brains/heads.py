"""The anatomy of a generated head, as a function from points in space to labels.

Positions are those of the MNI brain in RAS mm (origin at the anterior commissure), shrunk to the size of an
average head. The cortex is folded the way a real one is: sulci are sheets that go down from the surface along
its normal, where a random function on that surface is zero; grey matter lines the surface and both walls of
each sheet. Because the head is a function of space, a deformed head is this function at deformed points,
without resampling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.phantoms.arrays import Floats, Labels
from vision_cli.phantoms.brains.shapes import blend, carve, ellipsoid, length, tube
from vision_cli.phantoms.noise import Waves

RIGHT_OF: dict[int, int] = {2: 41, 3: 42, 4: 43, 7: 46, 8: 47, 10: 49, 11: 50, 12: 51, 13: 52, 17: 53, 18: 54}
"""Label of the right hemisphere for each label that both hemispheres have."""

LABEL_NAMES: dict[int, str] = {
    2: "left cerebral white matter",
    3: "left cerebral cortex",
    4: "left lateral ventricle",
    7: "left cerebellar white matter",
    8: "left cerebellar cortex",
    10: "left thalamus",
    11: "left caudate",
    12: "left putamen",
    13: "left pallidum",
    14: "third ventricle",
    15: "fourth ventricle",
    16: "brain stem",
    17: "left hippocampus",
    18: "left amygdala",
    24: "cerebrospinal fluid",
    41: "right cerebral white matter",
    42: "right cerebral cortex",
    43: "right lateral ventricle",
    46: "right cerebellar white matter",
    47: "right cerebellar cortex",
    49: "right thalamus",
    50: "right caudate",
    51: "right putamen",
    52: "right pallidum",
    53: "right hippocampus",
    54: "right amygdala",
    165: "skull",
    192: "corpus callosum",
    201: "fat and skin",
    202: "muscle",
    203: "eye",
}
"""Names of the labels. Numbers up to 192 are those of FreeSurfer's colour table."""

OUTSIDE_THE_SKULL: tuple[int, ...] = (165, 201, 202, 203)
"""Labels that skull stripping removes."""

_WHITE, _GREY, _VENTRICLE, _CEREBELLAR_WHITE, _CEREBELLAR_GREY = 2, 3, 4, 7, 8
_THALAMUS, _CAUDATE, _PUTAMEN, _PALLIDUM, _HIPPOCAMPUS, _AMYGDALA = 10, 11, 12, 13, 17, 18
_THIRD, _FOURTH, _STEM, _FLUID = 14, 15, 16, 24
_SKULL, _CALLOSUM, _FAT, _MUSCLE, _EYE = 165, 192, 201, 202, 203

_POINTS_AT_ONCE = 1 << 17
_SIZE_OF_AN_AVERAGE_HEAD = 0.93
"""The MNI template is larger than the brains that went into it."""

_SULCAL_WAVELENGTHS_MM = (18.0, 27.0)
_FISSURE_MM = 1.0
"""Half the width of the cleft between the hemispheres."""

# Courses of the tubular structures of the right half, in mm.
_CALLOSAL_ARC = ((0, 20, -4), (0, 31, 5), (0, 25, 17), (0, 5, 26), (0, -18, 26), (0, -36, 17), (0, -35, 11))
_CAUDATE_ARC = ((12.5, 18, 2), (14.5, 8, 10), (18, -8, 20), (21, -22, 22), (27, -36, 12))
_HIPPOCAMPAL_ARC = ((24, -11, -21), (29, -20, -15), (30, -30, -8), (25, -38, 2))
_VENTRICULAR_BODY = (
    (12, 32, 2),
    (6, 18, 10),
    (5.5, 0, 17),
    (8, -20, 20),
    (21, -40, 16),
    (25, -60, 8),
    (23, -74, 6),
)
_TEMPORAL_HORN = ((21, -40, 16), (31, -36, 0), (35, -22, -12), (31, -6, -20))
_CORD = ((0, -38, -54), (0, -46, -90), (0, -48, -150))


@dataclass(frozen=True)
class Head:
    """One person's head.

    Attributes
    ----------
    size
        Magnification along R, A and S, ``(3,)``.
    wobble
        Three functions that displace the anatomy smoothly, so that it is not symmetric.
    bend
        Three functions that bend the sulci on their way down.
    structures
        Radius of each deep structure relative to the usual one, by label of the left one.
    sulci, own_sulci
        The functions whose zeros are sulci: one shared by both hemispheres, one of each hemisphere's own.
    depth
        Modulates the depth of the sulci.
    folia
        The function whose zeros are the fissures of the cerebellum.
    thickness
        Modulates the thickness of skull and fat.
    cortex_mm
        Thickness of the cortex.
    """

    size: Floats
    wobble: tuple[Waves, ...]
    bend: tuple[Waves, ...]
    structures: dict[int, float]
    sulci: Waves
    own_sulci: Waves
    depth: Waves
    folia: Waves
    thickness: Waves
    cortex_mm: float

    @staticmethod
    def draw(rng: np.random.Generator) -> Head:
        """Draw a head."""
        usual = (_THALAMUS, _CAUDATE, _PUTAMEN, _PALLIDUM, _HIPPOCAMPUS, _AMYGDALA)
        structures = {label: float(rng.uniform(0.93, 1.08)) for label in usual}
        structures[_VENTRICLE] = float(rng.uniform(0.85, 1.35))
        return Head(
            size=(_SIZE_OF_AN_AVERAGE_HEAD * rng.uniform(0.97, 1.03, 3)).astype(np.float32),
            wobble=tuple(Waves.correlated(rng, 40.0, count=10) for _ in range(3)),
            bend=tuple(Waves.in_band(rng, (20.0, 45.0), count=8) for _ in range(3)),
            structures=structures,
            sulci=Waves.in_band(rng, _SULCAL_WAVELENGTHS_MM, count=28),
            own_sulci=Waves.in_band(rng, _SULCAL_WAVELENGTHS_MM, count=28),
            depth=Waves.in_band(rng, (25.0, 60.0), count=12),
            folia=Waves.in_band(rng, (9.0, 12.0), count=24),
            thickness=Waves.in_band(rng, (30.0, 70.0), count=12),
            cortex_mm=float(rng.uniform(2.8, 3.2)),
        )

    def labels_at(self, points: Floats) -> Labels:
        """Return the labels at points ``(3, N)`` in RAS mm, ``(N,)``; 0 is air."""
        labels = np.empty(points.shape[1], np.uint8)
        for start in range(0, points.shape[1], _POINTS_AT_ONCE):
            part = slice(start, start + _POINTS_AT_ONCE)
            labels[part] = self._labels_of_part(points[:, part].astype(np.float32, copy=False))
        return labels

    def _labels_of_part(self, points: Floats) -> Labels:
        labels = np.zeros(points.shape[1], np.uint8)
        near = np.flatnonzero(ellipsoid(points, (0, -4, -14), (104, 132, 118)) < 0)
        points = points[:, near] / self.size[:, None]
        points += np.float32(1.5) * np.stack([wave.at(points) for wave in self.wobble])
        mirrored = _mirror(points)
        cranium = _cranium(mirrored)
        inside = cranium < 0
        found = np.empty(len(near), np.uint8)
        found[inside] = self._inside(points[:, inside])
        found[~inside] = self._outside(mirrored[:, ~inside], cranium[~inside])
        labels[near] = found
        return labels

    def _inside(self, points: Floats) -> Labels:
        """Label points inside the cranium: brain and fluid."""
        mirrored = _mirror(points)
        labels = np.full(points.shape[1], _FLUID, np.uint8)

        hull = _cerebrum(mirrored)
        cerebrum = np.flatnonzero(hull < 0)
        labels[cerebrum] = self._cerebral_mantle(points[:, cerebrum])

        hull = _cerebellum(mirrored)
        cerebellum = np.flatnonzero(hull < 0)
        labels[cerebellum] = self._cerebellar_mantle(mirrored[:, cerebellum], hull[cerebellum])

        labels[_stem(mirrored) < 0] = _STEM
        x, y, z = mirrored
        core = np.flatnonzero((x < 44) & (y > -82) & (y < 42) & (z > -46) & (z < 36))
        for label, distance in self._deep_structures(mirrored[:, core]):
            labels[core[distance < 0]] = label
        right = points[0] > 0
        for label, opposite in RIGHT_OF.items():
            labels[right & (labels == label)] = opposite
        return labels

    def _cerebral_mantle(self, points: Floats) -> Labels:
        """Label points in a hemisphere's hull: fluid in the sulci, cortex along them, white matter below."""
        mirrored = _mirror(points)
        hull = _cerebrum(mirrored)
        below_hull, below_cleft = -hull, mirrored[0] - _FISSURE_MM
        share = np.clip(0.5 + (below_cleft - below_hull) / 36, 0, 1)
        outward = share * _normals(_cerebrum, mirrored, hull)
        outward[0] -= 1 - share
        bend = np.stack([wave.at(mirrored) for wave in self.bend])
        outward += np.float32(0.35) * bend
        foot = mirrored + outward * np.minimum(below_hull, below_cleft)

        own = foot.copy()
        own[0] *= np.sign(points[0])
        shared, slope = self.sulci.with_gradient(foot)
        other, own_slope = self.own_sulci.with_gradient(own)
        own_slope[0] *= np.sign(points[0])
        level = 0.8 * shared + 0.6 * other
        steepness = length(0.8 * slope + 0.6 * own_slope)

        in_hilus = np.maximum(-_hilus(mirrored), 0)
        surface = np.minimum(np.hypot(np.maximum(below_hull, 0), in_hilus), np.hypot(below_cleft, in_hilus))
        reach = 14 + 4 * self.depth.at(foot)
        sheet = np.abs(level) / np.maximum(steepness, 0.11)
        sulcus = np.hypot(sheet, np.maximum(surface - reach, 0))
        opening = 0.35 + 0.9 * np.exp(-surface / 4)
        pial = np.minimum(np.minimum(surface, sulcus - opening), _sylvian_fissure(mirrored + 2 * bend) - 0.8)

        labels = np.full(points.shape[1], _WHITE, np.uint8)
        labels[pial < self.cortex_mm] = _GREY
        labels[(pial < 0) | ((below_cleft < 0) & (in_hilus == 0))] = _FLUID
        return labels

    def _cerebellar_mantle(self, mirrored: Floats, hull: Floats) -> Labels:
        """Label points inside the cerebellum: a tree of white matter below thin folded cortex."""
        foot = mirrored - _normals(_cerebellum, mirrored, hull) * hull
        foot[0] *= np.float32(0.3)
        level, slope = self.folia.with_gradient(foot)
        sheet = np.abs(level) / np.maximum(length(slope), 0.3)
        fissure = np.hypot(sheet, np.maximum(-hull - 9, 0))
        labels = np.full(mirrored.shape[1], _CEREBELLAR_GREY, np.uint8)
        labels[(np.minimum(-hull, fissure) > 1.9) & (hull < -3)] = _CEREBELLAR_WHITE
        labels[(fissure < 0.45) & (hull > -5)] = _FLUID
        return labels

    def _deep_structures(self, mirrored: Floats) -> Iterator[tuple[int, Floats]]:
        """Yield the deep structures with the distance to each; a later one covers an earlier one."""
        wide = mirrored * np.asarray([0.3, 1, 1], np.float32)[:, None]
        yield _CALLOSUM, tube(wide, _CALLOSAL_ARC, (2.2, 4.6, 3.4, 2.8, 3.0, 4.8, 3.4))
        yield _VENTRICLE, self._ventricle(mirrored)
        size = self.structures
        yield _CAUDATE, tube(mirrored, _CAUDATE_ARC, [size[_CAUDATE] * r for r in (5.8, 5.6, 4.0, 3.0, 1.9)])
        yield _THALAMUS, _oblique(mirrored, (11.5, -19, 7), (8.6, 15, 9.5), -0.25, size[_THALAMUS])
        yield _PUTAMEN, _oblique(mirrored, (26.5, 2, 1), (5.8, 17, 11), -0.22, size[_PUTAMEN])
        yield _PALLIDUM, _oblique(mirrored, (19.5, -4, -1), (4.4, 10, 6.5), -0.35, size[_PALLIDUM])
        yield (
            _HIPPOCAMPUS,
            tube(mirrored, _HIPPOCAMPAL_ARC, [size[_HIPPOCAMPUS] * r for r in (5.8, 5.4, 4.8, 3.0)]),
        )
        yield _AMYGDALA, ellipsoid(mirrored, (23, -2, -20), [size[_AMYGDALA] * r for r in (7.6, 7, 7)])
        yield _THIRD, ellipsoid(mirrored, (0, -15, 1), (2.3 * size[_VENTRICLE], 12, 8))
        yield _FOURTH, ellipsoid(mirrored, (0, -43, -33), (6, 5.5, 10))

    def _ventricle(self, mirrored: Floats) -> Floats:
        size = self.structures[_VENTRICLE]
        body = tube(mirrored, _VENTRICULAR_BODY, [size * r for r in (3.2, 4.8, 5.0, 4.6, 6.0, 3.6, 1.6)])
        horn = tube(mirrored, _TEMPORAL_HORN, [size * r for r in (5.0, 3.4, 2.4, 2.2)])
        distance: Floats = np.maximum(np.minimum(body, horn), 0.8 - mirrored[0])
        return distance

    def _outside(self, mirrored: Floats, cranium: Floats) -> Labels:
        """Label points outside the cranium, given their distance to it: bone, muscle, fat, eyes, airways."""
        uneven = self.thickness.at(mirrored)
        vault = blend(cranium - 11 - 0.4 * uneven, _face_and_neck(mirrored), 18)
        depth = -vault
        labels = np.zeros(mirrored.shape[1], np.uint8)
        labels[depth > 0] = _FAT
        labels[depth > 5 + 1.5 * uneven] = _MUSCLE
        cord = tube(mirrored, _CORD, (9, 6.5, 6))
        bone = np.minimum(cranium - 4.8 - 0.8 * uneven, cord - 10)
        bone = np.minimum(bone, _facial_bones(mirrored) + 1.5 * uneven)
        labels[(bone < 0) & (depth > 2)] = _SKULL
        labels[cord < 4] = _FLUID
        labels[cord < 0] = _STEM
        air = np.minimum(
            tube(mirrored, ((0, 84, -56), (0, 50, -44), (0, 22, -52), (0, 20, -140)), (6, 9, 8, 8)),
            ellipsoid(mirrored, (27, 56, -58), (11, 14, 13)),
        )
        labels[(air < 0) & (depth > 0)] = 0
        labels[ellipsoid(mirrored, (31, 66, -36), (12, 12, 12)) < 0] = _EYE
        return labels


def _mirror(points: Floats) -> Floats:
    """Fold the right half of space onto ``(|x|, y, z)``: both hemispheres have one geometry."""
    mirrored = points.copy()
    np.abs(mirrored[0], out=mirrored[0])
    return mirrored


def _oblique(points: Floats, centre: Sequence[float], radii: Sequence[float], lean: float, size: float) -> Floats:
    """Return the distance to an ellipsoid that leans outward by ``lean`` mm a mm towards the front."""
    sheared = points.copy()
    sheared[0] -= lean * (points[1] - centre[1])
    return ellipsoid(sheared, centre, [size * radius for radius in radii])


def _normals(solid: Callable[[Floats], Floats], points: Floats, values: Floats) -> Floats:
    """Return the unit normals of a solid at points, by differences."""
    slopes = []
    for axis in range(3):
        moved = points.copy()
        moved[axis] += 0.5
        slopes.append(solid(moved) - values)
    normals = np.stack(slopes)
    normals /= np.maximum(length(normals), 1e-3)
    return normals


def _vault(mirrored: Floats) -> Floats:
    """Return the distance to the egg that frontal, parietal and occipital lobes fill."""
    narrowed = mirrored.copy()
    narrowed[0] *= 1 + 0.0022 * np.maximum(mirrored[1] + 20, 0)
    return ellipsoid(narrowed, (0, -18, 14), (69, 87, 64))


def _temporal_lobe(mirrored: Floats) -> Floats:
    return tube(mirrored, ((37, 12, -31), (46, -8, -27), (50, -32, -16), (46, -56, -4)), (13, 17, 18, 18))


def _cerebrum(mirrored: Floats) -> Floats:
    """Return the distance to the hull of a hemisphere, without the cleft between the hemispheres."""
    x, _, z = mirrored
    lobes = carve(_vault(mirrored), z + 19 + 0.1 * x, 10)
    lobes = blend(lobes, _temporal_lobe(mirrored), 5)
    return carve(lobes, _cerebellum(mirrored) - 1.6, 2)


def _cerebellum(mirrored: Floats) -> Floats:
    lobe = ellipsoid(mirrored, (25, -64, -35), (28, 27, 21))
    vermis = ellipsoid(mirrored, (0, -61, -29), (17, 25, 24))
    return carve(blend(lobe, vermis, 8), ellipsoid(mirrored, (0, -43, -33), (6, 5.5, 10)), 2)


def _stem(mirrored: Floats) -> Floats:
    flat = mirrored * np.asarray([0.85, 1, 1], np.float32)[:, None]
    midbrain = tube(flat, ((0, -24, -4), (0, -27, -16)), (10, 11))
    return blend(
        midbrain,
        tube(flat, ((0, -25, -27), (0, -27, -34), (0, -38, -56), (0, -44, -80)), (13, 13, 8, 6.5)),
        6,
    )


def _hilus(mirrored: Floats) -> Floats:
    """Return the distance to the middle of the brain, where the hemispheres join and there is no cortex."""
    core = ellipsoid(mirrored, (0, -4, 7), (24, 37, 23))
    return np.minimum(core, _stem(mirrored) - 5)


def _sylvian_fissure(mirrored: Floats) -> Floats:
    """Return the distance to the lateral fissure: a sheet below the operculum, and one over the insula."""
    x, y, z = mirrored
    height = z - (-7 - 0.25 * y + 0.006 * np.minimum(y - 10, 0) ** 2)
    beyond = np.maximum(np.maximum(37 + 0.35 * np.maximum(-5 - y, 0) - x, np.abs(y + 7) - 34), 0)
    sheet = np.hypot(height / 1.08, beyond)
    beyond = 14 * np.maximum(np.hypot((y - 3) / 24, (height - 4) / 14) - 1, 0)
    over_insula = np.hypot(x - 38 + 0.012 * (y - 3) ** 2 + 0.01 * (height - 4) ** 2, beyond)
    distance: Floats = np.minimum(sheet, over_insula)
    return distance


def _cranium(mirrored: Floats) -> Floats:
    """Return the distance to the cavity that holds brain and fluid."""
    stem = tube(mirrored, ((0, -20, -10), (0, -28, -36), (0, -38, -56)), (16, 16, 9))
    return blend(blend(_cerebrum(mirrored), stem, 16), _cerebellum(mirrored), 12) - 1.9


def _face_and_neck(mirrored: Floats) -> Floats:
    face = ellipsoid(mirrored, (0, 36, -58), (64, 62, 66))
    neck = tube(mirrored, ((0, -18, -70), (0, -26, -160)), (58, 62))
    nose = tube(mirrored, ((0, 90, -36), (0, 101, -60)), (7, 11))
    return blend(blend(face, neck, 24), nose, 8)


def _facial_bones(mirrored: Floats) -> Floats:
    cheeks = ellipsoid(mirrored, (24, 56, -56), (24, 26, 28))
    jaw = tube(mirrored, ((52, 6, -50), (46, 22, -92), (14, 78, -96)), (5, 6, 8))
    return np.minimum(cheeks, jaw)
