"""``vcli forgery-detect audit`` as a user types it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from tests.program import vcli


def write_set(root, count, *, fake_quality=80):
    rng = np.random.default_rng(0)
    for label, quality in (("real", 80), ("fake", fake_quality)):
        (root / label).mkdir(parents=True)
        for number in range(count):
            coarse = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)
            picture.save(root / label / f"{number:02d}.jpg", quality=quality)
    return root


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("uneven"), 16, fake_quality=92)


def test_shortcuts_are_tabled_and_end_with_their_exit_code(uneven, tmp_path):
    done = vcli("forgery-detect", "audit", uneven, "-o", tmp_path / "out", "--fail-on-shortcut", "--json")
    assert done.returncode == 10, done.stderr
    assert "error: shortcuts found: quantisation tables (AUC 1.00), JPEG quality (AUC 1.00)" in done.stderr
    document = json.loads(done.stdout)
    assert (document["reals"], document["fakes"], document["conclusive"]) == (16, 16, 1)
    assert document["auc/quantisation_tables"] == 1
    with (tmp_path / "out" / "shortcuts.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["cue"]: row for row in csv.DictReader(stream)}
    assert rows["quantisation tables"]["strength"] == "found"
    assert rows["file format"]["strength"] == "none"
    assert sum(row["strength"] == "found" for row in rows.values()) == document["shortcuts_found"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "The classes can be told apart without the face, by quantisation tables (AUC 1.00)" in page
    # A run that is done says the same again.
    again = vcli("forgery-detect", "audit", uneven, "-o", tmp_path / "out", "--fail-on-shortcut", "--json", "--resume")
    assert (again.returncode, again.stdout) == (10, done.stdout)


def test_a_set_without_shortcuts_passes(tmp_path):
    even = write_set(tmp_path / "even", 16)
    done = vcli("forgery-detect", "audit", even, "-o", tmp_path / "out", "--fail-on-shortcut")
    assert done.returncode == 0, done.stderr
    assert "No shortcut found in 16 real and 16 forged files." in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_a_set_that_is_too_small_says_so(tmp_path):
    few = write_set(tmp_path / "few", 3, fake_quality=92)
    done = vcli("forgery-detect", "audit", few, "-o", tmp_path / "out", "--fail-on-shortcut")
    assert done.returncode == 0, done.stderr
    assert "3 real and 3 fake files are too few to find a shortcut; 16 or more needed." in done.stderr
    assert "neither passed nor refused" in done.stderr
    assert "neither passed nor refused" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_one_class_alone_and_no_set_are_refused(uneven, tmp_path):
    (tmp_path / "reals" / "real").mkdir(parents=True)
    Image.new("RGB", (96, 96)).save(tmp_path / "reals" / "real" / "a.png")
    done = vcli("forgery-detect", "audit", tmp_path / "reals", "-o", tmp_path / "out")
    assert done.returncode == 3
    assert "no readable fake file; both classes expected" in done.stderr
    assert vcli("forgery-detect", "audit").returncode == 2
