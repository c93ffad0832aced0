"""``vcli forgery-detect predict`` as a user types it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.program import vcli
from vision_cli.forgery_detect.coherence import linear
from vision_cli.forgery_detect.coherence.features import NAMES
from vision_cli.forgery_detect.networks.gmdf.building import build_gmdf
from vision_cli.forgery_detect.networks.mfclip.building import build_mfclip
from vision_cli.forgery_detect.pipeline.about import About
from vision_cli.forgery_detect.pipeline.model_files import write_model
from vision_cli.io.videos.videos import VideoWriter

CUT = ("--face-detector", "none")
HOSTILE = {
    "empty.png": b"",
    "cut.png": None,
    "text.jpg": b"<!doctype html><title>404</title>",
    "heic.jpg": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "video.mp4": b"\x00\x00\x00\x18ftypmp42 and no frame",
}


def predict(*words):
    """Run the main verb on one thread: several would wait for each other where cores are shared."""
    return vcli("forgery-detect", *words, "--threads", 1)


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Write a linear model of random features, and a network of each paper with random weights."""
    home = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    real = rng.normal(size=(20, len(NAMES))).astype(np.float32)
    linear.write_model(home / "coherence.safetensors", linear.fit(real, real + np.float32(0.5)))
    draw = torch.Generator().manual_seed(0)
    mfclip = build_mfclip("nano", features=0, generator=draw)
    gmdf = build_gmdf("nano", domains=("film", "arch"), features=0, generator=draw)
    for network in (mfclip, gmdf):
        torch.nn.init.normal_(network.evidence.weight, generator=draw)
    write_model(home / "mfclip.safetensors", About("mfclip", "nano", 112, 112, 0), mfclip.state_dict())
    about = About("gmdf", "nano", 112, 16, 0, domains=("film", "arch"))
    write_model(home / "gmdf.safetensors", about, gmdf.state_dict())
    return home


@pytest.fixture(scope="module")
def photos(tmp_path_factory, portrait):
    home = tmp_path_factory.mktemp("photos")
    Image.fromarray(portrait).save(home / "face.png")
    Image.new("RGB", (128, 96), (120, 130, 140)).save(home / "wall.png")
    with VideoWriter(home / "clip.mp4", portrait.shape[:2], codec="h264", fps=10.0) as writer:
        for step in range(5):
            writer.write(np.roll(portrait, 2 * step, axis=1))
    return home


