"""Classifiers on disk."""

from __future__ import annotations

import pytest

from tests.kan_fit.fits import KEPT
from vision_cli.core.errors import InputError
from vision_cli.kan_fit.images.data import read_images
from vision_cli.kan_fit.images.files import is_image_model, read_image_model


def test_a_written_classifier_is_read_with_the_same_probabilities(trained, pictures):
    model = read_image_model(trained[0])
    assert is_image_model(trained[0])
    assert model.classes == ("left", "middle", "right")
    assert model.shape == (8, 8, 1)
    images, _ = read_images(pictures / "left", model.classes, model.shape)
    found = model.probabilities(images)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found.argmax(axis=1) == 0).all()


def test_a_fit_of_a_table_is_not_an_image_model(tmp_path):
    assert not is_image_model(KEPT)
    assert not is_image_model(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"), [("model.safetensors", b"\0" * 100), ("model.json", b'{"kind": "kan-fit classifier"}')]
)
def test_damaged_classifiers_are_refused(trained, tmp_path, name, content):
    for kept in ("model.json", "model.safetensors"):
        (tmp_path / kept).write_bytes((trained[0] / kept).read_bytes())
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"model\.json: damaged"):
        read_image_model(tmp_path)
