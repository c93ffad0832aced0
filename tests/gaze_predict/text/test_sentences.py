"""Reports cut into sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.gaze_predict.text.sentences import split_sentences
from vision_cli.gaze_predict.text.tokenizer import Tokenizer


def texts(report, **options):
    return [sentence.text for sentence in split_sentences(report, **options)]


def test_headings_are_recognised_and_left_out():
    report = "FINDINGS: The heart is enlarged. No edema.\n\nIMPRESSION:\nCardiomegaly. Wet read: no change."
    found = [(sentence.section, sentence.text) for sentence in split_sentences(report)]
    assert found == [
        ("findings", "The heart is enlarged."),
        ("findings", "No edema."),
        ("impression", "Cardiomegaly."),
        ("wet read", "no change."),
    ]


@pytest.mark.parametrize("report", ["", "  \n", "FINDINGS:", "FINDINGS:\n\nIMPRESSION:\n", "FINAL REPORT", "1. 2. ..."])
def test_a_report_of_headings_alone_has_no_sentence(report):
    assert texts(report) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "A 2.3 cm nodule is seen at T8.",
        "Tip is approx. 4 cm above the carina.",
        "Discussed with Dr. Miller by phone.",
        "Opacity, e.g. pneumonia vs. atelectasis, is seen.",
        "___-year-old woman with cough.",
        "Seen at 5 p.m. today.",
        "The ratio is 1:2 at the base.",
    ],
)
def test_points_that_end_nothing(sentence):
    assert texts(sentence) == [sentence]
    assert texts(f"No edema. {sentence} Heart is normal.") == ["No edema.", sentence, "Heart is normal."]


def test_lines_and_lists():
    report = "Lungs are\nclear. Heart\nis normal\n\nNo effusion\n1. Old fracture.\n2. Stable nodule\n- no edema"
    assert texts(report) == [
        "Lungs are clear.",
        "Heart is normal",
        "No effusion",
        "Old fracture.",
        "Stable nodule",
        "no edema",
    ]


def test_windows_lines_are_lines():
    assert texts("FINDINGS:\r\nNo edema.\r\nNo effusion.") == ["No edema.", "No effusion."]


def test_capitals_are_sentences_too():
    assert texts("THE LUNGS ARE CLEAR. NO EFFUSION.") == ["THE LUNGS ARE CLEAR.", "NO EFFUSION."]


def test_a_long_sentence_is_cut_at_its_commas():
    tokenizer = Tokenizer.default()
    report = ", ".join(["small right pleural effusion"] * 20) + "."
    parts = texts(report, most=tokenizer.length, count=tokenizer.count)
    assert all(tokenizer.count(part) <= tokenizer.length for part in parts)
    assert sum(part.count("effusion") for part in parts) == 20
    assert all(part.startswith("small") for part in parts)
    assert len(texts(report)) == 1


@given(st.text(alphabet="ab .,;:!?\n1()-F", max_size=80))
def test_no_letter_is_lost_but_those_of_headings(report):
    letters = [character for character in report if character in "abF"]
    found = [character for text in texts(report) for character in text if character in "abF"]
    assert len(found) <= len(letters)
    if ":" not in report and "F" not in report:
        # A piece without a word of two letters is left out.
        assert "".join(found).count("ab") <= "".join(letters).count("ab")


@given(st.lists(st.sampled_from(["left", "opacity,", "and", "effusion;", "clear"]), min_size=1, max_size=40))
def test_cutting_keeps_the_words(words):
    text = " ".join(words)
    kept = " ".join(texts(text, most=5)).replace(",", "").replace(";", "").split()
    assert kept == text.replace(",", "").replace(";", "").split()
