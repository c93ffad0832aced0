"""Probabilities of classes from the outputs of their networks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.kan_fit.fits import KEPT
from vision_cli.core.errors import InputError
from vision_cli.kan_fit.tables.classes import class_probabilities, is_classes_model, read_classes_model


def test_outputs_are_limited_and_add_up_to_one():
    found = class_probabilities(np.array([[0.9, 0.3, -0.2], [7.0, -1.0, -1.0]]))
    assert found.sum(axis=1) == pytest.approx(1)
    assert found[0] == pytest.approx(np.array([0.9, 0.3, 0.001]) / 1.201)
    assert found[1, 0] > 0.99
    assert (found > 0).all()


def test_damaged_models_are_refused(tmp_path):
    assert not is_classes_model(KEPT)
    assert not is_classes_model(tmp_path)
    with pytest.raises(InputError, match="no model of several classes found"):
        read_classes_model(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps({"kind": "kan-fit classes", "classes": ["a", "b"]}))
    assert is_classes_model(tmp_path)
    with pytest.raises(InputError, match=r"classes/1: no 1 found"):
        read_classes_model(tmp_path)
