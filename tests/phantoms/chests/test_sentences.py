"""Sentences name what they say that they name, and point to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.phantoms.chests import wording
from vision_cli.phantoms.chests.films import make_film
from vision_cli.phantoms.chests.sentences import (
    Sentence,
    draw_sentence,
    make_absence,
    make_label,
    make_sentence,
    misspell,
)
from vision_cli.phantoms.chests.values import FINDINGS, ChestFilm, Finding, LungBox, Place

SIDE_WORDS = {"left": ("left",), "right": ("right",), "both": ("both", "bilateral")}
ZONE_WORDS = {
    zone: {word for phrase in (*wording.ZONE_ADJECTIVES[zone], *wording.ZONE_PLACES[zone]) for word in phrase.split()}
    - {"lung", "lobe", "zone", "field", "region", "chest"}
    for zone in wording.ZONE_PLACES
}


@pytest.fixture(scope="module")
def films():
    return [make_film(np.random.default_rng(seed), side=32) for seed in range(150)]


@pytest.mark.parametrize("family", sorted(set(wording.FAMILIES.values())))
def test_every_family_has_a_dozen_frames_and_more(family):
    frames = (*wording.FRAMES, *wording.OWN_FRAMES[family], *wording.PROBABLE, *wording.POSSIBLE)
    assert len(set(frames)) >= 12
    assert len(wording.OWN_FRAMES[family]) >= 3
    assert len(set(wording.ABSENT_FRAMES)) >= 12


def test_every_finding_has_forms_with_synonyms():
    assert set(wording.FORMS) == set(wording.FAMILIES) == set(FINDINGS)
    for forms in wording.FORMS.values():
        for form in forms:
            assert len(wording.NOUNS[form]) >= 3


@pytest.mark.parametrize("name", FINDINGS)
def test_a_localised_sentence_holds_its_side_and_zone_in_words(name):
    rng = np.random.default_rng(0)
    texts = set()
    for _ in range(60):
        finding = make_film(rng, side=24, findings=(name,)).findings[0]
        sentence = make_sentence(rng, finding, manner="localised")
        words = sentence.text.lower().replace("-", " ")
        texts.add(words)
        assert sentence.finding == name
        assert not sentence.is_negated
        assert sentence.is_localised == (sentence.side is not None or sentence.zone is not None)
        if sentence.side is not None:
            assert any(word in words for word in SIDE_WORDS[sentence.side])
        for side in ("left", "right"):
            assert sentence.side in (side, "both") or side not in words
    assert len(texts) >= 25


def test_a_zone_is_named_in_words():
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(150):
        finding = make_film(rng, side=24, findings=("lung opacity",)).findings[0]
        sentence = make_sentence(rng, finding)
        if sentence.zone is not None:
            words = set(sentence.text.lower().strip(".?").replace("-", " ").split())
            # a slip of the pen may hide the word; most do not
            found += bool(words & (ZONE_WORDS[sentence.zone] | {f"{word}s" for word in ZONE_WORDS[sentence.zone]}))
            found -= not words & (ZONE_WORDS[sentence.zone] | {f"{word}s" for word in ZONE_WORDS[sentence.zone]})
    assert found > 50


@pytest.mark.parametrize("name", FINDINGS)
def test_a_sentence_without_a_place_names_none(name):
    rng = np.random.default_rng(3)
    for _ in range(40):
        finding = make_film(rng, side=24, findings=(name,)).findings[0]
        sentence = make_sentence(rng, finding, manner="plain")
        assert not sentence.is_localised
        words = sentence.text.lower()
        assert not any(
            word in words for word in ("left", "right", "bilateral", "both", "apical", "basal", "upper", "lower lobe")
        )


@pytest.mark.parametrize("name", [*FINDINGS, None])
def test_denials_deny(name):
    rng = np.random.default_rng(1)
    denying = (
        "no",
        "not",
        "without",
        "negative",
        "resolved",
        "removed",
        "absence",
        "free",
        "normal",
        "clear",
        "intact",
    )
    denying += ("sharp", "unremarkable")
    hits = 0
    for _ in range(60):
        sentence = make_absence(rng, name)
        assert sentence.is_negated
        assert sentence.finding == name
        hits += any(word in sentence.text.lower() for word in denying)
    # a misspelt "resolved" is the rest
    assert hits >= 56


@pytest.mark.parametrize("name", FINDINGS)
def test_a_label_is_the_bare_name(name):
    rng = np.random.default_rng(0)
    for _ in range(5):
        label = make_label(rng, name)
        assert label.text.lower() == name
        assert (label.finding, label.is_localised, label.is_negated) == (name, False, False)


def test_all_certainties_and_kinds_are_drawn(films):
    rng = np.random.default_rng(5)
    sentences = [draw_sentence(rng, film.findings) for film in films for _ in range(6)]
    assert {sentence.certainty for sentence in sentences} == {"certain", "probable", "possible"}
    assert 0.25 < np.mean([sentence.is_localised for sentence in sentences]) < 0.5
    assert 0.1 < np.mean([sentence.is_negated for sentence in sentences]) < 0.35
    assert 0.02 < np.mean([sentence.text == "" for sentence in sentences]) < 0.09
    assert len({sentence.text for sentence in sentences}) > 500


def test_a_denied_finding_is_not_in_the_film(films):
    rng = np.random.default_rng(6)
    for film in films:
        for _ in range(4):
            sentence = draw_sentence(rng, film.findings)
            if sentence.is_negated:
                assert sentence.finding not in {finding.name for finding in film.findings}


@settings(max_examples=60)
@given(word=st.text("abcdefghij", min_size=4, max_size=12), seed=st.integers(0, 1000))
def test_a_slip_changes_at_most_one_letter_or_two_neighbours(word, seed):
    wrong = misspell(np.random.default_rng(seed), word)
    assert wrong[0] == word[0]
    assert abs(len(wrong) - len(word)) <= 1
    if len(wrong) == len(word):
        assert sorted(wrong) == sorted(word)


def _film(*places):
    found = (Finding("lung opacity", "lung opacity", places, "small", 1.0),) if places else ()
    blank = np.zeros((8, 8), np.float32)
    return ChestFilm(blank, blank > 1, LungBox(0.1, 0.2, 0.9, 0.8), found, "PA", False, 0.0)


def test_a_sentence_points_to_the_places_on_its_side_only():
    right, left = (Place(side, "upper", (x, 0.4), (0.1, 0.1)) for side, x in (("right", 0.3), ("left", 0.7)))
    film = _film(right, left)

    def spots(**named):
        return Sentence("", "lung opacity", is_localised=True, **named).spots_in(film)

    assert spots(side="left") == (left.centre,)
    assert spots(side="both") == spots(zone="upper") == (right.centre, left.centre)
    assert Sentence("", "lung opacity", side="left", is_localised=True, is_negated=True).spots_in(film) == ()
    assert Sentence("lung opacity", "lung opacity").spots_in(film) == ()


def test_a_place_that_the_film_does_not_show_is_the_middle_of_the_named_part():
    sentence = Sentence("", "lung opacity", side="left", zone="upper", is_localised=True)
    (x, y), *others = sentence.spots_in(_film())
    assert not others
    np.testing.assert_allclose((x, y), (0.1 + 0.8 * 0.74, 0.2 + 0.6 * 0.23), atol=1e-6)
    both = Sentence("", "lung opacity", zone="lower", is_localised=True).spots_in(_film())
    assert [x > 0.5 for x, _ in both] == [False, True]
