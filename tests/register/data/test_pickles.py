"""Pickled subjects are read, and nothing else in a pickle is executed."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.register.data.layouts import read_collection, read_image

SHAPE = (6, 7, 8)


def subject(path, protocol=4, label_type=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(1).random(SHAPE).astype(np.float32)
    path.write_bytes(pickle.dumps((values, np.rint(values * 40).astype(label_type)), protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol_are_read(tmp_path, protocol):
    subject(tmp_path / "Train" / "subject_1.pkl", protocol, np.float64)
    subject(tmp_path / "atlas.pkl")
    values, labels = read_image(read_collection(tmp_path, "ixi").images[0])
    assert labels.data.dtype == np.int32
    assert values.data.flags.c_contiguous


class Harmful:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def pickled(content):
    return lambda marker: pickle.dumps(content(marker))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickled(lambda marker: (np.ones(SHAPE), Harmful(marker))), "mkdir, which is no data; NumPy arrays alone"),
        (pickled(lambda _: (np.ones(SHAPE), np.ones((2, 2, 2)))), r"labels of \(2, 2, 2\) voxels"),
        (pickled(lambda _: (np.array([{}, 1]),)), "an image, or an image and its labels"),
        (pickled(lambda _: (np.full(SHAPE, np.nan),)), "voxels are NaN"),
        (pickled(lambda _: (np.ones(SHAPE),)), "an image with contrast expected"),
        (pickled(lambda _: (np.eye(9), np.full((9, 9), 0.5))), "integers within 0.001 expected"),
        (pickled(lambda _: {"image": 1}), "an image, or an image and its labels"),
        (pickled(lambda _: (np.ones(SHAPE),) * 3), "an image, or an image and its labels"),
        (lambda _: b"not a pickle", "not a pickle that can be read"),
        (lambda _: pickle.dumps(np.ones(SHAPE))[:-40], "not a pickle that can be read"),
        (lambda _: b"", "not a pickle that can be read"),
    ],
    ids=["harm", "shapes", "objects", "nan", "constant", "parts", "mapping", "three", "text", "cut", "empty"],
)
def test_pickles_of_anything_else_are_refused_and_not_obeyed(tmp_path, content, message):
    subject(tmp_path / "atlas.pkl")
    (tmp_path / "Train").mkdir()
    marker = tmp_path / "marker"
    (tmp_path / "Train" / "subject_1.pkl").write_bytes(content(marker))
    (file, _) = read_collection(tmp_path, "ixi").images
    with pytest.raises(InputError, match=message):
        read_image(file)
    assert not marker.exists()
