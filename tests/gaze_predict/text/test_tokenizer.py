"""Word pieces: coverage, unknown words, numbers, blanks, and tables of padded sentences."""

from __future__ import annotations

import re
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.text.sentences import split_sentences
from vision_cli.gaze_predict.text.tokenizer import LENGTH, Tokenizer, pad

REPORTS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "gaze-predict" / "open-i"
TOKENIZER = Tokenizer.default()


def pieces(text):
    return [TOKENIZER.pieces[row] if row < len(TOKENIZER.pieces) else "#" for row in TOKENIZER.encode(text).ids[1:]]


@given(st.text(max_size=200))
def test_any_text_becomes_rows_of_the_table(text):
    encoded = TOKENIZER.encode(text)
    assert encoded.ids[0] == 1
    assert len(encoded.ids) <= LENGTH
    assert all(0 < row < TOKENIZER.rows for row in encoded.ids)
    assert 0 <= encoded.unknown_share <= 1
    assert TOKENIZER.count(text) == len(encoded.ids) + encoded.cut


@given(st.text(alphabet="abcdefghij .,", max_size=60))
def test_case_and_spaces_do_not_count(text):
    assert TOKENIZER.encode(text.upper()) == TOKENIZER.encode("  " + text.replace(" ", "   "))


@pytest.mark.parametrize(
    "text",
    [
        "Right pleural effusion with adjacent atelectasis.",
        "No pneumothorax",
        "small nodules projecting over the left upper lobe",
        "enlarged cardiac silhouette",
        "endotracheal tube tip 4 cm above the carina",
        "displaced fracture of the seventh rib",
    ],
)
def test_words_of_reports_are_known(text):
    assert TOKENIZER.encode(text).unknown_share == 0


def test_sides_findings_and_negation_are_words_of_their_own():
    for word in ("left", "right", "no", "upper", "lower", "effusion", "pneumothorax", "cardiomegaly", "possible"):
        assert pieces(word) == [word]


def test_a_word_is_cut_at_the_longest_piece():
    assert pieces("effusions") == ["effusion", "##s"]
    assert pieces("pneumopleural") == ["pneumo", "##pleural"]


def test_numbers_blanks_and_marks():
    assert pieces("2.3 cm") == ["2", ".", "3", "cm"]
    assert pieces("17 mm, 2019") == ["1", "##7", "mm", ",", "<number>"]
    assert pieces("___ year old XXXX") == ["<blank>", "year", "old", "<blank>"]
    assert pieces("x-ray") == ["x", "-", "ray"]
    assert pieces("†") == []


def test_a_misspelt_word_is_unknown_and_resembles_itself():
    right, wrong, other = (set(TOKENIZER.encode(word).ids[1:]) for word in ("qqzeffusoin", "qqzefusoin", "wvkthorqqq"))
    assert TOKENIZER.encode("qqzeffusoin").unknown_share == 1
    assert all(row >= len(TOKENIZER.pieces) for row in right)
    assert len(right & wrong) > len(right & other)


def test_other_languages_are_mostly_unknown():
    german = "Kein Erguss, das Herz ist nicht vergrößert, keine frischen Infiltrate"
    spanish = "El corazón es de tamaño conservado sin derrame pleural"
    assert TOKENIZER.encode(german).unknown_share > 0.5
    assert TOKENIZER.encode(spanish).unknown_share > 0.5


def test_an_empty_sentence_has_a_start():
    assert TOKENIZER.encode("").ids == TOKENIZER.encode(" \n").ids == (1,)


def test_a_long_sentence_is_cut_and_says_so():
    encoded = TOKENIZER.encode("left " * 60)
    assert (len(encoded.ids), encoded.cut) == (48, 13)


def test_sentences_are_padded_to_one_width():
    sentences = [TOKENIZER.encode(text) for text in ("no", "left lower lobe opacity")]
    ids, mask = pad(sentences)
    assert ids.shape == mask.shape == (2, 5)
    assert (ids[0, 2:] == 0).all()
    assert mask.sum(1).tolist() == [2, 5]
    assert pad(sentences, 3)[0].shape == (2, 3)


def test_a_list_without_its_special_pieces_is_an_error():
    with pytest.raises(InputError, match="<pad>"):
        Tokenizer(["left", "right"])


def test_the_list_has_no_piece_twice():
    assert len(set(TOKENIZER.pieces)) == len(TOKENIZER.pieces)
    assert all(re.fullmatch(r"<\w+>|(##)?[a-z0-9]+|[^\w\s]", piece) for piece in TOKENIZER.pieces)


def test_real_reports_are_covered():
    archive = next(REPORTS.glob("*.tgz"), None) if REPORTS.is_dir() else None
    if archive is None:
        pytest.skip("no ../shared/data/gaze-predict/open-i")
    shares, long = [], 0
    with tarfile.open(archive) as reports:
        for number, member in enumerate(reports):
            # Every tenth of the reports is enough.
            if number % 10 or not member.name.endswith(".xml"):
                continue
            for part in ET.fromstring(reports.extractfile(member).read()).iter("AbstractText"):
                for sentence in split_sentences(part.text or "") if part.get("Label") == "FINDINGS" else []:
                    encoded = TOKENIZER.encode(sentence.text)
                    shares.append(encoded.unknown_share)
                    long += encoded.cut > 0
    assert len(shares) > 500
    assert np.mean(shares) < 0.04
    assert long / len(shares) < 0.01
