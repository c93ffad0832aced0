"""The network as a method: films of any size and sentences in, densities and scan paths out."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import MissingError
from vision_cli.gaze_predict import Film, GazePrediction, open_predictor
from vision_cli.gaze_predict.pipeline.predictor import GemPredictor, log_density_at
from vision_cli.gaze_predict.pipeline.stand_in import StandInPredictor
from vision_cli.gaze_predict.pipeline.weight_files import read_network

SENTENCES = ("right pleural effusion", "pneumothorax", "")


@pytest.fixture(scope="module")
def predictor(small_weights):
    return open_predictor(str(small_weights))


@pytest.fixture
def film(made_film):
    return made_film("film", (90, 60)).read()


def test_a_density_has_the_aspect_of_its_film_and_sums_to_one(predictor, film):
    found = predictor.predict(film, SENTENCES[0], samples=3)
    assert isinstance(found, GazePrediction)
    assert found.density.shape == (224, 149)
    assert found.density.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    assert len(found.path) == 8
    assert len(found.samples) == 3
    assert ((found.path.points >= 0) & (found.path.points <= 1)).all()
    assert (found.path.durations > 0).all()
    np.testing.assert_array_equal(found.log_density, log_density_at(found.density, found.path))
    assert len(repr(found)) < 200


def test_the_density_at_a_fixation_is_read_where_it_lies():
    density = np.zeros((50, 40), np.float32)
    density[45, 4] = 1
    path = type("Path", (), {"points": np.array([[0.1126, 0.91], [0.9, 0.9]], np.float32)})
    # All of the density in one of 2000 pixels, and none elsewhere.
    np.testing.assert_allclose(log_density_at(density, path), [np.log(2000), np.log(1e-12)], rtol=1e-5)


def test_the_same_seed_gives_the_same_path(predictor, film):
    one, two, other = (predictor.predict(film, SENTENCES[0], samples=2, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.path.points, two.path.points)
    np.testing.assert_array_equal(one.samples[1].durations, two.samples[1].durations)
    assert (one.path.points != other.path.points).any()
    np.testing.assert_array_equal(one.density, other.density)


def test_sentences_keep_their_order_and_do_not_see_each_other(predictor, film):
    together = predictor.predict_all(film, SENTENCES)
    backwards = predictor.predict_all(film, SENTENCES[::-1])[::-1]
    for sentence, one, two in zip(SENTENCES, together, backwards, strict=True):
        alone = predictor.predict(film, sentence)
        np.testing.assert_allclose(one.density, two.density, atol=1e-6)
        np.testing.assert_allclose(one.density, alone.density, atol=1e-6)
    assert np.abs(together[0].density - together[1].density).max() > 1e-6


def test_a_film_is_encoded_once(small_weights, film, made_film, monkeypatch):
    loaded = read_network(small_weights)
    seen = []
    encode = loaded.network.encode_film
    monkeypatch.setattr(loaded.network, "encode_film", lambda pixels: (seen.append(1), encode(pixels))[1])
    predictor = GemPredictor(loaded)
    predictor.predict_all(film, SENTENCES)
    predictor.predict(film, SENTENCES[1])
    assert len(seen) == 1
    predictor.predict(made_film("other").read(), SENTENCES[1])
    assert len(seen) == 2


def test_unknown_words_are_counted(predictor, film):
    assert predictor.predict(film, "pneumothorax").facts["unknown_share"] == 0
    assert predictor.predict(film, "жжжжж щщщщщ").facts["unknown_share"] == 1


def test_fewer_points_than_the_network_has(small_weights, film):
    assert len(open_predictor(str(small_weights), points=3).predict(film, "").path) == 3


def test_stand_in_films_are_averaged(predictor, made_film):
    films = [made_film(name, size).read() for name, size in (("a", (90, 60)), ("bcd", (60, 90)))]
    mean = StandInPredictor(predictor, films).predict("pneumothorax")
    alone = [StandInPredictor(predictor, [film]).predict("pneumothorax") for film in films]
    assert mean.density.shape == (224, 224)
    np.testing.assert_allclose(mean.density, np.mean([one.density for one in alone], axis=0), atol=1e-7)
    stand_in = StandInPredictor(predictor, films)
    assert stand_in.predict("edema") is stand_in.predict("edema")


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(MissingError):
        open_predictor(str(tmp_path / "none.safetensors"))


def test_a_film_made_in_memory_has_a_short_repr():
    assert repr(Film("a", np.zeros((600, 600), np.float32))) == "Film(name='a', notes=())"
