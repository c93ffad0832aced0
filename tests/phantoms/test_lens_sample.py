"""The table that kan-fit bundles is what its command makes, and holds the law that it names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.phantoms.lens_sample import TABLE, write_sample

COMMITTED = Path(__file__).parents[2] / "sample_data" / "kan-fit" / TABLE


def test_the_committed_sample_is_what_the_command_makes(tmp_path):
    write_sample(tmp_path)
    assert (tmp_path / TABLE).read_text(encoding="utf-8") == COMMITTED.read_text(encoding="utf-8")


def test_the_image_is_where_a_thin_lens_forms_it():
    focal, distance, image = np.loadtxt(COMMITTED, delimiter=",", skiprows=1).T
    error = image - focal * distance / (distance - focal)
    assert len(image) == 400
    assert 0.018 < error.std() < 0.022
    assert abs(error.mean()) < 0.003
