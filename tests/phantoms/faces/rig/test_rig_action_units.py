"""Action units move the face as scanned faces move, and each side alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.phantoms.faces.rig.action_units import (
    BILATERAL,
    LANDMARKS,
    MEASURED,
    NAMES,
    SIDED,
    side_intensities,
)
from vision_cli.phantoms.faces.rig.packing import pack
from vision_cli.phantoms.faces.rig.parameters import FaceParameters
from vision_cli.phantoms.faces.rig.shape.deformation import head_tensors, move_head
from vision_cli.phantoms.faces.rig.shape.surface import CHEEKS, CHIN, FOREHEAD, head_surface

CPU = torch.device("cpu")
STRIPS = {"upper lip": CHEEKS, "lower lip": CHIN, "upper lid": FOREHEAD}


def points(aus):
    return move_head(pack([FaceParameters(aus=aus)], CPU), head_tensors(CPU)).points[0].numpy()


@pytest.mark.parametrize(("unit", "landmark", "measured"), MEASURED)
def test_landmarks_move_as_measured(unit, landmark, measured):
    # Lips that are kept closed follow each other, so their motion is measured while they are parted; 24 closes them.
    before = {"25": 5.0} if landmark in ("upper lip", "lower lip") and unit != "24" else {}
    place = head_surface().nearest(*LANDMARKS[landmark], strip=STRIPS.get(landmark))
    moved = (points({**before, unit: 5.0}) - points(before))[place]
    for ours, theirs in zip(moved, measured, strict=True):
        if theirs is not None:
            assert ours == pytest.approx(theirs, abs=max(0.5, 0.08 * abs(theirs)))


def test_brows_are_drawn_together_by_at_most_what_was_measured():
    assert np.linalg.norm(points({"4": 5.0}) - points({}), axis=-1).max() == pytest.approx(6.4, abs=0.5)


def test_displacement_grows_in_proportion():
    still = points({})
    np.testing.assert_allclose(points({"2": 2.0}) - still, 0.4 * (points({"2": 5.0}) - still), atol=0.02)


@pytest.mark.parametrize("number", SIDED)
def test_a_sided_unit_moves_its_side_and_both_together_are_the_bilateral_one(number):
    still, left, right, both = (points(a) for a in ({}, {f"L{number}": 4}, {f"R{number}": 4}, {number: 4}))
    x = head_surface().x
    assert np.abs(left - still)[x < -6].max() < 0.01
    assert np.abs(right - still)[x > 6].max() < 0.01
    assert np.abs(left - still)[x > 6].max() > 2
    np.testing.assert_allclose(points({f"L{number}": 4, f"R{number}": 4}), both)
    mirrored = right[:, ::-1] * [-1, 1, 1]
    np.testing.assert_allclose(left, mirrored, atol=2e-3)


def test_only_the_jaw_and_the_lips_open_the_mouth():
    openings = {
        name: float(move_head(pack([FaceParameters(aus={name: 5.0})], CPU), head_tensors(CPU)).opening)
        for name in ("25", "26", "27", "10", "12", "16", "17", "23", "24", "15")
    }
    assert all(openings[name] < 0.01 for name in ("10", "12", "16", "17", "23", "24", "15"))
    assert 4 < openings["25"] < openings["26"] < openings["27"]


@pytest.mark.parametrize("number", BILATERAL)
def test_skin_does_not_tear_beside_mouth_and_eyes(number):
    rows = head_tensors(CPU).strips
    moved, x = points({number: 5.0, "25": 5.0}), np.abs(head_surface().x)
    for above, below, end in ((rows[0].stop - 1, rows[1].start, 44.5), (rows[1].stop - 1, rows[2].start, 26.0)):
        outside = x[above] > end
        gap = np.linalg.norm(moved[above] - moved[below], axis=-1)[outside]
        assert gap.max() < 0.1


def test_eyes_close_and_do_not_cross():
    rows = head_tensors(CPU).strips
    gaps = {}
    for aus in ({}, {"5": 5.0}, {"7": 5.0}, {"43": 5.0}, {"6": 5.0, "7": 5.0, "9": 5.0, "4": 5.0}):
        moved = points(aus)
        eye = np.abs(np.abs(head_surface().x[rows[0].stop - 1]) - 31) < 3
        gaps[tuple(aus)] = float((moved[rows[0].stop - 1, :, 1] - moved[rows[1].start, :, 1])[eye].mean())
    assert gaps["5",] > gaps[()] > gaps["7",] > gaps["6", "7", "9", "4"] > 0
    assert abs(gaps["43",]) < 0.8


@given(st.sampled_from(NAMES), st.floats(0, 5))
def test_a_side_has_the_larger_of_its_own_and_that_of_both(name, value):
    number = name.lstrip("LR")
    found = side_intensities({number: 2.0, name: value})[BILATERAL.index(number)] * 5
    sides = {"L": [0], "R": [1]}.get(name[0], [0, 1])
    for side in (0, 1):
        expected = value if name == number else max(2.0, value) if side in sides else 2.0
        assert found[side] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("aus", "message"),
    [({"3": 1.0}, "3: unknown action unit"), ({"12": 5.5}, "AU 12: intensity 5.5"), ({"L5": 1.0}, "L5: unknown")],
)
def test_wrong_units_are_refused(aus, message):
    with pytest.raises(ValueError, match=message):
        side_intensities(aus)
