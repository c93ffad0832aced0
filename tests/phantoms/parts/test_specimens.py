"""Instances of a part: a prototype is good and seen from all sides, a test shows the defect asked for."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import UsageError
from vision_cli.phantoms.parts.defects import SUITES
from vision_cli.phantoms.parts.parts import make_part
from vision_cli.phantoms.parts.specimens import draw_prototype, draw_test

RIGID = SUITES["rigid"]


@pytest.fixture(scope="module")
def lid():
    return make_part("lid", np.random.default_rng(0), edge_mm=2.5)


def test_good_instances_have_no_defect(lid):
    generator = np.random.default_rng(1)
    for specimen in (
        draw_prototype(lid, RIGID, 1500, generator),
        draw_test("lid", lid, RIGID, None, 1500, generator),
    ):
        assert specimen.kind is None
        assert specimen.centre is None
        assert not specimen.scan.labels.any()


def test_a_defective_instance_shows_its_defect(lid):
    specimen = draw_test("lid", lid, RIGID, "bulge", 2000, np.random.default_rng(2))
    assert specimen.kind == "bulge"
    assert specimen.scan.labels.any()
    assert specimen.depth_mm / 2 < np.abs(specimen.scan.deviation_mm).max() < 1.5 * specimen.depth_mm


def test_an_unknown_defect_is_refused(lid):
    with pytest.raises(UsageError, match="defect 'rust'"):
        draw_test("lid", lid, RIGID, "rust", 500, np.random.default_rng(3))
