"""The generated data set: scenes with boxes, crops with labels, the same whenever they are read."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.enhance_eval.data.crops import crop_object
from vision_cli.enhance_eval.data.night_scenes import NightWorld, night_crops, night_scenes
from vision_cli.io.pictures.srgb import encode_srgb
from vision_cli.phantoms.scenes import CLASSES


def test_scenes_are_read_as_they_were_described():
    dataset = night_scenes(12, 3)
    assert dataset.classes == CLASSES
    assert [sample.name for sample in dataset.samples] == sorted({sample.name for sample in dataset.samples})
    world = NightWorld(3)
    for number in (11, 0, 7):
        sample, scene = dataset.samples[number], world.scene(number)
        np.testing.assert_array_equal(sample.boxes.corners, scene.boxes)
        np.testing.assert_array_equal(sample.boxes.labels, scene.labels)
        np.testing.assert_array_equal(sample.source.read_linear(), scene.radiance)
        np.testing.assert_array_equal(sample.source.read(), encode_srgb(scene.radiance))
        assert sample.source.read().max() <= 1


def test_a_larger_data_set_begins_with_the_smaller_one():
    small, large = night_scenes(2, 0), night_scenes(3, 0)
    for one, other in zip(small.samples, large.samples, strict=False):
        np.testing.assert_array_equal(one.source.read(), other.source.read())


def test_every_object_has_a_crop_with_its_label():
    scenes, crops = night_scenes(6, 1), night_crops(6, 1)
    expected = [label for sample in scenes.samples for label in sample.boxes.labels.tolist()]
    assert [sample.label for sample in crops.samples] == expected
    assert all(sample.source.read().shape == (64, 64, 3) for sample in crops.samples)


def test_a_crop_shows_its_object_in_the_middle_also_at_the_border():
    radiance = np.zeros((128, 128, 3), dtype=np.float32)
    boxes = np.array([[60, 40, 100, 90], [0, 0, 30, 40], [98, 118, 128, 128]], dtype=np.float32)
    for item, (left, top, right, bottom) in enumerate(boxes.astype(int)):
        lit = radiance.copy()
        lit[top:bottom, left:right] = 1
        crop = crop_object(lit, boxes[item])
        side = round(max(right - left, bottom - top) * 1.3)
        height, width = (64 * extent / side for extent in (bottom - top, right - left))
        assert crop[32, 32].min() == 1
        middle = crop[round(32 - height / 2 + 2) : round(32 + height / 2 - 2), round(32 - width / 2 + 2) : 32]
        assert middle.min() > 0.9


@pytest.mark.parametrize("other", ["train", "validation"])
def test_test_scenes_share_nothing_with_the_others(other):
    test, trained = NightWorld(0, "test"), NightWorld(0, other)
    assert not {photo.tobytes() for photo in test.photos} & {photo.tobytes() for photo in trained.photos}
    draws = [
        {tuple(world.generator(number).integers(2**63, size=2).tolist()) for number in range(2000)}
        for world in (test, trained)
    ]
    assert len(draws[0]) == len(draws[1]) == 2000
    assert not draws[0] & draws[1]
