"""Copies whose classes have one history of encodings and resizes."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.history import HistorySettings, match_history, plan_history
from vision_cli.forgery_detect.values import Manifest, Medium
from vision_cli.io.pictures.encodings import read_encoding, through_jpeg
from vision_cli.io.pictures.photographs import read_photograph, write_photograph


def texture(number, side):
    rng = np.random.default_rng(number)
    noise = cv2.GaussianBlur(rng.normal(0, 60, (side, side, 3)), (0, 0), 1.5)
    return np.clip(128 + noise, 0, 255).astype(np.uint8)


def jpeg(path, picture, quality):
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])


@pytest.fixture
def pictures(tmp_path):
    """Give reals of quality 70 and 160 px, and lossless fakes of 130 px."""
    media = []
    for number in range(4):
        real, fake = tmp_path / "real" / f"{number}.jpg", tmp_path / "fake" / f"{number}.png"
        jpeg(real, texture(number, 160), 70)
        write_photograph(fake, texture(10 + number, 130))
        media += [Medium(real, f"real/{number}.jpg", 0), Medium(fake, f"fake/{number}.png", 1, mask=real)]
    return Manifest("folders", tuple(media))


def nowhere(_):
    return None


def test_what_one_class_lacks_is_done_to_it_first(tmp_path, pictures):
    settings = HistorySettings(crop_px=64)
    found = match_history(pictures, tmp_path / "out", settings, nowhere)
    assert found.first_quality == 70
    assert "quality 70 at their own size first: 0 real and 4 fake pictures" in " ".join(found.manifest.notes)
    assert "the centre cut, in 4 real and 4 fake" in found.manifest.notes[-1]
    fake = next(medium for medium in found.manifest.media if medium.label == 1)
    assert (fake.name, fake.mask) == ("fake/0.png.png", None)
    # 130 px are cut to 129, reduced to 86, encoded, and cut from a multiple of 16 on.
    first = through_jpeg(texture(10, 130), 70)[:129, :129]
    last = through_jpeg(cv2.resize(first, (86, 86), interpolation=cv2.INTER_AREA), 75)
    assert np.array_equal(read_photograph(fake.path), last[16:80, 16:80])
    assert {read_photograph(medium.path).shape for medium in found.manifest.media} == {(64, 64, 3)}


def test_whole_copies_are_jpeg_of_the_last_quality(tmp_path, pictures):
    settings = HistorySettings(Fraction(1, 2), 60, 0)
    found = match_history(pictures, tmp_path / "out", settings, nowhere)
    encodings = [read_encoding(medium.path) for medium in found.manifest.media]
    assert {(one.kind, one.quality) for one in encodings} == {("jpeg", 60)}
    assert {(one.width, one.height) for one in encodings} == {(80, 80), (65, 65)}


def test_the_crop_lies_on_the_face(tmp_path, pictures):
    settings = HistorySettings(crop_px=32)
    corner = match_history(pictures, tmp_path / "a", settings, lambda _: np.array([70.0, 70.0, 30.0, 30.0]))
    middle = match_history(pictures, tmp_path / "b", settings, nowhere)
    for one, other in zip(corner.manifest.media, middle.manifest.media, strict=True):
        assert not np.array_equal(read_photograph(one.path), read_photograph(other.path))
    assert "in 0 real and 0 fake" in corner.manifest.notes[-1]


def test_poorer_pictures_and_videos_are_left_out(tmp_path, pictures):
    jpeg(tmp_path / "real" / "poor.jpg", texture(30, 160), 20)
    media = [Medium(tmp_path / "real" / f"{n}.jpg", f"again/{n}", 0) for n in [*range(4), *range(4), *range(4)]]
    media = [Medium(one.path, f"{place}/{one.name}", 0) for place, one in enumerate(media)]
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    more = (*media, Medium(tmp_path / "real" / "poor.jpg", "poor", 0), Medium(clip, "clip", 1), Medium(clip, "?"))
    plan = plan_history(Manifest("folders", (*pictures.media, *more)), HistorySettings())
    assert plan.first_quality == 70
    assert {(entry.name, entry.reason) for entry in plan.skipped} == {
        ("clip", "a video; extract its frames first"),
        ("?", "its label is not known"),
        ("poor", "encoded below the shared quality 70"),
    }


def test_sets_of_lossless_files_need_no_first_encoding(tmp_path, pictures):
    for medium in pictures.media:
        if medium.label == 0:
            write_photograph(medium.path.with_suffix(".png"), read_photograph(medium.path))
    media = tuple(Medium(medium.path.with_suffix(".png"), medium.name, medium.label) for medium in pictures.media)
    assert plan_history(Manifest("folders", media), HistorySettings()).first_quality is None


def test_what_cannot_be_matched_is_said(tmp_path, pictures):
    fakes = tuple(medium for medium in pictures.media if medium.label == 1)
    with pytest.raises(InputError, match="no real picture; both classes expected"):
        plan_history(Manifest("folders", fakes), HistorySettings())
    with pytest.raises(InputError, match=r"no copy of 8 media could be made: .* once reduced; 320 or more expected"):
        match_history(pictures, tmp_path / "out", HistorySettings(), nowhere)
    pictures.media[0].path.write_bytes(b"no picture")
    found = match_history(pictures, tmp_path / "out", HistorySettings(crop_px=32), nowhere)
    assert [entry.name for entry in found.manifest.skipped] == ["real/0.jpg"]
    with pytest.raises(ValueError, match="factor 2"):
        plan_history(pictures, HistorySettings(Fraction(2)))
