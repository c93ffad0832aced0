"""What is shown of a run of models; tests/contract trains one."""

from __future__ import annotations

import pytest

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.runs.train import measures_of, shown


def test_a_row_a_class_and_its_measures(files, world):
    table, documents = shown(files.run)
    assert table.rows[0][:2] == ("bracket", "hybrid")
    assert documents["bracket"]["diameter"] == world.model.reference.diameter
    measures = measures_of(files.run)
    assert measures["classes"] == 1
    assert measures["bracket/views"] == world.model.limit.count


def test_a_directory_without_models_is_refused(tmp_path):
    with pytest.raises(InputError, match="no trained model found"):
        shown(tmp_path)
