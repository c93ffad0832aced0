"""Map of signed deviations: colours that tell the sign and the tolerance, and the same bytes again."""

from __future__ import annotations

import cv2
import numpy as np

from vision_cli.pcd_anomaly.figures.deviations import deviation_colours, draw_deviations


def test_colours_tell_the_sign_and_are_strong_beyond_the_tolerance():
    colours = deviation_colours(np.array([-2, -0.4, 0, 0.4, 2, np.nan]), 0.5, 1.0)
    red, blue = colours[:, 0], colours[:, 2]
    assert blue[0] > red[0]
    assert red[4] > blue[4]
    strength = colours.max(axis=1) - colours.min(axis=1)
    assert strength[0] > strength[1] > strength[2]
    assert strength[4] > strength[3] > strength[2]
    np.testing.assert_allclose(colours[5], [0.35, 0.35, 0.40])


def test_a_map_is_drawn_the_same_again_with_both_colours(ball, tmp_path):
    cap = ball[ball[:, 2] > 3]
    deviation = 0.2 * cap[:, 0]
    for name in ("a.png", "b.png"):
        draw_deviations(tmp_path / name, cap, deviation, 0.5, "a ball", reference=ball, towards=np.array([0.0, 0, 1]))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = cv2.imread(str(tmp_path / "a.png")).astype(int)
    assert (picture[..., 2] - picture[..., 0] > 80).sum() > 500
    assert (picture[..., 0] - picture[..., 2] > 60).sum() > 500
