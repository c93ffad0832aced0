"""A report is one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from vision_cli.core.command.console import Table, format_value
from vision_cli.core.report import MOST_PICTURES, Flicker, Link, Picture, Report, link_to
from vision_cli.core.runs.runs import Run

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


def write(tmp_path, *, command="tiny pair", inputs=None, before=lambda _run: None, **content):
    """Write a report in a run of its own and return the page."""
    with Run.open(tmp_path / "out", command=command, options={}, inputs=inputs, overwrite=True) as run:
        before(run)
        run.report(Report(**{"title": "Pair", "verdict": "All is well.", **content}))
        run.finish()
    return (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_report_shows_verdict_numbers_tables_notes_and_pictures(tmp_path, picture):
    page = _Page(
        write(
            tmp_path,
            title="Registration of a pair",
            verdict="The images fit.",
            level="good",
            summary={"Dice": 0.612345, "folds": None, "done": True},
            tables=[Table(("label", "Dice"), [("hippocampus", 0.5), ("caudate", None)], "By label")],
            pictures=[picture],
            notes=["sform and qform disagree."],
        )
    )
    shown = ["Registration of a pair", "The images fit.", "Dice", "0.6123", "folds", "-", "done", "yes", "By label"]
    assert set(shown) <= set(page.text)
    assert {"hippocampus", "sform and qform disagree."} <= set(page.text)
    assert {"class": "verdict good"} in page.all("p")
    (image,) = page.all("img")
    assert image["alt"] == picture.caption
    kind, _, content = image["src"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == picture.file.read_bytes()


def test_a_picture_says_how_to_read_it(tmp_path, picture):
    told = Picture(picture.file, "Overlay", "Edges should lie on edges; a double edge is a miss.")
    assert "Edges should lie on edges; a double edge is a miss." in _Page(write(tmp_path, pictures=[told])).text


def test_a_report_says_where_it_came_from(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/lib/somewhere/vcli", "register", "a b.nii", "--seed", "3"])
    source = tmp_path / "a b.nii"
    source.write_bytes(b"voxels")

    def before(run):
        run.record(device="cpu", threads=2, seed=3)
        run.warn("qform and sform disagree.")
        run.write_text("fields/1Warp.nii", "field")

    text = write(tmp_path, command="register pair", inputs={"fixed": source}, before=before)
    page = _Page(text)
    assert "vcli register 'a b.nii' --seed 3" in page.text
    assert {"Device", "cpu", "qform and sform disagree.", "a b.nii", "6"} <= set(page.text)
    assert hashlib.sha256(b"voxels").hexdigest()[:12] in page.text
    assert any(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", one) for one in page.text)
    assert any(one.startswith("vision-cli ") for one in page.text)
    assert [one["href"] for one in page.all("a")][-3:] == ["fields/1Warp.nii", "run.json", "log.txt"]
    assert "somewhere" not in text


def test_a_report_of_a_task_cites_its_paper(tmp_path):
    text = write(tmp_path, command="register pair")
    assert "arXiv:2407.13426" in text
    assert "@inproceedings{cheng2024winet," in text
    assert "Citation" not in write(tmp_path, command="tiny pair")


def test_the_parts_that_the_contents_name_are_there(tmp_path, picture):
    page = _Page(write(tmp_path, command="register pair", pictures=[picture], notes=["a"], tables=[Table(("a",), [])]))
    named = [one["href"].removeprefix("#") for one in page.all("a") if one["href"].startswith("#")]
    assert named == ["warnings", "pictures", "tables", "files", "provenance", "citation"]
    assert [one["id"] for one in page.all("section")] == named


def test_failed_items_are_listed_with_their_errors(tmp_path):
    def before(run):
        run.items.add("good", 0, {})
        run.items.fail("bad", 1, "empty file found; words expected.")

    page = _Page(write(tmp_path, before=before))
    assert {"bad", "empty file found; words expected."} <= set(page.text)
    assert "good" not in page.text


def test_two_pictures_are_shown_in_turn(tmp_path, picture):
    other = tmp_path / "other.png"
    Image.new("RGB", (2, 2), "red").save(other)
    page = _Page(write(tmp_path, pictures=[Flicker(picture.file, other, "Fixed and warped")]))
    assert {"class": "flicker"} in page.all("div")
    shown = [base64.b64decode(one["src"].partition(",")[2]) for one in page.all("img")]
    assert shown == [picture.file.read_bytes(), other.read_bytes()]


def test_a_page_embeds_so_many_pictures_and_counts_the_rest(tmp_path, picture):
    page = _Page(write(tmp_path, pictures=[picture] * (MOST_PICTURES + 3)))
    assert len(page.all("img")) == MOST_PICTURES
    assert "3 more pictures lie in the directory of the run." in page.text


def test_a_cell_leads_to_a_file_of_the_run_that_is_there(tmp_path):
    made = []

    def before(run):
        run.write_text("pairs/a b/report.html", "page")
        made.extend(link_to(run, run.directory / "pairs" / name / "report.html", name) for name in ("a b", "c"))

    page = _Page(write(tmp_path, before=before, tables=[Table(("pair",), [[Link("x", "javascript:alert(1)")]])]))
    assert made == [Link("a b", "pairs/a b/report.html"), "c"]
    assert format_value(made[0]) == "a b"
    assert {"href": "javascript%3Aalert%281%29"} in page.all("a")
    page = _Page(write(tmp_path, before=before, tables=[Table(("pair",), [[cell] for cell in made[:2]])]))
    assert [one for one in page.all("a") if "pairs" in one["href"]][:1] == [{"href": "pairs/a%20b/report.html"}]
    assert "c" in page.text


def test_a_verdict_says_its_rule(tmp_path):
    page = _Page(write(tmp_path, verdict="Good.", rule="Rule: good from 0.8."))
    assert page.text.index("Rule: good from 0.8.") == page.text.index("Good.") + 1
    assert page.all("small")
    assert not _Page(write(tmp_path)).all("small")


@pytest.mark.parametrize(("alpha", "kind"), [(None, "jpeg"), (255, "jpeg"), (100, "png")])
def test_a_large_picture_is_packed_unless_something_shines_through(tmp_path, alpha, kind):
    smooth = np.add.outer(np.arange(300), np.arange(400))[..., None] * np.array([0.3, 0.2, 0.1])
    pixels = np.clip(smooth + np.random.default_rng(0).normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    if alpha is not None:
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], alpha, np.uint8)])
    file = tmp_path / "large.png"
    Image.fromarray(pixels).save(file)
    (image,) = _Page(write(tmp_path, pictures=[Picture(file, "large")])).all("img")
    head, _, content = image["src"].partition(",")
    assert head == f"data:image/{kind};base64"
    shown = base64.b64decode(content)
    if kind == "png":
        assert shown == file.read_bytes()
        return
    assert len(shown) < 0.5 * file.stat().st_size
    embedded = np.asarray(Image.open(io.BytesIO(shown)).convert("RGB"), dtype=float)
    assert embedded.shape == (300, 400, 3)
    assert np.abs(embedded - pixels[..., :3]).mean() < 6


def test_a_report_loads_nothing_from_elsewhere(tmp_path, picture):
    text = write(tmp_path, pictures=[picture], notes=["a note"])
    assert "://" not in text
    page = _Page(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object"})
    (policy,) = [meta for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy["content"]


def test_what_files_are_called_is_no_markup(tmp_path, picture, monkeypatch):
    evil = '<script>alert("x")</script>'
    monkeypatch.setattr(sys, "argv", ["vcli", evil])
    table = Table((evil,), [(evil,)], evil)
    pictures = [Picture(picture.file, evil, evil)]

    def before(run):
        run.items.fail(evil, 0, evil)
        run.write_text(evil.replace("/", "|"), "text")

    text = write(
        tmp_path,
        title=evil,
        verdict=evil,
        rule=evil,
        summary={evil: evil},
        tables=[table, Table(("link",), [[Link(evil, evil)]])],
        pictures=pictures,
        notes=[evil],
        before=before,
    )
    assert "<script>" not in text
    assert _Page(text).text.count(evil) == 15


@pytest.mark.parametrize(("suffix", "kind"), [(".jpg", "image/jpeg"), (".gif", "image/gif")])
def test_a_picture_is_embedded_as_what_it_is(tmp_path, suffix, kind):
    file = tmp_path / f"a{suffix}"
    Image.new("RGB", (2, 2)).save(file)
    (image,) = _Page(write(tmp_path, pictures=[Picture(file, "a")])).all("img")
    assert image["src"].startswith(f"data:{kind};base64,")


def test_a_report_follows_the_light_of_the_reader(tmp_path):
    assert "color-scheme: light dark" in write(tmp_path)
