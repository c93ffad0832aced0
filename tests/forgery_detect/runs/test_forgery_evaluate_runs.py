"""``vcli forgery-detect evaluate`` as a user types it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from tests.program import files_of, vcli
from vision_cli.forgery_detect import FaceOptions, open_detector
from vision_cli.forgery_detect.coherence.features import features
from vision_cli.forgery_detect.coherence.linear import calibrated, fit, write_model
from vision_cli.forgery_detect.evaluation.localisation import localise, mean_of

CUT = ("--face-detector", "none", "--no-audit", "--no-pictures", "--bootstrap", "30", "--threads", "1")
COLUMNS = ("path", "label", "domain", "generator", "source", "split", "mask")


def face(rng, *, is_fake):
    """Return smooth texture with noise, of each channel its own in reals, the same in fakes."""
    coarse = Image.fromarray(rng.integers(60, 200, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((96, 96), Image.Resampling.BICUBIC), np.float64)
    noise = rng.normal(0, 6, (96, 96, 1 if is_fake else 3))
    return np.clip(np.rint(smooth + noise), 0, 255).astype(np.uint8)


def write_set(root, rows):
    """Write pictures and their manifest; a row has a label and a truth, and further columns."""
    rng = np.random.default_rng(len(rows))
    root.mkdir(parents=True, exist_ok=True)
    with (root / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        for number, row in enumerate(rows):
            Image.fromarray(face(rng, is_fake=row["truth"])).save(root / f"{number:03}.png")
            writer.writerow({"path": f"{number:03}.png", **row})
    return root / "manifest.csv"


def pairs(count, **more):
    """Return rows of a real and a fake face of each source, the fakes of two generators in turn."""
    return [
        {"label": label, "truth": label, "source": f"s{number}", **more}
        | ({"generator": ("gan", "codec")[number % 2]} if label else {})
        for number in range(count)
        for label in (0, 1)
    ]


def table(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    rng = np.random.default_rng(7)
    real, fake = (np.stack([features(face(rng, is_fake=fake)) for _ in range(24)]) for fake in (False, True))
    path = tmp_path_factory.mktemp("weights") / "ours" / "weights.safetensors"
    path.parent.mkdir()
    write_model(path, calibrated(fit(real[:16], fake[:16]), real[16:], fake[16:], real[:0]))
    return path


@pytest.fixture(scope="module")
def easy(tmp_path_factory):
    rows = [row | {"domain": "ab"[place // 16]} for place, row in enumerate(pairs(16))]
    return write_set(tmp_path_factory.mktemp("easy"), rows)


@pytest.fixture(scope="module")
def evaluated(easy, weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluated") / "out"
    how = ("--robustness", "resize,noise", "--bootstrap", "30", "--threads", "1", "--face-detector", "none")
    done = vcli("forgery-detect", "evaluate", easy, "--weights", weights, *how, "-o", out)
    assert done.returncode == 0, done.stderr
    return out, done


def test_results_are_those_of_the_scores_that_are_written(evaluated):
    out, done = evaluated
    scores = table(out / "scores.csv")
    assert [*scores[0]][-1] == "p_ours"
    results = {(row["test_set"], row["level"]): row for row in table(out / "results.csv")}
    assert {name for name, _ in results} == {"all", "generator codec", "generator gan", "set a", "set b"}
    chosen = {
        "all": scores,
        "generator gan": [row for row in scores if row["generator"] in {"", "gan"}],
        "set b": [row for row in scores if row["domain"] == "b"],
    }
    for name, own in chosen.items():
        expected = roc_auc_score([int(row["label"]) for row in own], [float(row["p_ours"]) for row in own])
        assert float(results[name, "video"]["auc"]) == pytest.approx(expected, abs=1e-6)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["media"], metrics["left_out"], metrics["ours/reals"], metrics["ours/fakes"]) == (32, 0, 16, 16)
    assert metrics["ours/all/video/auc"] == metrics["ours/auc"] > 0.95
    assert done.stdout.splitlines()[-1] == (
        f"AUC={metrics['ours/auc']:.4f} EER={metrics['ours/eer']:.4f} ACC={metrics['ours/accuracy']:.4f} "
        f"AP={metrics['ours/average_precision']:.4f} n=32"
    )


def test_matrix_robustness_audit_and_pictures_are_written(evaluated):
    out, _ = evaluated
    cells = {(row["detector"], row["row"], row["column"]) for row in table(out / "matrix.csv")}
    assert {("", "ours", "set a"), ("ours", "a", "b")} <= cells
    points = table(out / "robustness.csv")
    # Of 96 px, half and a quarter are less than the 64 px of the smallest face.
    assert [f"{row['degradation']} {float(row['level']):g}" for row in points] == [
        *("none 0", "resize 0.75", "noise 2", "noise 5", "noise 10")
    ]
    assert {row["pictures"] for row in points} == {"32"}
    assert [row["cue"] for row in table(out / "audit.csv")]
    for name in ("roc.png", "matrix.png", "calibration.png", "robustness.png", "faces.jpg"):
        assert Image.open(out / name).width > 300, name
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Faces that ours is most and least sure of" in page
    assert "16 real and 16 forged" in page


def test_media_without_a_face_are_listed_and_nothing_defined_ends_with_three(easy, weights, tmp_path):
    how = ("--weights", weights, "--no-audit", "--threads", "1")
    done = vcli("forgery-detect", "evaluate", easy, *how, "-o", tmp_path / "out")
    assert done.returncode == 3, done.stderr
    assert "no test set has both real and fake faces" in done.stderr
    assert {row["reason"] for row in table(tmp_path / "out" / "unscored.csv")} == {"no face was found"}
    assert {row["p_ours"] for row in table(tmp_path / "out" / "scores.csv")} == {""}


def test_one_class_has_no_area_but_its_verdicts_are_shown(weights, tmp_path):
    fakes = write_set(tmp_path / "fakes", [row for row in pairs(3) if row["label"]])
    done = vcli("forgery-detect", "evaluate", fakes, "--weights", weights, *CUT, "-o", tmp_path / "out", "--json")
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["ours/auc"] is None
    assert document["ours/all/video/fake_called_fake"] is not None


@pytest.fixture(scope="module")
def crossed(easy, tmp_path_factory):
    out = tmp_path_factory.mktemp("crossed") / "out"
    how = ("--protocol", "cross-generator", "--methods", "coherence,linear", "--steps", "4", *CUT)
    done = vcli("forgery-detect", "evaluate", easy, *how, "-o", out)
    assert done.returncode == 0, done.stderr
    return out, how, done


@pytest.mark.slow
def test_a_protocol_tests_each_training_on_each_generator(crossed):
    out, _, done = crossed
    cells = {(row["detector"], row["row"], row["column"]): row["auc"] for row in table(out / "matrix.csv")}
    names = ("codec", "gan")
    assert set(cells) == {(m, a, b) for m in ("coherence", "linear") for a in names for b in names}
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    unseen = [float(cells["coherence", a, b]) for a, b in (names, names[::-1])]
    assert metrics["coherence/auc"] == pytest.approx(np.mean(unseen), abs=1e-6)
    assert metrics["coherence/auc"] > 0.9
    assert [line.split(":")[0] for line in done.stdout.splitlines()[-2:]] == ["coherence", "linear"]
    # Columns are comparable: both trainings were tested on the same faces.
    rows = table(out / "scores.csv")
    assert {"p_coherence (gan)", "p_linear (codec)"} <= set(rows[0])
    assert all(row["p_coherence (gan)"] and row["p_coherence (codec)"] for row in rows)


@pytest.mark.slow
def test_merged_shards_of_a_protocol_are_the_undivided_run(crossed, easy, tmp_path):
    out, how, _ = crossed
    for part in (1, 2):
        done = vcli("forgery-detect", "evaluate", easy, *how, "--shard", f"{part}/2", "-o", tmp_path / "out")
        assert done.returncode == 0, done.stderr
    assert vcli("runs", "merge", tmp_path / "out").returncode == 0
    merged = {name: text for name, text in files_of(tmp_path / "out").items() if not name.startswith("shard-")}
    assert merged == files_of(out)


@pytest.mark.slow
def test_labels_without_meaning_give_an_area_near_a_half(tmp_path):
    rng = np.random.default_rng(1)
    rows = [row | {"truth": int(rng.integers(0, 2)), "generator": ""} for row in pairs(80)]
    shuffled = write_set(tmp_path / "set", rows)
    how = ("--protocol", "within", "--methods", "coherence,linear", "--steps", "30", *CUT)
    done = vcli("forgery-detect", "evaluate", shuffled, *how, "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    for method in ("coherence", "linear"):
        assert document[f"{method}/reals"] == document[f"{method}/fakes"] == 24
        assert document[f"{method}/auc"] == pytest.approx(0.5, abs=0.2)


def test_training_and_test_that_share_a_source_are_refused(tmp_path):
    rows = [row | {"split": ("train", "test")[place % 4 // 2]} for place, row in enumerate(pairs(14))]
    for row in rows:
        row["source"] = f"s{int(row['source'][1:]) // 2}"
    leaky = write_set(tmp_path / "set", rows)
    how = ("--protocol", "within", "--methods", "coherence", *CUT)
    done = vcli("forgery-detect", "evaluate", leaky, *how, "-o", tmp_path / "out")
    assert done.returncode == 3
    assert "training and test share 7 sources; none expected" in done.stderr
    assert done.stderr.count("source set:s") == 5
    assert "--allow-leak" in done.stderr
    done = vcli("forgery-detect", "evaluate", leaky, *how, "--allow-leak", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "7 leaks between the training all and the test all are accepted" in done.stderr


def test_words_that_do_not_go_together_are_refused(easy, weights, tmp_path):
    for words, said in (
        (("--methods", "erm"), "--methods without --protocol"),
        (("--protocol", "within", "--weights", weights), "one of both expected"),
        (("--protocol", "within", "--robustness", "jpeg"), "--robustness with --protocol"),
        (("--protocol", "within", "--methods", "gmdf", "--ablate", "noise"), "gmdf has no such part"),
        (("--robustness", "fog"), "names of jpeg, resize, blur, noise, all, none expected"),
        ((), "no input given; SET expected"),
    ):
        inputs = [easy] if words else []
        done = vcli("forgery-detect", "evaluate", *inputs, *words, "-o", tmp_path / "out")
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "out").exists()


def test_a_video_with_two_labels_and_media_without_labels_are_refused(weights, tmp_path):
    path = write_set(tmp_path / "set", pairs(2))
    text = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([f"{text[0]},video", *(f"{line},v" for line in text[1:])]), encoding="utf-8")
    done = vcli("forgery-detect", "evaluate", path, "--weights", weights, *CUT, "-o", tmp_path / "out")
    assert (done.returncode, "one label a video expected" in done.stderr) == (3, True), done.stderr
    lines = ["path,label", *(f"{number:03}.png," for number in range(4))]
    path.write_text("\n".join(lines), encoding="utf-8")
    done = vcli("forgery-detect", "evaluate", path, "--weights", weights, *CUT, "-o", tmp_path / "out")
    assert (done.returncode, "none of 4 media has a label" in done.stderr) == (3, True), done.stderr


def test_heat_maps_are_compared_with_the_masks_of_forged_faces(tmp_path):
    mask = np.zeros((96, 96, 3), np.uint8)
    mask[60:90, 20:70] = 255
    rows = [row | ({"mask": "mask.png"} if row["label"] and row["source"] != "s0" else {}) for row in pairs(3)]
    listed = write_set(tmp_path / "set", rows)
    Image.fromarray(mask).save(tmp_path / "set" / "mask.png")
    out = tmp_path / "out"
    done = vcli("forgery-detect", "evaluate", listed, "--weights", "mfclip-nano,coherence", *CUT, "-o", out)
    assert done.returncode == 0, done.stderr
    detector = open_detector("mfclip-nano", faces=FaceOptions(face_detector="none"))
    paths = [tmp_path / "set" / f"{place:03}.png" for place, row in enumerate(rows) if "mask" in row]
    share = mask[..., 0].astype(np.float32) / 255
    expected = mean_of([localise(one.heat, share) for path in paths for one in detector.predict(path)])
    (row,) = table(out / "localisation.csv")
    assert (row["detector"], int(row["faces"])) == ("mfclip-nano", 2)
    assert float(row["pixel_auc"]) == pytest.approx(expected.pixel_auc, abs=1e-4)
    assert float(row["pointed"]) == expected.pointed
