"""Models are written and read back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vision_cli.core.errors import MissingError
from vision_cli.pcd_anomaly.model.files import DESCRIPTION, FORMAT, NUMBERS, description, numbers, read_model
from vision_cli.pcd_anomaly.pipeline.pipeline import predict


@pytest.mark.slow
def test_a_model_read_back_says_the_same(world, tmp_path):
    model, good = world.model, world.good
    (tmp_path / DESCRIPTION).write_text(json.dumps(description(model)))
    (tmp_path / NUMBERS).write_bytes(numbers(model))
    again = predict(read_model(tmp_path), good.points)
    assert np.array_equal(again.scores, world.said_of_good.scores)


def test_a_model_of_another_version_is_refused_with_both_versions(world, tmp_path):
    model = world.model
    (tmp_path / DESCRIPTION).write_text(json.dumps(description(model) | {"format": 99}))
    (tmp_path / NUMBERS).write_bytes(numbers(model))
    with pytest.raises(MissingError, match=rf"format 99 .* format {FORMAT} "):
        read_model(tmp_path)
    with pytest.raises(MissingError, match="no model"):
        read_model(tmp_path / "nowhere")
