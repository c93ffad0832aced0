"""Copies of equal history: both classes come out alike, however they went in."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.history import HistorySettings, match_history, matched_copy, plan_history
from vision_cli.forgery_detect.data.opening import open_media
from vision_cli.forgery_detect.evaluation.audit import audit
from vision_cli.forgery_detect.values import Manifest, Medium
from vision_cli.io.pictures.encodings import read_encoding

SMALL = HistorySettings(Fraction(2, 3), 75, 96)


def scene(rng, side):
    """Draw a picture with the spectrum of a photograph."""
    noise = rng.normal(size=(side, side, 3))
    layers = sum(sigma * gaussian_filter(noise, (sigma, sigma, 0)) for sigma in (1, 3, 9))
    return np.clip(128 + 60 * layers / layers.std(), 0, 255).astype(np.uint8)


def no_face(picture):
    return None


def write_set(root, *, count=12, reals=(192, 75), fakes=(204, 95), endings=("jpg", "jpg")):
    """Write pictures of two classes, each of a side and a JPEG quality of its own."""
    rng = np.random.default_rng(1)
    for label, (side, quality), ending in zip(("real", "fake"), (reals, fakes), endings, strict=True):
        (root / label).mkdir(parents=True)
        for number in range(count):
            picture = Image.fromarray(scene(rng, side))
            picture.save(root / label / f"{number:02d}.{ending}", **({"quality": quality} if ending == "jpg" else {}))
    return open_media(root)


@pytest.fixture(scope="module")
def unlike(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("unlike"), count=20)


@pytest.fixture(scope="module")
def matched(unlike, tmp_path_factory):
    return match_history(unlike, tmp_path_factory.mktemp("matched"), SMALL, no_face)


def test_unlike_classes_are_told_apart_before_and_not_after(unlike, matched):
    before = {one.cue for one in audit(unlike).found}
    assert {"quantisation tables", "JPEG quality", "pixel size"} <= before
    after = audit(matched.manifest)
    assert (after.found, after.weak) == ((), ())
    assert (after.reals, after.fakes) == (20, 20)


def test_copies_are_of_one_size_and_kind(matched):
    kinds = {(e.kind, e.width, e.height, e.mode) for e in (read_encoding(m.path) for m in matched.manifest.media)}
    assert kinds == {("png", 96, 96, "RGB")}


def test_the_first_quality_is_that_of_the_poorer_class_and_the_notes_say_so(unlike, matched):
    plan = plan_history(unlike, SMALL)
    assert matched.first_quality == plan.first_quality == 75
    assert {name.split("/")[0] for name in plan.encoded_before} == {"real"}
    assert plan.notes[0] == "Found 20 real pictures of 192 x 192 px (median), 20 JPEG of quality 75 (median)."
    assert plan.notes[2].startswith("Encoded as JPEG of quality 75 at their own size first: 0 real and 20 fake")
    assert matched.manifest.notes[-1].endswith("in 20 real and 20 fake pictures.")


def test_labels_and_sources_are_kept(unlike, matched):
    for before, after in zip(unlike.media, matched.manifest.media, strict=True):
        assert (after.label, after.source, after.domain) == (before.label, before.source, before.domain)
        assert after.path.is_file()


def test_whole_copies_are_jpeg_of_the_last_quality(tmp_path):
    found = write_set(tmp_path / "set", count=2)
    whole = match_history(found, tmp_path / "out", HistorySettings(Fraction(1, 2), 80, 0), no_face)
    encodings = [read_encoding(medium.path) for medium in whole.manifest.media]
    assert {(one.kind, one.quality) for one in encodings} == {("jpeg", 80)}
    assert sorted({one.width for one in encodings}) == [96, 102]


def test_the_poorest_files_of_a_class_are_left_out(tmp_path):
    found = write_set(tmp_path, count=20)
    Image.fromarray(scene(np.random.default_rng(9), 192)).save(tmp_path / "real" / "00.jpg", quality=30)
    plan = plan_history(found, SMALL)
    assert plan.first_quality == 75
    assert [(one.name, one.reason) for one in plan.skipped] == [("real/00.jpg", "encoded below the shared quality 75")]


def test_without_jpeg_nothing_is_encoded_first(tmp_path):
    found = write_set(tmp_path, count=2, endings=("png", "png"))
    plan = plan_history(found, SMALL)
    assert (plan.first_quality, plan.encoded_before) == (None, frozenset())


def test_png_beside_jpeg_is_encoded_first(tmp_path):
    found = write_set(tmp_path, count=2, endings=("jpg", "png"))
    plan = plan_history(found, SMALL)
    assert plan.first_quality == 75
    assert {name.split("/")[0] for name in plan.encoded_before} == {"real"}


@pytest.mark.parametrize("centre", [(0, 0), (57, 70), (500, 500)])
def test_crops_hold_the_face_and_begin_on_the_grid_of_blocks(tmp_path, centre):
    found = write_set(tmp_path, count=1, reals=(300, 75), fakes=(300, 75))
    plan = plan_history(found, SMALL)
    whole = np.asarray(Image.open(_whole(found, plan, tmp_path)))
    crop, is_found = matched_copy(found.media[0], plan, SMALL, lambda _: np.array([*centre, 0, 0], float))
    places = [
        (top, left)
        for top in range(0, 105, 16)
        for left in range(0, 105, 16)
        if np.array_equal(whole[top : top + 96, left : left + 96], crop)
    ]
    assert is_found
    assert len(places) == 1
    expected = tuple(int(np.clip(16 * round((middle - 48) / 16), 0, 96)) for middle in centre[::-1])
    assert places[0] == expected


def _whole(found, plan, folder):
    content, _ = matched_copy(found.media[0], plan, HistorySettings(SMALL.factor, SMALL.quality, 0), no_face)
    (folder / "whole.jpg").write_bytes(content)
    return folder / "whole.jpg"


def test_a_picture_smaller_than_the_crop_is_left_out_with_a_reason(tmp_path):
    found = write_set(tmp_path / "set", count=2)
    Image.fromarray(scene(np.random.default_rng(9), 90)).save(tmp_path / "set" / "fake" / "00.jpg", quality=95)
    copies = match_history(found, tmp_path / "out", SMALL, no_face)
    (left_out,) = copies.manifest.skipped
    assert left_out.name == "fake/00.jpg"
    assert "90 x 90 pixels, 60 x 60 once reduced; 96 or more expected" in left_out.reason


def test_videos_and_unlabelled_media_are_left_out(tmp_path):
    found = write_set(tmp_path, count=2)
    (tmp_path / "clip.mp4").write_bytes(b"x")
    odd = (
        Medium(tmp_path / "clip.mp4", "clip.mp4", 1),
        Medium(tmp_path / "real", "frames", 0),
        Medium(tmp_path / "x.png", "x.png"),
    )
    plan = plan_history(Manifest("any", (*found.media, *odd)), SMALL)
    assert {one.name: one.is_damage for one in plan.skipped} == {"clip.mp4": False, "frames": False, "x.png": False}


def test_one_class_alone_is_refused(tmp_path):
    found = write_set(tmp_path, count=2)
    reals = Manifest("folders", tuple(medium for medium in found.media if medium.label == 0))
    with pytest.raises(InputError, match="no fake picture; both classes expected"):
        plan_history(reals, SMALL)


def test_a_damaged_picture_is_left_out(tmp_path):
    found = write_set(tmp_path / "set", count=3)
    path = found.media[0].path
    path.write_bytes(path.read_bytes()[:400])
    copies = match_history(found, tmp_path / "out", SMALL, no_face)
    assert [one.name for one in copies.manifest.skipped] == [found.media[0].name]


@pytest.mark.parametrize("factor", [Fraction(0), Fraction(1), Fraction(3, 2)])
def test_a_factor_that_does_not_reduce_is_a_fault_of_the_caller(tmp_path, factor):
    with pytest.raises(ValueError, match="above 0 and below 1"):
        plan_history(Manifest("any", ()), HistorySettings(factor))
