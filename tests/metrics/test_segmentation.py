from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from vision_cli.io.volumes.volumes import read_volume
from vision_cli.metrics.segmentation import (
    dice_per_label,
    hausdorff95,
    hausdorff95_per_label,
    volume_mm3,
    volumes_mm3,
)

SPACING = (1.0, 1.5, 2.5)
MALF = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "register" / "malf"


def parcels(seed: int, count: int = 6) -> np.ndarray:
    """Smooth regions that touch each other and the image's edge."""
    rng = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(rng.standard_normal((24, 20, 16)), 3) for _ in range(count)]
    return np.argmax(fields, axis=0).astype(np.int32)


def as_itk(labels):
    image = sitk.GetImageFromArray(np.ascontiguousarray(labels.T))
    image.SetSpacing(SPACING)
    return image


def itk_hausdorff95(fixed, moved, label):
    """The same measure by ITK's contour and exact distance filters, on the whole image."""
    surfaces, distances = [], []
    for labels in (fixed, moved):
        padded = np.pad(labels, 1, constant_values=-1)
        contour = sitk.BinaryContour(as_itk((padded == label).astype(np.uint8)), fullyConnected=False)
        surfaces.append(sitk.GetArrayFromImage(contour) > 0)
        distance = sitk.SignedMaurerDistanceMap(contour, squaredDistance=False, useImageSpacing=True)
        distances.append(np.abs(sitk.GetArrayFromImage(distance)))
    return max(np.percentile(distances[1][surfaces[0]], 95), np.percentile(distances[0][surfaces[1]], 95))


def test_dice_is_itks():
    fixed, moved = parcels(0), parcels(1)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(as_itk(fixed), as_itk(moved))
    found = dice_per_label(fixed, moved)
    assert list(found) == [1, 2, 3, 4, 5]
    for label, dice in found.items():
        assert dice == pytest.approx(overlap.GetDiceCoefficient(label), abs=1e-12)


def test_dice_takes_labels_of_one_side_and_labels_far_apart():
    fixed = np.array([0, 7, 7, -3, 2_000_000_000])
    moved = np.array([0, 7, 0, 5, 2_000_000_000])
    expected = {-3: 0.0, 5: 0.0, 7: 2 / 3, 2_000_000_000: 1.0}
    assert dice_per_label(fixed, moved) == pytest.approx(expected)
    assert dice_per_label(fixed, moved, [7, 9]) == pytest.approx({7: 2 / 3, 9: math.nan}, nan_ok=True)


label_maps = st.integers(1, 3).flatmap(
    lambda ndim: st.tuples(
        *[arrays(np.int16, (4,) * ndim, elements=st.integers(-2, 3))] * 2,
        st.tuples(*[st.floats(0.1, 5.0)] * ndim),
    )
)


@given(label_maps)
def test_measures_are_those_of_their_definitions(maps):
    fixed, moved, spacing = maps
    dice, distances = dice_per_label(fixed, moved), hausdorff95_per_label(fixed, moved, spacing)
    assert list(dice) == list(distances) == sorted((set(fixed.ravel()) | set(moved.ravel())) - {0})
    for label in dice:
        first, second = fixed == label, moved == label
        assert dice[label] == 2 * np.sum(first & second) / (first.sum() + second.sum())
        assert distances[label] == pytest.approx(by_brute_force(first, second, spacing))
    assert dice == dice_per_label(moved, fixed)
    assert distances == pytest.approx(hausdorff95_per_label(moved, fixed, spacing))


def by_brute_force(first, second, spacing):
    if not first.any() or not second.any():
        return math.inf
    points = []
    for mask in (first, second):
        inside = ndimage.binary_erosion(mask)
        points.append(np.argwhere(mask & ~inside) * spacing)
    apart = np.linalg.norm(points[0][:, None] - points[1][None], axis=-1)
    return max(np.percentile(apart.min(axis=1), 95), np.percentile(apart.min(axis=0), 95))


def test_dice_of_background_alone_is_empty():
    empty = np.zeros((3, 3), np.int32)
    assert dice_per_label(empty, empty) == {}
    assert hausdorff95_per_label(empty, empty, (1.0, 1.0)) == {}


@pytest.mark.parametrize("seed", range(3))
def test_hausdorff95_is_that_of_itks_distance_maps(seed):
    fixed, moved = parcels(seed), np.roll(parcels(seed), 2, axis=1)
    found = hausdorff95_per_label(fixed, moved, SPACING)
    assert list(found) == [1, 2, 3, 4, 5]
    for label, distance in found.items():
        assert distance == pytest.approx(itk_hausdorff95(fixed, moved, label), abs=0.01)
        assert hausdorff95(fixed, moved, label, SPACING) == distance


def test_hausdorff95_of_a_shifted_square_is_the_shift():
    fixed, moved = np.zeros((2, 20, 20), np.int16)
    fixed[4:9, 4:9] = 3
    moved[7:12, 4:9] = 3
    assert hausdorff95(fixed, moved, 3, (2.0, 1.0)) == pytest.approx(6.0)


def test_hausdorff95_is_infinite_where_one_side_lacks_the_label_and_undefined_where_both_do():
    fixed, moved = np.zeros((2, 5, 5), np.int32)
    fixed[2, 2] = 4
    assert hausdorff95(fixed, moved, 4, (1.0, 1.0)) == math.inf
    assert math.isnan(hausdorff95(fixed, moved, 9, (1.0, 1.0)))


def test_maps_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        dice_per_label(np.zeros((2, 2), int), np.zeros((2, 3), int))
    with pytest.raises(ValueError, match="same shape"):
        hausdorff95(np.zeros((2, 2), int), np.zeros((2, 3), int), 1, (1.0, 1.0))


def test_volumes_are_voxels_times_their_size():
    labels = parcels(2)
    volumes = volumes_mm3(labels, SPACING)
    assert list(volumes) == [1, 2, 3, 4, 5]
    for label, volume in volumes.items():
        assert volume == volume_mm3(labels, label, SPACING) == pytest.approx(np.sum(labels == label) * 3.75)
    assert volume_mm3(labels, 77, SPACING) == 0


@pytest.mark.parametrize("step", [1, 250_000])
def test_as_many_labels_as_voxels_take_little_memory(step):
    labels = 1 + step * np.arange(20**3, dtype=np.int32).reshape(20, 20, 20)
    assert dice_per_label(labels, labels) == dict.fromkeys(labels.ravel().tolist(), 1.0)


@pytest.mark.skipif(not MALF.is_dir(), reason="the MALF brains are not on this machine")
def test_two_brains_of_138_labels_take_seconds():
    maps = [read_volume(MALF / f"{name}_glm.nii.gz", kind="labels").data for name in (1000, 1001)]
    box = tuple(slice(0, n) for n in np.minimum(*(m.shape for m in maps)))
    fixed, moved = (m[box] for m in maps)
    started = time.process_time()
    dice, distances = dice_per_label(fixed, moved), hausdorff95_per_label(fixed, moved, (1.0, 1.0, 1.0))
    assert time.process_time() - started < 15
    assert len(dice) == len(distances) > 130
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(sitk.GetImageFromArray(fixed), sitk.GetImageFromArray(moved))
    for label, value in dice.items():
        if value:
            assert value == pytest.approx(overlap.GetDiceCoefficient(label), abs=1e-12)
