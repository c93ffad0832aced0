"""PNG files that are marked as synthetic."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.photographs import read_photograph
from vision_cli.synth_faces.plans.synthetic_png import (
    is_synthetic,
    read_synthetic_facts,
    synthetic_png,
    write_synthetic_png,
)

PICTURE = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)


def test_pixels_and_facts_come_back(tmp_path):
    path = tmp_path / "images" / "a.png"
    write_synthetic_png(path, PICTURE, {"seed": 7, "model": "façade"})
    assert np.array_equal(read_photograph(path), PICTURE)
    assert read_synthetic_facts(path) == {"synthetic": "true", "seed": "7", "model": "façade"}
    assert is_synthetic(path)
    with Image.open(path) as opened:
        assert opened.text["synthetic"] == "true"
        assert opened.text["model"] == "façade"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.png"]


def test_the_same_picture_has_the_same_bytes():
    assert synthetic_png(PICTURE, {"seed": 1}) == synthetic_png(PICTURE.copy(), {"seed": 1})


def test_other_pictures_are_not_marked(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), PICTURE)
    assert not is_synthetic(path)


@pytest.mark.parametrize("name", ["", "é", "a" * 80, "a\n"])
def test_names_that_png_cannot_hold_are_refused(name):
    with pytest.raises(ValueError, match="1 to 79 printable ASCII"):
        synthetic_png(PICTURE, {name: 1})


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match="uint8 expected"):
        synthetic_png(PICTURE[..., 0], {})


def test_damaged_files_are_said(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(synthetic_png(PICTURE, {})[:-12])
    with pytest.raises(InputError, match="cut short"):
        read_synthetic_facts(path)
    path.write_bytes(b"GIF89a")
    with pytest.raises(InputError, match="no PNG file"):
        read_synthetic_facts(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_synthetic_facts(tmp_path / "none.png")
