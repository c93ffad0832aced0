"""Stratified splits of images."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.images.data import Images, ImageSet
from vision_cli.kan_fit.images.splits import concatenate_images, split_images


def labelled(labels):
    labels = np.array(labels)
    pixels = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    return Images(pixels, labels, tuple(map(str, range(len(labels)))))


def test_every_part_has_the_same_share_of_each_class():
    split = split_images(ImageSet(labelled([0, 1] * 50), None, ("a", "b")), 0.2, 0.4, 0)
    assert [len(part) for part in (split.train, split.val, split.test)] == [48, 12, 40]
    assert all(2 * part.labels.sum() == len(part) for part in (split.train, split.val, split.test))
    names = [*split.train.names, *split.val.names, *split.test.names]
    assert sorted(names, key=int) == list(map(str, range(100)))


def test_the_test_images_of_a_data_set_are_kept():
    given = labelled([0, 1])
    split = split_images(ImageSet(labelled([0, 1] * 10), given, ("a", "b")), 0.2, 0.4, 0)
    assert split.test is given
    assert len(concatenate_images(split.train, split.val)) == 20


def test_classes_of_too_few_images_are_refused():
    with pytest.raises(InputError, match="4 images in 2 classes cannot be divided"):
        split_images(ImageSet(labelled([0, 1, 1, 1]), None, ("a", "b")), 0.2, 0.4, 0)
