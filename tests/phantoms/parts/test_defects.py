"""Defects: as deep as asked, where they can be seen, in the direction of their kind."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import UsageError
from vision_cli.phantoms.parts.defects import KINDS, SUITES, add_defect
from vision_cli.phantoms.parts.parts import PARTS, make_part
from vision_cli.phantoms.parts.specimens import draw_prototype, draw_test
from vision_cli.phantoms.parts.surfaces import diameter

VIEW = np.array([0.3, 0.2, 1.0])


@pytest.fixture(scope="module")
def lid():
    return make_part("lid", np.random.default_rng(0), 1.4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_defect_moves_the_surface_as_far_as_asked(kind, lid):
    made = add_defect(lid, kind, 0.5, VIEW, np.random.default_rng(1))
    deviation = made.marks.deviation_mm
    assert len(deviation) == len(made.mesh.vertices)
    assert 0.25 <= np.abs(deviation).max() <= 0.5 * 1.001
    moved = np.abs(deviation) > made.marks.threshold_mm
    assert 0 < moved.mean() < 0.6
    if kind == "bulge":
        assert deviation.min() > -0.05
    elif kind in ("sink", "crack", "missing"):
        assert deviation.max() < 0.1
    elif kind == "scratch":
        assert deviation.max() == pytest.approx(0.15, abs=0.03)
        assert deviation.min() == pytest.approx(-0.5, abs=0.05)
    if kind != "bend":
        away = np.linalg.norm(made.mesh.vertices[moved] - made.centre, axis=1)
        assert away.max() < 0.25 * diameter(lid.vertices)


@pytest.mark.parametrize("suite", SUITES)
def test_defects_are_seen_in_the_scans_of_a_suite(suite, lid):
    # Two kinds each, so that all six are seen once.
    first = 2 * list(SUITES).index(suite)
    for number, kind in enumerate(KINDS[first : first + 2]):
        made = draw_test("lid", lid, SUITES[suite], kind, 4000, np.random.default_rng(number))
        low, high = SUITES[suite].depth
        unit = diameter(lid.vertices) if SUITES[suite].relative else 1.0
        assert low * unit <= made.depth_mm <= high * unit
        assert 0.0015 < made.scan.labels.mean() < 0.5
        assert np.abs(made.scan.deviation_mm).max() > made.depth_mm / 2
        assert np.abs(made.scan.deviation_mm[made.scan.labels == 1]).min() >= 0.15 * made.depth_mm * 0.999


def test_good_parts_have_no_labels(lid):
    suite = SUITES["rigid"]
    for made in (
        draw_test("lid", lid, suite, None, 2000, np.random.default_rng(0)),
        draw_prototype(lid, suite, 2000, np.random.default_rng(0)),
    ):
        assert made.kind is None
        assert not made.scan.labels.any()
        assert not made.scan.deviation_mm.any()


@pytest.mark.parametrize("name", PARTS[2:4])
def test_the_same_state_gives_the_same_defect(name):
    mesh = make_part(name, np.random.default_rng(0), 2.0)
    suite = SUITES["tolerance"]
    first, second = (draw_test(name, mesh, suite, "crack", 1500, np.random.default_rng(8)) for _ in range(2))
    assert first.scan.points.tobytes() == second.scan.points.tobytes()
    np.testing.assert_array_equal(first.scan.labels, second.scan.labels)


def test_kinds_and_places_that_cannot_be_are_refused(lid):
    with pytest.raises(UsageError, match="defect 'rust'; one of bulge, sink, scratch, crack, missing, bend expected"):
        add_defect(lid, "rust", 0.5, VIEW, np.random.default_rng(0))
