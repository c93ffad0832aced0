"""Films with what is said about them, by the words of the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.data.cases import FilmReading, open_cases, sentences_of

READING = FilmReading()


@pytest.fixture
def films(tmp_path, made_film):
    """Write two films, one in a folder of its own, and a text beside them."""
    for name in ("a.png", "deep/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pixels = (255 * made_film("film", (64, 48)).read().pixels).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no film")
    return tmp_path


def test_films_and_folders_share_the_sentences(films):
    found = open_cases([films], ("one", "two"), READING)
    assert [one.name for one in found] == ["a", "deep/b"]
    assert all(one.sentences == ("one", "two") for one in found)
    assert found[1].film.read().pixels.shape == (64, 48)
    twice = open_cases([films / "a.png", films], (), READING)
    assert [one.name for one in twice] == ["a", "deep/b"]


def test_a_list_has_the_sentences_of_each_film(films):
    (films / "report.txt").write_text("FINDINGS: Heart size is normal. No pneumothorax.")
    table = films / "list.csv"
    table.write_text("image,text,report\na.png,Left effusion. Edema.,\na.png,,report.txt\ndeep/b.png,,\n")
    first, second = open_cases([table], ("of the command line",), READING)
    assert first.sentences == ("Left effusion.", "Edema.", "Heart size is normal.", "No pneumothorax.")
    assert second.sentences == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image\na.png\n", "columns image; text needed too"),
        ("text\nedema\n", "image"),
        ("image,text\n", "a header without rows"),
    ],
)
def test_a_list_that_lacks_something(films, content, message):
    (films / "list.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        open_cases([films / "list.csv"], (), READING)


def test_what_is_no_film(films):
    (films / "empty").mkdir()
    with pytest.raises(InputError, match="a folder without films"):
        open_cases([films / "empty"], (), READING)
    with pytest.raises(InputError, match="no such file or folder"):
        open_cases([films / "none.png"], (), READING)


def test_sentences_of_texts_and_reports(tmp_path):
    assert sentences_of("Left effusion. No edema.", None) == ("Left effusion.", "No edema.")
    assert sentences_of("Left effusion. No edema.", None, 2) == ("No edema.",)
    assert sentences_of(None, None) == ()
    with pytest.raises(InputError, match="1 sentences; no sentence 2"):
        sentences_of("Edema.", None, 2)
    with pytest.raises(InputError, match="no word in it"):
        sentences_of(" . ", None)
    report = tmp_path / "r.txt"
    report.write_text("FINDINGS:\nIMPRESSION:\n")
    with pytest.raises(InputError, match="no text but headings"):
        sentences_of(None, report)


def test_a_long_sentence_is_cut_into_parts_that_the_network_reads():
    text = "There is " + ", ".join(["a small left pleural effusion with adjacent atelectasis"] * 12) + "."
    parts = sentences_of(text, None)
    assert len(parts) > 2
    assert " ".join(parts).count("effusion") == 12


def test_films_of_two_folders_have_names_of_their_own(films):
    (films / "more").mkdir()
    Path(films / "a.png").rename(films / "more" / "b.png")
    names = [one.name for one in open_cases([films / "more" / "b.png", films / "deep" / "b.png"], (), READING)]
    assert sorted(names) == ["deep/b", "more/b"]
