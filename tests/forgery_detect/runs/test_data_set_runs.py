"""``vcli forgery-detect index, extract, synth and train`` as a user types them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from tests.program import vcli
from vision_cli.forgery_detect.data.opening import open_media
from vision_cli.forgery_detect.pipeline.model_files import read_about
from vision_cli.io.pictures.encodings import read_encoding
from vision_cli.io.videos.videos import VideoWriter

CUT = ("--face-detector", "none")


def run(verb, *words):
    return vcli("forgery-detect", verb, *words)


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def picture(seed, side=96, grey=False):
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, 8, (side, side, 1 if grey else 3))
    return np.clip(np.linspace(70, 190, side)[:, None, None] + grain + np.zeros(3), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Write eight pairs, whose forged faces have one texture in all channels, and a file of each fault."""
    root = tmp_path_factory.mktemp("folders")
    for label in ("real", "fake"):
        (root / label).mkdir()
        for number in range(8):
            Image.fromarray(picture(number, grey=label == "fake")).save(root / label / f"{number}.png")
    (root / "real" / "empty.png").touch()
    (root / "real" / "._0.png").write_bytes(b"AppleDouble")
    return root


def write_manifest(path, folders, extra=()):
    rows = [
        (folders / label / f"{number}.png", label, ("film", "arch")[number % 2], f"c{number}", f"p{number}")
        for number in range(8)
        for label in ("real", "fake")
    ]
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("path", "label", "domain", "source", "identities"), *rows, *extra])
    return path


@pytest.fixture(scope="module")
def pairs(folders, tmp_path_factory):
    return write_manifest(tmp_path_factory.mktemp("pairs") / "pairs.csv", folders)


@pytest.mark.slow
def test_an_index_is_read_as_the_folder_is(folders, tmp_path):
    ended = run("index", folders, "--allow-skips", "-o", tmp_path / "out", "--json")
    assert ended.returncode == 0, ended.stderr
    counts = json.loads(ended.stdout)
    assert (counts["media"], counts["skipped"], counts["label/real"], counts["label/fake"]) == (16, 1, 8, 8)
    again, whole = open_media(tmp_path / "out" / "manifest.csv"), open_media(folders, allow_skips=True)
    assert [(one.path, one.label, one.domain, one.source) for one in again.media] == [
        (one.path, one.label, one.domain, one.source) for one in whole.media
    ]
    (left,) = read(tmp_path / "out" / "skipped.csv")
    assert (left["name"], left["reason"]) == ("real/empty.png", "it is empty")
    refused = run("index", folders, "-o", tmp_path / "refused")
    assert refused.returncode == 3
    assert "--allow-skips" in refused.stderr


