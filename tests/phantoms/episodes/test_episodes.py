"""Generated episodes: the truth lies where the class was drawn, and a seed gives the same episode again."""

from __future__ import annotations

import time
from collections import Counter

import cv2
import numpy as np
import pytest

from vision_cli.core.errors import MissingError
from vision_cli.phantoms.episodes import photographs
from vision_cli.phantoms.episodes.episodes import FAMILIES, make_episode
from vision_cli.phantoms.episodes.photographs import PHOTOGRAPHS
from vision_cli.phantoms.episodes.textures import FIELD_SIZE, TextureBank, power_noise


@pytest.fixture(scope="module")
def bank():
    return TextureBank.random(np.random.default_rng(0), fields=8)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_draws_its_class_into_supports_and_query(bank, family):
    episode = make_episode(np.random.default_rng(3), bank, family, side=96, shots=2, absent=0)
    assert (episode.family, episode.is_absent, len(episode.supports)) == (family, False, 2)
    for drawn in (*episode.supports, episode.query):
        assert drawn.picture.shape == (96, 96, 3)
        assert drawn.picture.dtype == np.uint8
        assert drawn.mask.shape == (96, 96)
        assert drawn.mask.dtype == np.bool_
        assert 0.0008 < drawn.mask.mean() < 0.9
    first, second = episode.supports
    assert (first.picture != second.picture).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_gives_the_same_episode_again(bank, family):
    first, second = (make_episode(np.random.default_rng(5), bank, family, side=64) for _ in range(2))
    np.testing.assert_array_equal(first.query.picture, second.query.picture)
    np.testing.assert_array_equal(first.supports[0].mask, second.supports[0].mask)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_absent_class_leaves_an_empty_mask(bank, family):
    for seed in range(4):
        episode = make_episode(np.random.default_rng(seed), bank, family, side=64, absent=1)
        assert episode.is_absent
        assert not episode.query.mask.any()
        assert episode.supports[0].mask.any()


def test_families_are_drawn_by_their_weights(bank):
    rng = np.random.default_rng(1)
    drawn = Counter(make_episode(rng, bank, side=16).family for _ in range(400))
    total = sum(weight for _, weight in FAMILIES.values())
    for name, (_, weight) in FAMILIES.items():
        share = weight / total
        assert abs(drawn[name] / 400 - share) < 4 * np.sqrt(share * (1 - share) / 400)


def test_the_class_differs_from_what_surrounds_it(bank):
    rng = np.random.default_rng(8)
    differences = []
    for _ in range(20):
        query = make_episode(rng, bank, "shaded", absent=0).query
        colours = cv2.cvtColor(query.picture, cv2.COLOR_RGB2LAB).astype(float)
        differences.append(np.linalg.norm(colours[query.mask].mean(axis=0) - colours[~query.mask].mean(axis=0)))
    assert np.median(differences) > 20


def test_an_unknown_family_is_refused(bank):
    with pytest.raises(KeyError, match="planets"):
        make_episode(np.random.default_rng(0), bank, "planets")


def test_photographs_of_training_and_validation_are_disjoint():
    assert not set(PHOTOGRAPHS["train"]) & set(PHOTOGRAPHS["validation"])
    found = {split: photographs.load_photographs(split, 64) for split in PHOTOGRAPHS}
    for one in found["validation"]:
        assert min(one.shape[:2]) == 64
        assert not any(one.shape == other.shape and (one == other).all() for other in found["train"])


def test_a_photograph_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", {"train": ("skimage/data/none.png",)})
    with pytest.raises(MissingError, match=r"skimage/data/none\.png: not in the installed skimage"):
        photographs.load_photographs("train", 64)


def test_power_noise_has_the_spectrum_that_it_is_named_for():
    power = np.zeros((256, 129))
    for seed in range(12):
        power += np.abs(np.fft.rfft2(power_noise(np.random.default_rng(seed), 256, 1.5))) ** 2
    # Across a row the frequencies are not stretched.
    low, high = power[0, 8:12].mean(), power[0, 80:120].mean()
    assert np.log(low / high) / np.log(100 / 10) == pytest.approx(3, abs=0.5)


def test_textures_take_their_colours_from_two_of_their_own(bank):
    texture = bank.texture(np.random.default_rng(2), photographic=0)
    piece = texture.piece(np.random.default_rng(3), 48)
    low, high = texture.colours.min(axis=0) - 1e-3, texture.colours.max(axis=0) + 1e-3
    assert piece.shape == (48, 48, 3)
    assert ((piece >= low) & (piece <= high)).all()
    assert bank.fields.shape[1:] == (FIELD_SIZE, FIELD_SIZE)


@pytest.mark.slow
def test_an_episode_takes_few_milliseconds():
    bank, rng = TextureBank.random(np.random.default_rng(0)), np.random.default_rng(1)
    began = time.process_time()
    for _ in range(100):
        make_episode(rng, bank)
    assert (time.process_time() - began) / 100 < 0.05
