"""The audit: equal classes pass, shortcuts are found and named, too few files are said to be."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.forgery_detect.data.history import match_history
from vision_cli.forgery_detect.data.opening import join_manifests, open_media
from vision_cli.forgery_detect.evaluation.audit import FEWEST_A_CLASS, audit, require_no_shortcuts
from vision_cli.forgery_detect.values import Manifest, Medium

SIDE = 128


def write_set(root, count, *, save=None, draw=None, seed=0):
    """Write PNG noise of two classes; `save` and `draw` act on the fakes."""
    rng = np.random.default_rng(seed)
    for label in ("real", "fake"):
        (root / label).mkdir(parents=True)
        for number in range(count):
            coarse = rng.integers(0, 256, (SIDE // 4, SIDE // 4, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            if label == "fake" and draw is not None:
                draw(picture)
            if label == "fake" and save is not None:
                save(picture, root / label / f"{number:02d}")
            else:
                picture.save(root / label / f"{number:02d}.png")
    return open_media(root)


def names(found):
    return {one.cue for one in found.found}


@pytest.mark.parametrize("seed", range(3))
def test_equal_classes_pass(tmp_path, seed):
    found = audit(write_set(tmp_path, FEWEST_A_CLASS + 4, seed=seed), seed=seed)
    assert found.is_conclusive
    assert (found.found, found.weak) == ((), ())
    require_no_shortcuts(found)


def caption(picture):
    ImageDraw.Draw(picture).text((SIDE - 30, SIDE - 14), "fake", fill=(255, 255, 255))


@pytest.mark.parametrize(
    ("change", "cues", "detail"),
    [
        ({"draw": caption}, {"caption or overlay"}, "bottom right"),
        (
            {"save": lambda p, path: p.convert("RGBA").save(path.with_suffix(".png"))},
            {"colour mode", "bytes per pixel"},
            "real RGB, fake RGBA",
        ),
        (
            {"save": lambda p, path: p.save(path.with_suffix(".jpg"), quality=80)},
            {"file format", "quantisation tables", "former JPEG encoding"},
            "real png, fake jpeg",
        ),
        (
            {"save": lambda p, path: p.crop((0, 0, 120, 128)).save(path.with_suffix(".png"))},
            {"pixel size", "aspect", "pixel count"},
            "real 128 x 128, fake 120 x 128",
        ),
    ],
    ids=["caption", "alpha", "jpeg", "size"],
)
def test_what_one_class_alone_has_is_found(tmp_path, change, cues, detail):
    found = audit(write_set(tmp_path, FEWEST_A_CLASS, **change))
    assert cues <= names(found)
    assert detail in {one.detail for one in found.found}
    with pytest.raises(NumericalError, match="cues tell real and fake files apart without the face"):
        require_no_shortcuts(found)


def test_bytes_of_files_that_are_encoded_alike_are_weak_at_most(tmp_path):
    change = {"save": lambda p, path: p.save(path.with_suffix(".png"), compress_level=0)}
    found = audit(write_set(tmp_path, FEWEST_A_CLASS, **change))
    (weight,) = [one for one in found.shortcuts if one.cue == "bytes per pixel"]
    assert (weight.auc, weight.strength) == (1.0, "weak")
    assert "all were encoded alike" in weight.detail
    assert not found.found


def test_too_few_files_are_said(tmp_path):
    found = audit(write_set(tmp_path, FEWEST_A_CLASS - 1, draw=caption))
    assert not found.is_conclusive
    assert found.shortcuts == ()
    assert found.notes == ("15 real and 15 fake files are too few to find a shortcut; 16 or more needed.",)


def test_the_audit_depends_on_the_seed_alone(tmp_path):
    found = write_set(tmp_path, FEWEST_A_CLASS + 4, draw=caption)
    assert audit(found, seed=3, most=16) == audit(found, seed=3, most=16)
    limited = audit(found, seed=3, most=16)
    assert (limited.reals, limited.fakes) == (16, 16)


def test_one_frame_of_a_video_is_looked_at(tmp_path):
    found = write_set(tmp_path, 6)
    media = tuple(Medium(one.path, one.name, one.label, video=f"v{one.label}") for one in found.media)
    looked = []
    result = audit(Manifest("any", media), advance=lambda: looked.append(1))
    assert (result.reals, result.fakes, len(looked)) == (1, 1, 2)


def test_unreadable_files_are_counted_and_one_class_alone_is_refused(tmp_path):
    found = write_set(tmp_path, 3)
    found.media[0].path.write_bytes(b"no picture")
    assert audit(found).notes[0] == "1 files could not be read."
    for medium in found.media:
        if medium.label == 1:
            medium.path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="no readable fake file; both classes expected"):
        audit(found)


@pytest.fixture(scope="module")
def given_set(real_forgeries):
    return open_media(real_forgeries / "stylegan2-ffhq")


@pytest.mark.slow
def test_the_given_set_is_flagged_by_tables_and_caption(given_set):
    found = audit(given_set, most=40)
    assert {"quantisation tables", "JPEG quality", "caption or overlay"} <= names(found)
    assert {one.detail for one in found.found if one.cue == "caption or overlay"} == {"bottom right"}


@pytest.mark.slow
def test_a_strict_copy_of_the_given_set_passes(given_set, tmp_path):
    copies = match_history(given_set, tmp_path)
    assert names(audit(copies.manifest)) == set()


@pytest.mark.slow
def test_ffhq_reduced_beside_stable_diffusion_is_flagged_by_its_period(given_set, real_forgeries, tmp_path):
    import cv2

    (tmp_path / "real").mkdir()
    reals = [medium for medium in given_set.media if medium.label == 0][:40]
    for medium in reals:
        pixels = cv2.imread(str(medium.path))
        small = cv2.resize(pixels, (768, 768), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(tmp_path / "real" / medium.path.name), small, [cv2.IMWRITE_JPEG_QUALITY, 75])
    both = join_manifests([open_media(tmp_path), open_media(real_forgeries / "sd21")])
    found = {one.cue: one for one in audit(both, most=40).shortcuts}
    trace = found["resize or block trace"]
    assert (trace.strength, trace.detail) == ("found", "1/3 cycles per pixel, lower in fake")
    assert trace.auc > 0.95
