"""Views, null distributions and the way scores take to the points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.stats import cauchy, norm

from tests.pcd_anomaly.conftest import sphere
from vision_cli.pcd_anomaly.evaluation.measures import ScoredScan, label_regions, mean_of, measure_class
from vision_cli.pcd_anomaly.model.pseudo_defects import add_pseudo_defects
from vision_cli.pcd_anomaly.scoring.calibration import local_scales, null_table, scan_limit, scan_score, student_table
from vision_cli.pcd_anomaly.scoring.fusion import Fusion, fuse, spread_to_points
from vision_cli.pcd_anomaly.surfaces.geometry import Surface
from vision_cli.pcd_anomaly.surfaces.views import as_scanned, ends, is_boundary, one_sided_view, roughness


def test_a_view_of_a_sphere_is_its_near_side():
    surface = sphere()
    rows, cosines = one_sided_view(surface.points, surface, np.array([0, 0, 1.0]), 0.05)
    assert surface.points[rows, 2].min() > 0.12
    assert (surface.points[:, 2] > 0.35).sum() <= len(rows)
    assert cosines == pytest.approx(surface.points[rows, 2])


def test_a_view_loses_grazing_points_and_the_others_are_the_noisier_the_more_grazing():
    up = np.array([0, 0, 1.0])
    cosines = np.repeat([1.0, 0.4, 0.2], 20_000)
    places = np.random.default_rng(1).uniform(0, 100, (60_000, 3)) * [1, 1, 0]
    seen = as_scanned(places, cosines, up, 0.01, 1.0, np.random.default_rng(0))
    assert np.array_equal(seen[:20_000, :2], places[:20_000, :2])
    # Straight on there is the bias alone, eight tenths of the noise.
    assert seen[:20_000, 2].std() == pytest.approx(0.008, rel=0.25)
    left = seen[20_000:, 2]
    assert 0.6 < len(left) / 20_000 < 0.95
    assert left[:10_000].std() == pytest.approx(0.01 * np.sqrt(1 / 0.4**2 - 1 + 0.64), rel=0.1)
    assert left[-800:].std() > 1.3 * left[:10_000].std()


def grid(count=40):
    line = np.linspace(0, 1, count)
    return np.stack([*np.meshgrid(line, line), np.zeros((count, count))], axis=-1).reshape(-1, 3)


def test_roughness_is_the_noise_of_a_rough_plane():
    points = np.random.default_rng(0).uniform(size=(8000, 3)) * [1, 1, 0]
    points[:, 2] += np.random.default_rng(1).normal(0, 1e-3, 8000)
    assert roughness(points) == pytest.approx(1e-3, rel=0.15)


def test_a_surface_ends_at_its_rim_and_not_at_its_edges():
    top, side = grid(), grid()[:, [2, 1, 0]] * [1, 1, -1]
    points = np.vstack([top, side[side[:, 2] < 0]])
    normals = np.vstack([np.tile([0, 0, 1.0], (1600, 1)), np.tile([-1.0, 0, 0], (len(points) - 1600, 1))])
    found = ends(Surface(points, normals, np.zeros(len(points))))
    inside = (points[:, 1] > 0.1) & (points[:, 1] < 0.9)
    assert not found[inside & (points[:, 0] < 0.8) & (points[:, 2] > -0.8)].any()
    assert found[inside & ((points[:, 0] == 1) | (points[:, 2] == -1))].all()


@given(st.floats(2.5, 6.0), st.integers(0, 2**16))
def test_a_surface_of_scattered_points_ends_around_a_hole_wherever_it_is(hole, seed):
    points = np.random.default_rng(seed).uniform(-20, 20, (2500, 3)) * [1, 1, 0]
    from_hole = np.linalg.norm(points, axis=1)
    points, from_hole = points[from_hole > hole], from_hole[from_hole > hole]
    found = ends(Surface(points, np.tile([0, 0, 1.0], (len(points), 1)), np.zeros(len(points))))
    rim = np.argsort(from_hole)[:5]
    assert found[rim].any()
    assert found[np.abs(points[:, :2]).max(axis=1) < 17].mean() < 0.1


def test_the_few_points_of_a_surface_that_is_hardly_seen_are_ends():
    few = grid()[::160] + np.array([1.2, 0, 0])
    points = np.vstack([grid(), few])
    found = ends(Surface(points, np.tile([0, 0, 1.0], (len(points), 1)), np.zeros(len(points))))
    assert found[-len(few) :].all()


def test_a_thin_wall_ends_though_its_other_side_goes_on():
    front = grid()
    back = front - [0, 0, 0.02]
    front = front[front[:, 0] < 0.5]
    points = np.vstack([front, back])
    normals = np.vstack([np.tile([0, 0, 1.0], (len(front), 1)), np.tile([0, 0, -1.0], (len(back), 1))])
    found = ends(Surface(points, normals, np.zeros(len(points))))[: len(front)]
    inside = (front[:, 1] > 0.1) & (front[:, 1] < 0.9)
    assert found[inside & (front[:, 0] == front[:, 0].max())].all()
    assert not found[inside & (front[:, 0] > 0.1) & (front[:, 0] < 0.4)].any()


def test_the_boundary_of_a_patch_is_its_rim():
    line = np.linspace(0, 1, 30)
    points = np.stack([*np.meshgrid(line, line), np.zeros((30, 30))], axis=-1).reshape(-1, 3)
    found = is_boundary(points)
    rim = (points[:, :2].min(axis=1) == 0) | (points[:, :2].max(axis=1) == 1)
    inner = (points[:, :2].min(axis=1) > 0.15) & (points[:, :2].max(axis=1) < 0.85)
    assert found[rim].all()
    assert not found[inner].any()


def test_pseudo_defects_move_what_they_say_and_nothing_else():
    surface = sphere()
    bent, moved = add_pseudo_defects(surface, 2.0, 4, np.random.default_rng(0))
    shift = np.linalg.norm(bent.points - surface.points, axis=1)
    assert moved.any()
    assert shift[moved].min() > 0
    assert shift.max() < 2.0 * 4 * 7e-3
    assert (np.einsum("ij,ij->i", bent.normals, bent.points) > 0).mean() > 0.99


def test_the_table_of_few_instances_gives_the_p_values_of_their_next_one():
    generator = np.random.default_rng(0)
    instances = generator.normal(size=(20_000, 5))
    # The scale of four about their mean, and how far the fifth lies from it.
    over = np.abs(instances[:, 4] - instances[:, :4].mean(axis=1)) / instances[:, :4].std(axis=1, ddof=1)
    surprise = student_table(4).of(over / np.sqrt(1 + 1 / 4))
    for share in (0.3, 0.05, 0.01):
        assert (surprise > -np.log10(share)).mean() == pytest.approx(share, rel=0.2)
    assert student_table(1).of(np.array([10.0]))[0] == pytest.approx(-np.log10(2 * cauchy.sf(10)), abs=0.01)


def test_a_null_table_is_surprised_no_more_than_it_is_told_to_be():
    values = np.random.default_rng(0).exponential(size=5000)
    free, held = null_table(values), null_table(values, 2.0)
    at = np.array([0.1, 1.0, 4.0, 6.0, 50.0])
    assert held.of(at) == pytest.approx(np.minimum(free.of(at), 2.0))
    assert free.of(at)[-1] > 10


def test_the_null_table_gives_the_p_values_of_its_distribution():
    values = np.abs(np.random.default_rng(0).normal(size=50_000))
    table = null_table(values)
    for level in (0.5, 1.0, 2.0, 3.0):
        assert table.of(np.array([level]))[0] == pytest.approx(-np.log10(2 * norm.sf(level)), rel=0.06)
    assert np.all(np.diff(table.of(np.linspace(0, 20, 100))) >= 0)


def test_local_scales_follow_the_place_the_more_the_more_instances_there_are():
    places = np.random.default_rng(0).uniform(size=(3000, 3))
    sigma = np.where(places[:, 0] > 0.5, 3.0, 1.0)
    generator = np.random.default_rng(1)
    values = [(sigma * generator.normal(size=3000))[:, None] for _ in range(6)]
    near = cKDTree(places).query(places, k=32)[1]
    few, many = (local_scales(places, [np.arange(3000)] * 6, values, near, n)[:, 0] for n in (1, 10_000))
    assert np.median(many[places[:, 0] > 0.7]) == pytest.approx(3.0, rel=0.1)
    assert np.median(many[places[:, 0] < 0.3]) == pytest.approx(1.0, rel=0.1)
    assert np.ptp(few) < np.ptp(many) / 2


def test_about_alpha_of_good_scans_exceed_the_limit():
    generator = np.random.default_rng(0)
    limit = scan_limit(np.exp(generator.normal(1, 0.2, 40)))
    fresh = np.exp(generator.normal(1, 0.2, 20_000))
    assert 0.015 < (fresh > limit.threshold(0.05)).mean() < 0.12
    assert limit.p_value(limit.threshold(0.05)) == pytest.approx(0.05)
    assert math.isnan(limit.p_value(math.nan))
    # Twelve views of four instances that differ less than views do.
    alarms = []
    for _ in range(200):
        views = generator.normal(0, 0.05, (4, 1)) + generator.normal(0, 0.2, (4, 3))
        limit = scan_limit(np.exp(views.ravel()), 4)
        alarms.append((np.exp(generator.normal(0, 0.206, 200)) > limit.threshold(0.05)).mean())
    assert 0.02 < np.mean(alarms) < 0.1
    assert scan_limit([1.0, 1.2], 1).threshold(0.05) > scan_limit([1.0, 1.2] * 3, 2).threshold(0.05)


def test_the_score_of_a_scan_is_the_mean_of_its_highest_percent():
    assert scan_score(np.append(np.arange(500.0), np.nan)) == pytest.approx(np.arange(495, 500).mean())
    assert math.isnan(scan_score(np.full(3, np.nan)))


def test_scores_of_places_come_back_at_the_places_in_any_order_and_nan_stays():
    generator = np.random.default_rng(0)
    places, scores = generator.uniform(size=(500, 3)), generator.uniform(size=500)
    assert np.allclose(spread_to_points(places, places, scores), scores, atol=1e-5)
    points = np.vstack([generator.uniform(size=(100, 3)), [[np.nan, 0, 0]]])
    order = generator.permutation(101)
    straight = spread_to_points(points, places, scores)
    assert np.isnan(straight[100])
    assert np.array_equal(straight[order], spread_to_points(points[order], places, scores), equal_nan=True)


def test_fused_scores_rise_with_every_channel_count_half_at_the_boundary_and_are_capped_where_unsure():
    table = null_table(np.abs(np.random.default_rng(0).normal(size=5000)))
    fusion = Fusion(np.ones((1, 2)), (table, table), np.ones(2))
    here = np.zeros(1, np.int64)

    def fused(*channels, boundary=False, unsure=False):
        return fuse(np.array([channels]), here, np.array([boundary]), np.array([unsure]), fusion)[0]

    assert fused(4.0, 4.0) > fused(4.0, 0.0)
    assert fused(4.0, 0.0, boundary=True) == pytest.approx(fused(4.0, 0.0) / 2)
    assert fused(4.0, 0.0, unsure=True) == fused(9.0, 9.0, unsure=True) < fused(4.0, 0.0)
    assert fused(0.5, 0.5, unsure=True) == fused(0.5, 0.5)


def scan(name, is_defective, score, status="ok"):
    labels = np.array([0, 0, 0, int(is_defective)], np.uint8)
    return ScoredScan(name, is_defective, score, labels, labels * np.float32(score), labels.astype(np.int64), status)


def test_measures_of_a_class_and_their_mean():
    scans = [scan("a", False, 1.0), scan("b", True, 3.0), scan("c", True, 2.0, "failed")]
    found = measure_class("part", scans, 50, np.random.default_rng(0))
    assert found.values["o_auroc"] == found.values["p_auroc"] == found.values["f1_max"] == 1
    assert (found.n_good, found.n_defect, found.n_reg_failed, found.note) == (1, 2, 1, "")
    assert mean_of([found, found]).values["o_auroc"] == 1


def test_one_class_of_scans_alone_gives_a_reason_and_no_crash():
    found = measure_class("part", [scan("a", True, 1.0)], 50, np.random.default_rng(0))
    assert math.isnan(found.values["o_auroc"])
    assert "one class of scans only" in found.note


def test_defects_apart_are_two_regions():
    points = np.array([[0, 0, 0], [0.1, 0, 0], [5, 0, 0], [9, 9, 9]], dtype=float)
    assert label_regions(points, np.array([1, 1, 1, 0], np.uint8), 1.0).tolist() == [1, 1, 2, 0]


def test_specks_of_defects_belong_to_the_nearest_defect():
    line = np.zeros((24, 3))
    line[:12, 0], line[12:, 0] = np.linspace(0, 1, 12), np.linspace(10, 11, 12)
    points = np.vstack([line, [[3, 0, 0], [8, 0, 0]]])
    found = label_regions(points, np.ones(26, np.uint8), 0.5)
    assert found.tolist() == [1] * 12 + [2] * 12 + [1, 2]
