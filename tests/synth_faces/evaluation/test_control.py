"""Control of one action unit: what a generator with known faults is said to have."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.evaluation.control import SeriesPlace, control, control_of_faces

LEVELS = (0, 1, 2, 3, 4, 5)
NAMES = ("12", "L12", "6", "1")


def series(gain=1.0, leak=0.0, count=10, noise=0.0):
    """Measure AU 12 with a gain, and AU 6 with a leak of it."""
    rng = np.random.default_rng(0)
    values = np.zeros((1, count, len(LEVELS), len(NAMES)))
    values[0, :, :, 0] = values[0, :, :, 1] = gain * np.array(LEVELS)
    values[0, :, :, 2] = leak * values[0, :, :, 0]
    return values + noise * rng.normal(size=values.shape)


def test_a_perfect_generator():
    (found,) = control(series(), ("12",), NAMES, LEVELS)
    assert found.linearity == pytest.approx(1)
    assert found.slope == pytest.approx(1)
    assert (found.monotone, found.change, found.leakage, found.worst_leakage) == (1, 5, 0, 0)


def test_a_leak_is_named_and_its_own_sides_are_none():
    (found,) = control(series(gain=0.5, leak=0.3), ("12",), NAMES, LEVELS)
    assert found.slope == pytest.approx(0.5)
    assert (found.worst, found.worst_leakage) == ("6", pytest.approx(0.3))
    assert found.leakage == pytest.approx(0.15)


def test_noise_lowers_linearity_and_order():
    (found,) = control(series(noise=0.8, count=200), ("12",), NAMES, LEVELS)
    spread = np.std(LEVELS)
    assert found.linearity == pytest.approx(spread / np.hypot(spread, 0.8), abs=0.02)
    assert found.monotone < 0.6
    (tolerant,) = control(series(noise=0.8, count=200), ("12",), NAMES, LEVELS, tolerance=5)
    assert tolerant.monotone == 1


def test_a_unit_that_does_not_move_leaks_without_bound():
    values = series(gain=0)
    values[:, :, -1, 2] = 1
    (found,) = control(values, ("12",), NAMES, LEVELS)
    assert np.isnan(found.linearity)
    assert found.leakage == np.inf
    assert control(series(gain=0), ("12",), NAMES, LEVELS)[0].leakage == 0


def test_series_are_found_among_other_faces_and_broken_ones_left_out():
    true = series(gain=0.8, leak=0.25, count=3)[0]
    places = [SeriesPlace("12", str(one), level) for one in range(3) for level in LEVELS]
    shuffled = np.random.default_rng(1).permutation(len(places))
    measured = np.concatenate([true.reshape(-1, len(NAMES))[shuffled], np.zeros((2, len(NAMES)))])
    mixed = [*(places[place] for place in shuffled), None, SeriesPlace("27", "0", 1.0)]
    (found,) = control_of_faces(mixed, measured, NAMES)
    assert (found.name, found.slope, found.monotone) == ("12", pytest.approx(0.8), 1)
    assert found.worst_leakage == pytest.approx(0.25)
    measured[np.flatnonzero(shuffled == 2)] = 99
    broken = [None if one == SeriesPlace("12", "0", 2) else one for one in mixed]
    assert control_of_faces(broken, measured, NAMES)[0].slope == pytest.approx(0.8)
    assert control_of_faces([None], measured[:1], NAMES) == ()


@pytest.mark.parametrize(
    ("targets", "levels", "message"),
    [
        (("9",), LEVELS, "AU 9 was turned but not measured"),
        (("12",), LEVELS[:3], "series, levels, AUs"),
        (("12",), (0, 2, 1, 3, 4, 5), "two or more, rising"),
    ],
)
def test_what_does_not_fit_is_said(targets, levels, message):
    with pytest.raises(InputError, match=message):
        control(series(), targets, NAMES, levels)
