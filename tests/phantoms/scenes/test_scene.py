"""NightScenes-10: exact truth, the same by seed, and splits that share nothing."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import pytest

from vision_cli.core.errors import MissingError
from vision_cli.phantoms.scenes import CLASSES, PHOTOS, backdrops, load_photos, make_scene


@pytest.fixture(scope="module")
def photos():
    return load_photos("test")


@pytest.fixture(scope="module")
def scenes(photos):
    return [make_scene(np.random.default_rng(seed), photos) for seed in range(60)]


def test_boxes_are_the_extents_of_the_masks(scenes):
    for scene in scenes:
        assert 1 <= len(scene.labels) == len(scene.boxes) <= 4
        assert set(np.unique(scene.instances)) - {-1} == set(range(len(scene.labels)))
        for item, (left, top, right, bottom) in enumerate(scene.boxes.astype(int)):
            mask = scene.instances == item
            assert mask.sum() > 60
            assert mask[top:bottom, left:right].sum() == mask.sum()
            inside = mask[top:bottom, left:right]
            assert all(side.any() for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_radiance_is_light_that_a_clear_exposure_hardly_clips(scenes):
    for scene in scenes:
        assert scene.radiance.dtype == np.float32
        assert scene.radiance.shape == (128, 128, 3)
        assert scene.radiance.min() >= 0
        assert (scene.radiance > 1).mean() < 0.02
        assert scene.radiance.max() > 0.8


def test_all_classes_come_up(scenes):
    labels = np.concatenate([scene.labels for scene in scenes])
    assert set(labels.tolist()) == set(range(len(CLASSES)))


def test_the_same_seed_gives_the_same_scene_and_another_one_another(photos):
    one, again, other = (make_scene(np.random.default_rng(seed), photos) for seed in (5, 5, 6))
    for name in ("radiance", "boxes", "labels", "instances"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert not np.array_equal(one.radiance, other.radiance)


def test_objects_grow_with_the_scene(photos):
    widths = []
    for size in (64, 192):
        drawn = [make_scene(np.random.default_rng(seed), photos, size=size).boxes for seed in range(8)]
        widths.append(np.mean(np.concatenate([boxes[:, 2] - boxes[:, 0] for boxes in drawn])))
    assert widths[1] / widths[0] == pytest.approx(3, rel=0.3)


def test_the_splits_share_no_photograph(photos):
    assert not set(PHOTOS["train"]) & set(PHOTOS["test"])
    # Nor the same one under two names.
    trained = {photo.tobytes() for photo in load_photos("train")}
    assert not trained & {photo.tobytes() for photo in photos}


def test_every_photograph_is_a_file_of_the_wheels():
    held = {str(file) for wheel in ("scikit-image", "scikit-learn") for file in metadata.files(wheel) or ()}
    assert set(PHOTOS["train"]) | set(PHOTOS["test"]) <= held


def test_a_photograph_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(backdrops, "PHOTOS", {"test": ("skimage/data/none.png",)})
    with pytest.raises(MissingError, match=r"skimage/data/none\.png: not in the installed skimage"):
        backdrops.load_photos("test")
