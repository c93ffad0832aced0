"""People differ, and their sexes and ages show."""

from __future__ import annotations

import numpy as np
import torch

from vision_cli.phantoms.faces.rig.identities import MODES, draw_identity, mode_basis
from vision_cli.phantoms.faces.rig.shape.surface import head_surface, lid_margins

PEOPLE = [draw_identity(np.random.default_rng((3, k))) for k in range(300)]


def test_modes_are_some_millimetres():
    largest = np.linalg.norm(mode_basis(), axis=-1).max(axis=(1, 2))
    assert len(largest) == len(MODES) == 26
    assert (largest > 0.5).all()
    assert (largest < 8).all()


def test_men_have_wider_jaws_and_heavier_brows():
    for name in ("jaw width", "brow ridge"):
        place = list(MODES).index(name)
        men, women = ([p.modes[place] for p in PEOPLE if p.is_male is sex] for sex in (True, False))
        assert np.mean(men) > np.mean(women) + 1


def test_people_vary():
    assert {p.hair.style for p in PEOPLE} == {"bald", "cropped", "short", "tied", "long", "afro"}
    assert 0.4 < np.mean([p.is_male for p in PEOPLE]) < 0.6
    assert np.ptp([p.age for p in PEOPLE]) > 45
    assert np.ptp([p.skin.melanin for p in PEOPLE]) > 0.9
    assert 0.05 < np.mean([p.glasses > 0 for p in PEOPLE]) < 0.25
    assert not any(p.beard for p in PEOPLE if not p.is_male)


def test_the_average_head_has_the_measured_outline():
    surface = head_surface()
    for y, half_width in ((-7, 71), (-54, 65), (-86, 55)):
        near = np.abs(surface.y - y) < 2
        # The outline of portraits varies by 4 to 9 mm.
        assert abs(surface.x[near].max() - half_width) < 5
    middle = surface.x.shape[1] // 2
    tip = int(surface.z[:, middle].argmax())
    assert abs(surface.z[tip, middle] - 46) < 1.5
    assert abs(surface.y[tip, middle] + 37) < 4
    upper, lower = lid_margins(np.array([32.0, 17.0, 44.0]))
    np.testing.assert_allclose(upper, [4, -4, -2], atol=0.4)
    np.testing.assert_allclose(lower, [-6, -4, -2], atol=0.4)


def test_the_surface_is_finite_and_has_no_needles():
    points = torch.tensor(head_surface().points)
    assert torch.isfinite(points).all()
    steps = (points[1:] - points[:-1]).norm(dim=-1)
    assert steps.max() < 12
