"""A finding changes the film where its places are, on the side that it names."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.phantoms.chests.anatomy import draw_chest
from vision_cli.phantoms.chests.devices import draw_devices
from vision_cli.phantoms.chests.films import make_film
from vision_cli.phantoms.chests.findings import add_finding, draw_contrast
from vision_cli.phantoms.chests.skeleton import draw_skeleton
from vision_cli.phantoms.chests.values import FINDINGS
from vision_cli.phantoms.chests.wording import FORMS

SIDE = 96
WIDENED = ("cardiomegaly", "enlarged cardiomediastinum")
DRAWN = [name for name in FINDINGS if name not in WIDENED]


def _change(name, seed, contrast=1.0):
    """Return a finding, its chest, and what it changed in the attenuation."""
    rng = np.random.default_rng(seed)
    chest = draw_chest(rng, SIDE)
    draw_skeleton(rng, chest)
    before = chest.attenuation.copy()
    finding = add_finding(rng, chest, name, contrast)
    return finding, chest, np.abs(chest.attenuation - before)


@pytest.mark.parametrize("name", DRAWN)
def test_a_finding_changes_the_film_at_its_places(name):
    shares = []
    for seed in range(8):
        finding, chest, change = _change(name, seed)
        assert finding.name == name
        assert finding.form in FORMS[name]
        assert change.max() > 0.05
        near = np.zeros_like(change, np.bool_)
        for place in finding.places:
            half = np.array(place.extent) + 0.09
            near |= chest.canvas.ellipse_radius(place.centre, (half[0], half[1])) < 1
        shares.append(change[near].mean() / max(change[~near].mean(), 1e-6))
    # the edge of a lung that has come off the wall runs far from the apex
    assert np.median(shares) > (3 if name != "pneumothorax" else 2)


@pytest.mark.parametrize("name", [name for name in DRAWN if name not in ("edema", "support devices")])
def test_a_finding_of_one_side_leaves_the_other_alone(name):
    for seed in range(12):
        finding, chest, change = _change(name, seed)
        if len(finding.sides) == 1:
            left = change[:, chest.canvas.u[0] > 0.5].sum()
            share = left / change.sum()
            assert (share > 0.8) == (finding.sides == {"left"})
            assert (share < 0.2) == (finding.sides == {"right"})


@pytest.mark.parametrize("name", FINDINGS)
def test_places_lie_on_the_side_and_in_the_zone_that_they_name(name):
    for seed in range(15):
        for place in _change(name, seed)[0].places:
            u, v = place.centre
            assert -0.1 < v < 1.1
            if place.side is not None:
                assert (u > 0.5) == (place.side == "left")
            if place.zone in ("upper", "lower"):
                assert (v < 0.5) == (place.zone == "upper")


@pytest.mark.parametrize("name", DRAWN)
def test_a_finding_without_contrast_is_not_in_the_film(name):
    finding, _, change = _change(name, 4, contrast=0)
    assert finding.contrast == 0
    assert change.max() == 0


@pytest.mark.parametrize(
    ("name", "centre"), [("cardiomegaly", (0.72, 0.68)), ("enlarged cardiomediastinum", (0.6, 0.22))]
)
def test_widened_shadows_cover_more_lung(name, centre):
    changes = []
    for seed in range(6):
        normal, widened = (
            draw_chest(
                np.random.default_rng(seed),
                SIDE,
                heart_scale=1.35 if name == "cardiomegaly" and wide else 1,
                mediastinum_scale=1.8 if name != "cardiomegaly" and wide else 1,
            )
            for wide in (False, True)
        )
        changes.append(
            (widened.attenuation - normal.attenuation)[normal.canvas.ellipse_radius(centre, (0.1, 0.1)) < 1].mean()
        )
    assert np.mean(changes) > 0.03


def test_every_device_is_drawn_and_knows_where_it_is():
    seen = {}
    rng = np.random.default_rng(0)
    for _ in range(90):
        chest = draw_chest(rng, 32)
        form, places = draw_devices(rng, chest, 1.0, 1.0)
        seen[form] = places
    assert set(seen) == set(FORMS["support devices"])
    assert all(seen.values())


def test_a_turned_film_turns_its_places_with_its_lungs():
    turned = [film for seed in range(150) if (film := make_film(np.random.default_rng(seed), side=48)).rotation]
    assert turned
    for film in turned:
        for finding in film.findings:
            if finding.name in ("lung opacity", "consolidation", "lung lesion", "pneumonia"):
                for place in finding.places:
                    column, row = (np.array(place.centre) * 48).astype(int)
                    assert film.lungs[max(row - 6, 0) : row + 7, max(column - 6, 0) : column + 7].any()


def test_most_findings_are_visible_and_some_are_not():
    rng = np.random.default_rng(1)
    contrasts = np.array([draw_contrast(rng) for _ in range(800)])
    assert 0.05 < (contrasts == 0).mean() < 0.11
    assert contrasts[contrasts > 0].min() > 0.4
