"""Films look like chests: lungs dark inside their box, the same seed the same film."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.gaze_predict.values import FINDINGS as FINDINGS_OF_THE_TASK
from vision_cli.phantoms.chests.films import make_film, measure_box
from vision_cli.phantoms.chests.values import FINDINGS, LungBox


@pytest.fixture(scope="module")
def films():
    return [make_film(np.random.default_rng(seed), side=48) for seed in range(400)]


def test_world_and_task_name_the_same_findings():
    assert FINDINGS == FINDINGS_OF_THE_TASK


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), side=st.integers(24, 130))
def test_any_seed_and_size_give_a_finite_film_inside_its_range(seed, side):
    film = make_film(np.random.default_rng(seed), side=side)
    assert film.pixels.shape == film.lungs.shape == (side, side)
    assert film.pixels.dtype == np.float32
    assert np.isfinite(film.pixels).all()
    assert 0 <= film.pixels.min() < film.pixels.max() <= 1
    assert film.lungs.any()
    for finding in film.findings:
        for place in finding.places:
            assert np.isfinite(place.centre).all()
            assert min(place.extent) > 0


def test_a_seed_gives_the_same_film_again():
    first, second = (make_film(np.random.default_rng(3), side=80) for _ in range(2))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.findings == second.findings
    assert first.lung_box == second.lung_box


def test_a_seed_draws_the_same_anatomy_at_another_size():
    small, large = (make_film(np.random.default_rng(8), side=side, findings=()) for side in (96, 192))
    assert np.abs(np.subtract(_limits(small.lung_box), _limits(large.lung_box))).max() < 0.01


def test_lung_boxes_are_as_wide_and_as_varied_as_public_ones(films):
    limits = np.array([_limits(film.lung_box) for film in films])
    np.testing.assert_allclose(limits.mean(0), (0.10, 0.12, 0.90, 0.81), atol=0.02)
    centres, sizes = (limits[:, :2] + limits[:, 2:]) / 2, limits[:, 2:] - limits[:, :2]
    np.testing.assert_allclose(centres.std(0), (0.03, 0.06), atol=0.015)
    np.testing.assert_allclose(sizes.std(0), (0.09, 0.11), atol=0.02)


def test_the_box_of_a_mask_is_its_quantiles():
    lungs = np.zeros((200, 100), np.bool_)
    lungs[40:160, 20:70] = True
    box = measure_box(lungs)
    x, y = np.nonzero(lungs.T)
    expected = [np.quantile(x, 0.005) / 100, np.quantile(y, 0.005) / 200, np.quantile(x, 0.995) / 100]
    np.testing.assert_allclose(_limits(box)[:3], expected, atol=0.01)
    np.testing.assert_allclose(_limits(box), (0.2 + 0.0025, 0.2 + 0.003, 0.7 - 0.0025, 0.8 - 0.003), atol=1e-6)


@settings(max_examples=30)
@given(st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0.6, 1), st.floats(0.6, 1), st.floats(-1, 2), st.floats(-1, 2))
def test_both_frames_are_inverse_to_each_other(x0, y0, x1, y1, u, v):
    box = LungBox(x0, y0, x1, y1)
    np.testing.assert_allclose(box.to_lungs(box.to_unit(np.array([u, v]))), (u, v), atol=1e-5)


def test_lungs_are_darker_than_the_middle_of_the_chest_and_the_belly(films):
    for film in films[:60]:
        pixels = 1 - film.pixels if film.is_inverted else film.pixels
        spine = film.lung_box.to_unit(np.array([0.5, 0.6]))
        column, row = (spine * len(pixels)).astype(int)
        assert np.median(pixels[film.lungs]) < pixels[row - 2 : row + 3, column - 2 : column + 3].mean() - 0.15


def test_few_films_are_inverted_or_turned_and_up_to_four_findings_are_in_one(films):
    assert 0.02 < np.mean([film.is_inverted for film in films]) < 0.09
    assert 0.02 < np.mean([film.rotation != 0 for film in films]) < 0.09
    counts = Counter(len(film.findings) for film in films)
    assert set(counts) == set(range(5))
    for film in films:
        names = [finding.name for finding in film.findings]
        assert len(set(names)) == len(names)
    assert {finding.name for film in films for finding in film.findings} == set(FINDINGS)


def test_an_unknown_finding_is_refused():
    with pytest.raises(KeyError, match="scoliosis"):
        make_film(np.random.default_rng(0), side=32, findings=("scoliosis",))


def _limits(box):
    return box.x0, box.y0, box.x1, box.y1