@pytest.fixture(scope="module")
def done(photos, models, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "out"
    ended = predict(photos, "--weights", models / "mfclip.safetensors", "--frames", 3, "--json", "-o", out)
    assert ended.returncode == 0, ended.stderr
    return out, json.loads(ended.stdout)


def test_faces_and_videos_are_tabled_with_their_verdicts(done):
    out, document = done
    assert (document["files"], document["faces"], document["verdict/no_face"]) == (3, 4, 1)
    assert sum(document[f"verdict/{word}"] for word in ("fake", "real", "uncertain", "no_face")) == 3
    faces = read(out / "predictions.csv")
    assert [(row["name"], row["frame"]) for row in faces] == [
        *(("clip", frame) for frame in ("0", "2", "4")),
        ("face", "0"),
        ("wall", "0"),
    ]
    (video,) = read(out / "videos.csv")
    chances = [float(row["p_fake"]) for row in faces if row["name"] == "clip"]
    assert float(video["p_fake"]) == pytest.approx(np.mean(chances), abs=1e-4)
    assert (video["video"], video["n_frames"], video["n_faces"]) == ("clip", "3", "1")
    assert min(chances) - 1e-4 <= float(video["p_lo"]) <= float(video["p_hi"]) <= max(chances) + 1e-4
    logits = np.array([float(row["logit"]) for row in faces if row["logit"]])
    np.testing.assert_allclose(
        [float(row["p_fake"]) for row in faces if row["logit"]], 1 / (1 + np.exp(-logits)), atol=1e-4
    )


def test_no_face_has_no_chance(done):
    out, _ = done
    wall = read(out / "predictions.csv")[-1]
    assert (wall["verdict"], wall["p_fake"], wall["logit"], wall["x0"]) == ("no_face", "", "", "")
    (item,) = [row for row in read(out / "items.csv") if row["id"] == "wall"]
    assert (item["verdict"], item["p_fake"], item["n_faces"]) == ("no_face", "", "0")


def test_heat_maps_and_report_show_where(done):
    out, _ = done
    assert sorted(path.name for path in (out / "heatmaps").iterdir()) == ["clip_face0.jpg", "face_face0.jpg"]
    assert Image.open(out / "heatmaps" / "face_face0.jpg").size == (640, 320)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "3 files: " in page
    assert "1 no face." in page
    assert "A score is evidence, not proof." in page


@pytest.mark.slow
def test_scores_do_not_depend_on_batch_order_or_company(done, photos, models, tmp_path):
    out, _ = done
    words = ("--weights", models / "mfclip.safetensors", "--frames", 3, "--heatmap", "none", "--batch-size", 1)
    ended = predict(photos / "face.png", photos / "clip.mp4", *words, "-o", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / "out" / "heatmaps").exists()
    wanted = {(row["name"], row["frame"]): row for row in read(out / "predictions.csv")}
    rows = read(tmp_path / "out" / "predictions.csv")
    assert [row["name"] for row in rows] == ["face", *["clip"] * 3]
    for row in rows:
        same = wanted[row["name"], row["frame"]]
        assert float(row["logit"]) == pytest.approx(float(same["logit"]), abs=2e-4)
        assert (row["verdict"], row["x0"]) == (same["verdict"], same["x0"])


@pytest.mark.parametrize(("threshold", "verdict", "code"), [(0, "fake", 10), (1, "real", 0)])
def test_a_fake_ends_with_ten_if_asked(photos, models, tmp_path, threshold, verdict, code):
    words = ("--weights", models / "coherence.safetensors", "--threshold", threshold, "--abstain", 0)
    ended = predict(photos / "face.png", *CUT, *words, "--fail-on-fake", "-o", tmp_path / "out")
    assert ended.returncode == code, ended.stderr
    assert read(tmp_path / "out" / "predictions.csv")[0]["verdict"] == verdict
    assert ("1 of 1 files are called fake" in ended.stderr) == (code == 10)


def test_within_the_band_there_is_no_verdict(photos, models, tmp_path):
    words = ("--weights", models / "coherence.safetensors", "--threshold", 0.5, "--abstain", 0.5)
    ended = predict(photos / "face.png", *words, "--fail-on-fake", "-o", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    assert read(tmp_path / "out" / "predictions.csv")[0]["verdict"] == "uncertain"
    # The linear model of the coherence has no map.
    assert not (tmp_path / "out" / "heatmaps").exists()


@pytest.mark.slow
def test_the_domain_is_named_and_can_be_given(photos, models, tmp_path):
    for domain, wanted in (("auto", {"film", "arch"}), ("arch", {"arch"}), ("wildcard", {"wildcard"})):
        words = ("--weights", models / "gmdf.safetensors", "--domain", domain, "--heatmap", "raw")
        ended = predict(photos / "face.png", *words, "-o", tmp_path / domain)
        assert ended.returncode == 0, ended.stderr
        assert {row["domain"] for row in read(tmp_path / domain / "predictions.csv")} <= wanted
    heat = np.load(tmp_path / "arch" / "heatmaps" / "face_face0.npy", allow_pickle=False)
    assert (heat.shape, heat.dtype) == ((7, 7), np.float32)


@pytest.mark.parametrize(
    ("model", "domain", "message"),
    [
        ("mfclip", "film", "--domain film: mfclip tells no domains apart"),
        ("gmdf", "dfdc", "--domain dfdc: the weights know no such domain"),
    ],
)
def test_an_unknown_domain_is_refused_before_the_run(photos, models, tmp_path, model, domain, message):
    words = ("--weights", models / f"{model}.safetensors", "--domain", domain)
    ended = predict(photos, *words, "-o", tmp_path / "out")
    assert ended.returncode == 2
    assert message in ended.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def odd(tmp_path_factory, portrait):
    """Write pictures of unusual kinds, and files that are none."""
    home = tmp_path_factory.mktemp("odd")
    whole = Image.fromarray(portrait)
    grey = portrait[..., 0].astype(np.uint16) * 257
    Image.fromarray(grey).save(home / "grey16.png")
    whole.convert("CMYK").save(home / "cmyk.jpg", quality=95)
    whole.convert("RGBA").save(home / "alpha.png")
    whole.save(home / "plain.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    whole.rotate(90, expand=True).save(home / "turned.jpg", quality=95, exif=exif)
    Image.new("RGB", (8, 8)).save(home / "tiny.png")
    for name, content in HOSTILE.items():
        (home / name).write_bytes((home / "plain.jpg").read_bytes()[:900] if content is None else content)
    (home / "._plain.jpg").write_bytes(b"AppleDouble")
    return home


def test_odd_pictures_are_judged_and_damaged_files_fail_alone(odd, models, tmp_path):
    words = ("--weights", models / "coherence.safetensors", "--heatmap", "none")
    ended = predict(odd, *words, "-o", tmp_path / "out")
    assert ended.returncode == 6, ended.stderr
    assert "Traceback" not in ended.stderr
    failed = {row["id"]: row["error"] for row in read(tmp_path / "out" / "failures.csv")}
    assert failed.keys() == {"cut", "text", "heic", "tiny", "video"}
    assert "8 x 8 pixels; 64 x 64 or more expected" in failed["tiny"]
    assert not [error for error in failed.values() if "unexpected" in error]
    rows = {row["name"]: row for row in read(tmp_path / "out" / "predictions.csv")}
    assert rows.keys() == {"grey16", "cmyk", "alpha", "plain", "turned"}
    assert all(row["p_fake"] for row in rows.values())
    # A picture that its file says to turn is turned.
    box, turned = ([int(rows[name][side]) for side in ("x0", "y0")] for name in ("plain", "turned"))
    np.testing.assert_allclose(turned, box, atol=8)


def test_one_damaged_file_alone_ends_the_run(odd, models, tmp_path):
    words = ("--weights", models / "coherence.safetensors")
    ended = predict(odd / "cut.png", *words, "-o", tmp_path / "out")
    assert ended.returncode == 3
    assert "cut.png: damaged" in ended.stderr


def test_a_list_with_a_bad_entry_names_its_line(odd, models, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(f"{odd / 'plain.jpg'}\n\nnowhere.png\n", encoding="utf-8")
    words = ("--weights", models / "coherence.safetensors")
    ended = predict(path, *words, "-o", tmp_path / "out")
    assert ended.returncode == 3
    assert "list.txt: line 3: 'nowhere.png': no such file." in ended.stderr


def test_weights_that_are_none_are_refused(odd, tmp_path):
    (tmp_path / "evil.safetensors").write_bytes(b"\x80\x04N.")
    for weights, code in ((tmp_path / "evil.safetensors", 3), (tmp_path / "nowhere.safetensors", 4)):
        ended = predict(odd / "plain.jpg", "--weights", weights, "-o", tmp_path / "out")
        assert ended.returncode == code, ended.stderr
        assert str(weights) in ended.stderr
    assert vcli("forgery-detect", "predict").returncode == 2