def test_matched_copies_have_one_history(folders, tmp_path):
    words = ("--allow-skips", "--match-history", "--reduce", "1/2", "--quality", 60, "--crop", 0)
    ended = run("index", folders, *words, "-o", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    copies = open_media(tmp_path / "out" / "manifest.csv").media
    assert len(copies) == 16
    found = {(one.kind, one.width, one.height, one.quality) for one in (read_encoding(copy.path) for copy in copies)}
    assert found == {("jpeg", 48, 48, 60)}
    assert all(copy.path.is_relative_to(tmp_path / "out") for copy in copies)


@pytest.mark.slow
def test_copies_that_cannot_be_made_end_the_index(folders, tmp_path):
    ended = run("index", folders, "--allow-skips", "--match-history", "-o", tmp_path / "out")
    assert ended.returncode == 3, ended.stderr
    assert "no copy of 16 pictures could be made; the first: fake/0.png: " in ended.stderr
    for ratio in ("3/2", "0", "a", "1/0"):
        refused = run("index", folders, "--match-history", "--reduce", ratio, "-o", tmp_path / "other")
        assert refused.returncode == 2
        assert f"--reduce {ratio}; a ratio below 1 such as 2/3 expected." in refused.stderr


def test_extracted_faces_keep_pixels_masks_and_pairs(folders, tmp_path):
    mask = np.zeros((96, 96), np.uint8)
    mask[:, 48:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    with VideoWriter(tmp_path / "clip.mp4", (96, 96), codec="h264", fps=10.0) as writer:
        for number in range(6):
            writer.write(picture(number))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    rows = [
        ("path", "label", "domain", "source", "mask"),
        (folders / "fake" / "0.png", "fake", "film", "c0", "mask.png"),
        ("clip.mp4", "real", "film", "c0", ""),
        ("broken.png", "real", "film", "c1", ""),
    ]
    with (tmp_path / "some.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    ended = run("extract", tmp_path / "some.csv", *CUT, "--frames", 2, "-o", tmp_path / "out")
    assert ended.returncode == 6, ended.stderr
    (failure,) = read(tmp_path / "out" / "failures.csv")
    assert "broken.png" in failure["error"]
    faces = {one.path.name: one for one in open_media(tmp_path / "out" / "manifest.csv").media}
    assert len(faces) == 3
    fake = faces["0.png.png"]
    assert np.array_equal(np.asarray(Image.open(fake.path)), picture(0, grey=True))
    assert np.array_equal(np.asarray(Image.open(fake.mask))[..., 0], mask)
    frames = [one for one in faces.values() if one.label == 0]
    assert {one.source for one in faces.values()} == {"film:c0"}
    assert len({one.video for one in frames}) == 1
    assert {one.mask for one in frames} == {None}
    (tmp_path / "small").mkdir()
    small = run("extract", folders, "--allow-skips", *CUT, "--size", 64, "--no-masks", "-o", tmp_path / "small")
    assert small.returncode == 0, small.stderr
    assert {Image.open(path).size for path in (tmp_path / "small" / "crops").rglob("*.png")} == {(64, 64)}


@pytest.mark.slow
def test_simulated_pairs_are_delivered_alike_and_have_masks(portrait, tmp_path):
    (tmp_path / "portraits").mkdir()
    Image.fromarray(portrait).save(tmp_path / "portraits" / "face.png")
    words = ("--kinds", "blend,chroma", "-n", 2, "--threads", 1)
    ended = run("synth", tmp_path / "portraits", *words, "-o", tmp_path / "bank")
    assert ended.returncode == 0, ended.stderr
    media = open_media(tmp_path / "bank" / "manifest.csv").media
    assert [(one.label, one.forgery) for one in media] == [(1, "swap"), (1, "synthesis"), (0, ""), (0, "")]
    assert len({one.identities for one in media}) == 1
    for fake, real in zip(media[:2], media[2:], strict=True):
        assert fake.source == real.source
        assert Image.open(fake.path).size == Image.open(real.path).size
    # A face that was painted as a whole needs no mask.
    assert [one.mask is not None for one in media] == [True, False, False, False]
    page = (tmp_path / "bank" / "report.html").read_text(encoding="utf-8")
    assert "2 pairs of a real face and a forgery made of it." in page
    assert Image.open(tmp_path / "bank" / "contact_sheet.png").size == (320, 320)
    bad = run("synth", tmp_path / "portraits", "--kinds", "blend,magic", "-o", tmp_path / "bad")
    assert bad.returncode == 2
    assert "--kinds: magic: no kind of forgery; " in bad.stderr
    (tmp_path / "none").mkdir()
    assert run("synth", tmp_path / "none", "-o", tmp_path / "bad").returncode == 3
    assert "DIR or --rendered N" in run("synth").stderr


@pytest.mark.slow
def test_a_linear_model_is_trained_and_named_in_its_card(pairs, folders, tmp_path):
    words = (*CUT, "--val-fraction", 0.4, "--threads", 1, "-o", tmp_path / "out")
    ended = run("train", pairs, *words, "--json")
    assert ended.returncode == 0, ended.stderr
    measures = json.loads(ended.stdout)
    assert measures["training_faces"] + measures["validation_faces"] == 16
    assert measures["files_left_out"] == 0
    assert measures["validation_auc"] == 1
    assert measures["validation_real_called_fake"] <= 0.1
    assert read_about(tmp_path / "out" / "weights.safetensors").method == "coherence"
    card = json.loads((tmp_path / "out" / "weights.json").read_text(encoding="utf-8"))
    assert "16 faces of arch, film" in card["data"]
    verdict = vcli(
        "forgery-detect",
        folders / "fake",
        *CUT,
        "--weights",
        tmp_path / "out" / "weights.safetensors",
        "-o",
        tmp_path / "p",
    )
    assert verdict.returncode == 0, verdict.stderr
    chances = [float(row["p_fake"]) for row in read(tmp_path / "p" / "predictions.csv")]
    assert min(chances) > 0.5


def test_files_that_cannot_be_read_are_counted_and_few(folders, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    path = write_manifest(tmp_path / "pairs.csv", folders, [(tmp_path / "broken.png", "real", "film", "c9", "p9")])
    words = (*CUT, "--val-fraction", 0.4, "--threads", 1)
    refused = run("train", path, *words, "-o", tmp_path / "refused")
    assert refused.returncode == 3
    assert "1 of 17 entries cannot be used" in refused.stderr
    ended = run("train", path, *words, "--allow-skips", "--json", "-o", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["files_left_out"] == 1
    assert "warning: 1 files left out: broken.png: " in ended.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--method", "gmdf", "--split", "all"), 3, "faces of 1 domain found (film); GM-DF needs two domains or more"),
        (("--method", "mfclip", "--ablate", "eyes"), 2, "--ablate eyes; some of noise, attention, coherence expected"),
        (("--method", "erm", "--variant", "huge"), 2, "--variant huge: nano, vcli or paper of erm expected"),
        (("--steps", 10), 2, "--steps: has no effect on --method coherence"),
        (("--face", "all"), 2, "--face all: the label of a file is that of its largest face"),
        (("--split", "test"), 3, "no medium of the part test"),
    ],
)
def test_what_cannot_be_trained_is_said_at_once(folders, tmp_path, words, code, message):
    rows = [("path", "label", "domain"), *((folders / one / "0.png", one, "film") for one in ("real", "fake"))]
    with (tmp_path / "two.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    ended = run("train", tmp_path / "two.csv", *CUT, *words, "-o", tmp_path / "out")
    assert ended.returncode == code, ended.stderr
    assert message in ended.stderr
    assert (tmp_path / "out").exists() == (words[:2] == ("--method", "gmdf"))


def test_a_hub_out_of_reach_says_which_files_to_give(pairs, tmp_path):
    words = ("--method", "linear", "--backbone", "nobody/nothing-of-the-kind", "-o", tmp_path / "out")
    ended = vcli("forgery-detect", "train", pairs, *words, environment={"HF_HUB_OFFLINE": "1"})
    assert ended.returncode == 4
    assert "nobody/nothing-of-the-kind: no such file, and it cannot be downloaded from the hub" in ended.stderr
    assert "config.json and model.safetensors" in ended.stderr
