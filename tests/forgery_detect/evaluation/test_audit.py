"""Shortcuts of made sets, and of real ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.forgery_detect.data.history import match_history
from vision_cli.forgery_detect.data.opening import join_manifests, open_media
from vision_cli.forgery_detect.evaluation.audit import audit, require_no_shortcuts
from vision_cli.forgery_detect.values import Manifest, Medium

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "forgery-detect"
COUNT = 15


def photograph(number, side=160):
    rng = np.random.default_rng(number)
    noise = cv2.GaussianBlur(rng.normal(0, 150, (side, side, 3)), (0, 0), 3) + rng.normal(0, 3, (side, side, 3))
    return np.clip(128 + noise, 0, 255).astype(np.uint8)


def made(folder, change, suffix=".jpg", **options):
    """Make a set whose fakes are changed and saved in another way."""
    folder.mkdir()
    media = []
    for number in range(2 * COUNT):
        label = number % 2
        path = folder / f"{number}{suffix if label else '.jpg'}"
        picture = change(photograph(number)) if label else photograph(number)
        Image.fromarray(picture).save(path, **({"quality": 80} | (options if label else {})))
        media.append(Medium(path, path.name, label))
    return Manifest("folders", tuple(media))


def same(picture):
    return picture


def captioned(picture):
    return cv2.putText(picture.copy(), "made", (122, 154), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)


def reduced(picture):
    return cv2.resize(cv2.resize(picture, (208, 208)), (156, 156), interpolation=cv2.INTER_AREA)


def cut(picture):
    return picture[:156, :156]


def test_a_set_without_shortcuts_passes(tmp_path):
    found = audit(made(tmp_path / "a", same))
    assert found.found == ()
    assert found.is_conclusive
    require_no_shortcuts(found)


EXIF = Image.Exif()
EXIF[271] = "maker"


@pytest.mark.parametrize(
    ("change", "suffix", "options", "cues"),
    [
        (same, ".png", {}, {"file format", "codec", "quantisation tables"}),
        (same, ".jpg", {"quality": 95}, {"quantisation tables", "JPEG quality", "bytes per pixel"}),
        (same, ".jpg", {"progressive": True}, {"chroma subsampling and scan"}),
        (same, ".jpg", {"exif": EXIF}, {"metadata"}),
        (cut, ".jpg", {}, {"pixel size", "pixel count"}),
        (captioned, ".jpg", {}, {"caption or overlay"}),
    ],
)
def test_what_one_class_carries_is_named(tmp_path, change, suffix, options, cues):
    found = audit(made(tmp_path / "a", change, suffix, **options))
    assert cues <= {one.cue for one in found.found}
    with pytest.raises(NumericalError, match=next(iter(cues))):
        require_no_shortcuts(found)


def test_a_resize_alone_is_named(tmp_path):
    manifest = made(tmp_path / "a", reduced)
    for medium in manifest.media:
        if medium.label == 0:
            Image.fromarray(photograph(int(medium.path.stem))[:156, :156]).save(medium.path, quality=80)
    found = audit(manifest)
    assert [one.cue for one in found.found if "1/3" in one.detail] == ["resize or block trace"]
    assert "pixel size" not in {one.cue for one in found.found}


def test_few_or_one_sided_or_damaged_files_are_said(tmp_path):
    manifest = made(tmp_path / "a", same)
    few = audit(dataclasses.replace(manifest, media=manifest.media[:8]))
    assert (few.shortcuts, few.is_conclusive) == ((), False)
    assert "4 real and 4 fake files are too few" in few.notes[0]
    manifest.media[0].path.write_bytes(b"")
    found = audit(manifest)
    assert (found.reals, found.fakes, found.notes) == (COUNT - 1, COUNT, ("1 files could not be read.",))
    with pytest.raises(InputError, match="no readable fake file"):
        audit(dataclasses.replace(manifest, media=tuple(m for m in manifest.media if m.label == 0)))


def test_one_frame_of_a_video_is_looked_at(tmp_path):
    manifest = made(tmp_path / "a", same)
    media = tuple(dataclasses.replace(m, video=f"v{m.label}{n // 2 % 3}") for n, m in enumerate(manifest.media))
    assert audit(dataclasses.replace(manifest, media=media)).reals == 3


def real_sets():
    if not (SHARED / "sd21").is_dir():
        pytest.skip("no ../shared/data/forgery-detect")
    gan, diffusion = open_media(SHARED / "stylegan2-ffhq"), open_media(SHARED / "sd21")
    return gan, dataclasses.replace(gan, media=tuple(m for m in gan.media if m.label == 0)), diffusion


@pytest.mark.slow
def test_stylegan2_and_ffhq_differ_by_tables_and_caption():
    gan, _, _ = real_sets()
    found = {one.cue: one for one in audit(gan, most=60).found}
    assert {"quantisation tables", "JPEG quality", "caption or overlay"} <= set(found)
    assert found["caption or overlay"].detail == "bottom right"


@pytest.mark.slow
def test_copies_at_one_size_and_quality_differ_by_the_trace_of_the_resize(tmp_path):
    _, reals, fakes = real_sets()
    media = []
    for medium in (*reals.media[:60], *fakes.media[:60]):
        picture = cv2.imread(str(medium.path))
        if picture.shape[0] != 768:
            picture = cv2.resize(picture, (768, 768), interpolation=cv2.INTER_AREA)
        path = tmp_path / f"{medium.label}-{medium.path.name}"
        cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 75])
        media.append(dataclasses.replace(medium, path=path, name=path.name))
    found = audit(Manifest("folders", tuple(media)))
    assert [(one.cue, "1/3" in one.detail) for one in found.found] == [("resize or block trace", True)]
    assert found.found[0].auc > 0.99


@pytest.mark.slow
def test_copies_of_equal_history_pass(tmp_path):
    gan, _, fakes = real_sets()
    kept = [*[m for m in gan.media if m.label == 1][:40], *[m for m in gan.media if m.label == 0][:60]]
    both = join_manifests(
        [dataclasses.replace(gan, media=tuple(kept)), dataclasses.replace(fakes, media=fakes.media[:40])]
    )
    copies = match_history(both, tmp_path / "copies").manifest
    assert audit(copies).found == ()
