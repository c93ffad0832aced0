"""A detector from Python: files or arrays in, verdicts out."""

from __future__ import annotations

import numpy as np
import pytest

import vision_cli.forgery_detect as task
from vision_cli.core.errors import InputError, MissingError, UsageError
from vision_cli.core.samples import find_sample
from vision_cli.forgery_detect import FaceOptions, open_detector
from vision_cli.io.pictures.photographs import read_8_bit


@pytest.fixture(scope="module")
def detector():
    return open_detector()


def test_a_file_and_its_pixels_give_the_same_verdict(detector):
    path = find_sample("forgery-detect").files["forged-whole-1"]
    (of_file,), (of_pixels,) = detector.predict(path), detector.predict(read_8_bit(path))
    assert of_file.p_fake == of_pixels.p_fake
    assert of_file.verdict == detector.rule(of_file.p_fake)
    left, top, right, bottom = of_file.box
    assert 0 <= left < right <= 768
    assert 0 <= top < bottom <= 768


def test_pictures_without_a_face_have_no_verdict(detector):
    assert detector.predict(np.zeros((64, 64, 3), np.uint8)) == ()
    cut = open_detector(faces=FaceOptions(face_detector="none"))
    assert len(cut.predict(np.full((64, 64, 3), 128, np.uint8))) == 1


def test_what_cannot_be_read_is_said(detector, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.jpg"):
        detector.predict(tmp_path / "a.jpg")
    with pytest.raises(UsageError, match="--domain film: coherence tells no domains apart"):
        detector.predict(find_sample("forgery-detect").files["camera-1"], domain="film")
    with pytest.raises(MissingError, match="no such"):
        open_detector(str(tmp_path / "missing.safetensors"))


def test_names_are_loaded_when_they_are_asked_for():
    assert set(task.__all__) <= {*dir(task), *task.__all__}
    assert task.open_detector is open_detector
    with pytest.raises(AttributeError, match="nothing"):
        task.nothing  # noqa: B018
