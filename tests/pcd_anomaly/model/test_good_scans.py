"""Good scans beside a CAD mesh: the noise of a real scanner is learnt from them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import OPTIONS
from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import Mesh, PointCloud
from vision_cli.pcd_anomaly.model.fit import train
from vision_cli.pcd_anomaly.model.good_scans import place_good_scans
from vision_cli.pcd_anomaly.pipeline.pipeline import predict
from vision_cli.pcd_anomaly.surfaces.tolerance import smooth_field
from vision_cli.phantoms.parts.defects import SUITES
from vision_cli.phantoms.parts.parts import make_part
from vision_cli.phantoms.parts.specimens import draw_test


def test_good_scans_that_are_too_small_or_of_another_unit_are_refused(world):
    reference = world.model.reference
    with pytest.raises(InputError, match="good scan 1: 499 finite points; 500 or more expected"):
        place_good_scans([PointCloud(world.good.points[:499])], reference, np.random.default_rng(0))
    with pytest.raises(InputError, match="the same unit expected"):
        place_good_scans([PointCloud(world.good.points / 25.4)], reference, np.random.default_rng(0))


@pytest.mark.slow
def test_good_scans_of_a_worse_scanner_make_its_scans_normal_and_leave_defects_anomalous():
    generator = np.random.default_rng(0)
    mesh = make_part("bracket", generator)

    def scanned(defect=None):
        points = draw_test("bracket", mesh, SUITES["rigid"], defect, 12_000, generator).scan.points
        # Three times the noise that is assumed of a scanner, and a bias that neighbours share.
        points = points + 0.04 * generator.standard_normal(points.shape)
        return points + 0.06 * np.stack([smooth_field(points, 3.0, generator) for _ in range(3)], axis=1)

    part = Mesh(mesh.vertices, mesh.triangles)
    good = [PointCloud(scanned()) for _ in range(4)]
    model = train([part], OPTIONS, np.random.default_rng(0), good=good)
    assert not model.limit.is_guess
    assert not any("guess" in warning for warning in model.warnings)
    assert model.limit.count == 4
    found = [predict(model, scanned(), decide_weak=True) for _ in range(2)]
    assert [one.decision for one in found] == ["normal"] * 2
    bad = predict(model, scanned("missing"), decide_weak=True)
    assert bad.score > max(one.score for one in found)
    without = train([part], OPTIONS, np.random.default_rng(0))
    assert without.limit.is_guess
    assert any("the limit of scans is a guess" in warning for warning in without.warnings)
