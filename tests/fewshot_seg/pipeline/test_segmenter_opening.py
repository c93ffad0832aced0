"""The method from Python, in three lines."""

from __future__ import annotations

import pytest

from tests.fewshot_seg.scenes import scene, support
from vision_cli.core.errors import MissingError
from vision_cli.fewshot_seg import open_segmenter
from vision_cli.fewshot_seg.gate.overlaps import iou


def test_a_class_is_learned_and_found():
    picture, mask = scene(1)
    found = open_segmenter().learn([support(0)]).segment(picture)
    assert iou(found.mask, mask) > 0.8
    assert len(repr(found)) < 200


def test_weights_that_are_not_there_are_said():
    with pytest.raises(MissingError, match="no such file"):
        open_segmenter(weights="none.safetensors")
