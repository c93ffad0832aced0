"""Pictures of scored scans: the same bytes again, under any name."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.io.points.clouds import read_points
from vision_cli.pcd_anomaly.figures.figures import draw_scan, write_scored_ply
from vision_cli.pcd_anomaly.figures.scales import deviation_scale, score_scale
from vision_cli.pcd_anomaly.scoring.regions import Regions, find_regions

UP = np.array([0.0, 0, 1])


@pytest.fixture(scope="module")
def scored(ball):
    cap = ball[ball[:, 2] > 3]
    scores = 2.0 * (np.linalg.norm(cap - [0, 0, 10], axis=1) < 3)
    return cap, scores, find_regions(cap, scores, 1.0, deviation=0.2 * scores)


@pytest.mark.parametrize("with_reference", [True, False])
def test_a_scan_is_drawn_the_same_again(with_reference, ball, scored, tmp_path):
    points, scores, regions = scored
    points, scores = np.vstack([points, [[np.nan] * 3]]), np.append(scores, np.nan)
    regions = Regions(regions.found, np.append(regions.numbers, 0).astype(np.int32))
    for name in ("a.png", "b.png"):
        reference = ball if with_reference else None
        scale = score_scale(scores, 1.0)
        draw_scan(tmp_path / name, points, scores, scale, "a ball", regions=regions, reference=reference, towards=UP)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = cv2.imread(str(tmp_path / "a.png"))
    hot = (picture[..., 2] > 140) & (picture[..., 0] < 90)
    assert hot.sum() > 500
    assert (picture.shape[1] > 1500) == with_reference


def test_a_scan_without_defects_is_drawn(ball, tmp_path):
    scores = np.zeros(len(ball))
    regions = find_regions(ball, scores, 1.0)
    draw_scan(tmp_path / "a.png", ball, scores, score_scale(scores, 1.0), "good", regions=regions)
    assert cv2.imread(str(tmp_path / "a.png")) is not None


def test_the_coloured_cloud_keeps_order_and_scores(scored, tmp_path):
    points, scores, regions = scored
    write_scored_ply(tmp_path / "a.ply", points, scores, 1.0, regions)
    cloud = read_points(tmp_path / "a.ply")
    np.testing.assert_array_equal(cloud.points, points)
    np.testing.assert_array_equal(cloud.scalars["anomaly_score"], scores)
    np.testing.assert_array_equal(cloud.scalars["region"], regions.numbers)
    assert (cloud.scalars["red"][scores > 1] > cloud.scalars["blue"][scores > 1]).all()


@pytest.mark.parametrize("name", ["$\\frac{$", "$x$\udcff\n", "n" * 500])
def test_a_scan_is_drawn_under_any_name(scored, tmp_path, name):
    cap, scores, regions = scored
    scale = score_scale(scores, 1.0)
    draw_scan(tmp_path / "a.png", cap, scores, scale, name, regions=regions, unit=name)
    draw_scan(tmp_path / "b.png", cap, scores, scale, "plain", regions=regions, unit="mm")
    hostile, plain = (cv2.imread(str(tmp_path / one)) for one in ("a.png", "b.png"))
    assert hostile.shape == plain.shape


def test_a_map_of_deviations_is_drawn_the_same_again_with_both_colours(ball, tmp_path):
    cap = ball[ball[:, 2] > 3]
    deviation = 0.2 * cap[:, 0]
    for name in ("a.png", "b.png"):
        scale = deviation_scale(deviation, 0.5)
        draw_scan(tmp_path / name, cap, deviation, scale, "a ball", reference=ball, towards=UP)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = cv2.imread(str(tmp_path / "a.png")).astype(int)
    assert (picture[..., 2] - picture[..., 0] > 80).sum() > 500
    assert (picture[..., 0] - picture[..., 2] > 60).sum() > 500
