"""Captions: what is true of a face in words of a small vocabulary, and the prompts of what is wanted."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.synth_faces.pipeline.rendering import draw
from vision_cli.synth_faces.plans.captions import EXPRESSION_WORDS, HAIR_COLOURS, caption_of, prompt_of, vocabulary
from vision_cli.synth_faces.plans.labels import COMPOUND, LABELS
from vision_cli.synth_faces.plans.plan import Wanted
from vision_cli.synth_faces.values import EXPRESSIONS

FACTS = {
    "sex": "female",
    "age": 25.0,
    "hair": "long",
    "hair_colour": "red",
    "beard": 0.0,
    "melanin": 0.1,
    "glasses": "yes",
    "yaw_deg": 12.0,
    "pitch_deg": 0.0,
    "light_deg": -30.0,
    "is_grey": "no",
}

facts = st.fixed_dictionaries(
    {},
    optional={
        "sex": st.sampled_from(["male", "female"]),
        "age": st.floats(18, 80),
        "hair": st.sampled_from(["bald", "cropped", "short", "tied", "long", "afro", "another"]),
        "hair_colour": st.sampled_from(HAIR_COLOURS),
        "beard": st.floats(0, 1),
        "melanin": st.floats(0, 1),
        "glasses": st.sampled_from(["yes", "no"]),
        "yaw_deg": st.floats(-40, 40),
        "pitch_deg": st.floats(-20, 20),
        "light_deg": st.floats(-50, 50),
        "is_grey": st.sampled_from(["yes", "no"]),
    },
)


def many(label, known, count=300):
    return [caption_of(label, known, seed) for seed in range(count)]


@given(label=st.sampled_from([None, *LABELS]), known=facts, seed=st.integers(0, 2**63 - 1))
def test_captions_are_of_the_vocabulary_and_never_name_action_units(label, known, seed):
    caption = caption_of(label, known, seed)
    assert set(caption.replace(",", " ,").split()) <= set(vocabulary())
    assert not re.search(r"\d|\bAU\b", caption)
    assert len(caption.replace(",", " ,").split()) <= 38
    assert caption == caption_of(label, known, seed)


@pytest.mark.parametrize("label", EXPRESSIONS)
def test_a_labelled_face_has_a_word_of_its_expression_and_of_no_other(label):
    for caption in many(label, FACTS, 60):
        found = {
            name for name, words in EXPRESSION_WORDS.items() if {name, *words} & set(caption.replace(",", " ").split())
        }
        assert found == {label}


def test_a_compound_expression_has_the_words_of_both():
    for label, parts in COMPOUND.items():
        words = set(caption_of(label, {}, 3).replace(",", " ").split())
        assert all(words & {part, *EXPRESSION_WORDS[part]} for part in parts)


def test_features_are_said_as_they_are_and_left_out_sometimes():
    captions = many("happiness", FACTS)
    for words in ("long red hair", "glasses", "light skin", "turned right", "light from the left", "young"):
        share = np.mean([words in caption for caption in captions])
        assert 0.6 < share < 0.97, words
    for words in ("beard", "stubble", "dark skin", "turned left", "looking", " man"):
        assert not any(words in caption for caption in captions), words


def test_what_is_not_known_is_not_said():
    assert set(many(None, {}, 40)) <= {
        f"a {what} of a {whom}" for what in ("photo", "portrait", "picture") for whom in ("person", "face")
    }


def test_facts_of_the_rig_are_put_into_words():
    known = draw(Wanted(0, 5, 6, "surprise"), 32).facts
    assert known["hair_colour"] in HAIR_COLOURS
    assert abs(float(known["light_deg"])) <= np.degrees(0.8)
    captions = many("surprise", known, 40)
    assert any(str(known["hair_colour"]) in caption for caption in captions) or known["hair"] == "bald"


def test_a_prompt_depends_on_the_person_and_the_label():
    wanted = [Wanted(0, 1, 7, "fear"), Wanted(1, 2, 7, "fear"), Wanted(2, 3, 8, "fear")]
    prompts = [prompt_of(one) for one in wanted]
    assert prompts[0] == prompts[1]
    assert len({prompt_of(Wanted(0, 1, person, "fear")) for person in range(20)}) > 10
    assert prompt_of(Wanted(0, 1, 7, "fear", prompt="a face")) == "a face"
    assert not any("red hair" in prompt_of(Wanted(0, 1, person)) for person in range(50))
