"""A report is one file that needs nothing else."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import pytest
from PIL import Image

from vision_cli.core.console import Table
from vision_cli.core.report import Picture, write_report

VOID = {"meta", "img", "br"}


class _Page(HTMLParser):
    """Collects tags, attributes and text, and checks that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open[-1] != "style":
            self.text.append(data.strip())

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def picture(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "overlay.png")
    return Picture(tmp_path / "overlay.png", "Overlay of fixed & warped")


def write(tmp_path, **content):
    write_report(tmp_path / "report.html", **{"title": "Pair", "summary": {}, **content})
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_report_shows_numbers_tables_notes_and_pictures(tmp_path, picture):
    page = _Page(
        write(
            tmp_path,
            title="Registration of a pair",
            summary={"Dice": 0.612345, "folds": None, "done": True},
            tables=[Table(("label", "Dice"), [("hippocampus", 0.5), ("caudate", None)], "By label")],
            pictures=[picture],
            notes=["sform and qform disagree."],
        )
    )
    shown = [
        "Registration of a pair",
        "Dice",
        "0.6123",
        "folds",
        "-",
        "done",
        "yes",
        "By label",
        "hippocampus",
    ]
    assert set(shown) <= set(page.text)
    assert "sform and qform disagree." in page.text
    (image,) = page.all("img")
    assert image["alt"] == picture.caption
    kind, _, content = image["src"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == picture.file.read_bytes()


def test_a_report_loads_nothing_from_elsewhere(tmp_path, picture):
    text = write(tmp_path, pictures=[picture], notes=["a note"])
    assert "://" not in text
    page = _Page(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object"})
    (policy,) = [meta for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy["content"]


def test_what_files_are_called_is_no_markup(tmp_path, picture):
    evil = '<script>alert("x")</script>'
    table = Table((evil,), [(evil,)], evil)
    pictures = [Picture(picture.file, evil)]
    text = write(tmp_path, title=evil, summary={evil: evil}, tables=[table], pictures=pictures, notes=[evil])
    assert "<script>" not in text
    assert _Page(text).text.count(evil) == 9


def test_a_report_without_content_is_a_page(tmp_path):
    assert _Page(write(tmp_path)).text == ["Pair", "Pair"]


@pytest.mark.parametrize(("suffix", "kind"), [(".jpg", "image/jpeg"), (".gif", "image/gif")])
def test_a_picture_is_embedded_as_what_it_is(tmp_path, suffix, kind):
    file = tmp_path / f"a{suffix}"
    Image.new("RGB", (2, 2)).save(file)
    (image,) = _Page(write(tmp_path, pictures=[Picture(file, "a")])).all("img")
    assert image["src"].startswith(f"data:{kind};base64,")


def test_a_report_follows_the_light_of_the_reader(tmp_path):
    assert "color-scheme: light dark" in write(tmp_path)
