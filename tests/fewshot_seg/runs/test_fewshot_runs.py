"""The verbs as a user types them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from tests.fewshot_seg.scenes import scene
from tests.program import vcli

THREADS = ("--threads", 1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory, put):
    """Make a folder of red discs, one annotated, one picture without a disc."""
    home = tmp_path_factory.mktemp("photos")
    for number in range(4):
        picture, mask = scene(number, has_class=number != 3)
        put(home / "queries" / f"{number}.png", picture)
        put(home / "truth" / f"{number}.png", np.uint8(255) * mask)
    picture, mask = scene(9)
    put(home / "support.png", picture)
    put(home / "mask.png", np.uint8(255) * mask)
    bar = np.zeros_like(mask)
    bar[:, : mask.shape[1] // 8] = True
    put(home / "bar.png", np.uint8(255) * bar)
    put(home / "maps.png", np.where(mask, 2, np.where(bar, 5, 0)).astype(np.uint8))
    return home


@pytest.fixture(scope="module")
def predicted(photos):
    """Predict discs in all pictures, with everything that can be written."""
    words = ("--support", f"{photos}/support.png:{photos}/mask.png", "--query", photos / "queries", "--instances")
    more = ("--save", "all", "--truth-dir", photos / "truth", "--json", "-o", photos / "out")
    done = vcli("fewshot-seg", "predict", *words, *more, *THREADS)
    assert done.returncode == 0, done.stderr
    assert "12." in done.stderr or "is the class" in done.stderr
    return photos / "out", json.loads(done.stdout)


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def pixels(path):
    return np.array(Image.open(path))


def iou(first, second):
    return (first & second).sum() / max((first | second).sum(), 1)


def test_masks_have_the_size_of_their_pictures_and_cover_the_discs(photos, predicted):
    out, document = predicted
    for number in range(3):
        mask, truth = pixels(out / "masks" / f"{number}.png"), pixels(photos / "truth" / f"{number}.png")
        assert mask.shape == (64, 64)
        assert set(np.unique(mask)) <= {0, 255}
        assert iou(mask > 0, truth > 0) > 0.8
    assert document["mean_iou"] > 0.6
    assert document["pictures"] == 4


def test_rows_say_what_was_found(predicted):
    rows = {row["file"]: row for row in read(predicted[0] / "summary.csv")}
    assert set(rows) == {"0", "1", "2", "3"}
    assert all(float(rows[str(number)]["presence"]) > float(rows["3"]["presence"]) for number in range(3))
    assert rows["0"]["class"] == "object"
    assert int(rows["0"]["instances"]) == 1


def test_coco_files_hold_the_written_masks(predicted):
    from pycocotools import mask as coco_masks
    from pycocotools.coco import COCO

    out = predicted[0]
    results = json.loads((out / "predictions.json").read_text(encoding="utf-8"))
    names = {
        one["id"]: one["file_name"] for one in json.loads((out / "dataset.json").read_text(encoding="utf-8"))["images"]
    }
    for number, name in names.items():
        own = [coco_masks.decode(one["segmentation"]) for one in results if one["image_id"] == number]
        together = np.any(own, axis=0) if own else np.zeros((64, 64), bool)
        objects = pixels(out / "instances" / name)
        np.testing.assert_array_equal(together > 0, objects > 0)
        assert not (objects[pixels(out / "masks" / name) == 0]).any()
    found = COCO(str(out / "dataset.json")).loadRes(str(out / "predictions.json"))
    assert len(found.getAnnIds()) == len(results)


def test_maps_and_pictures_are_there(predicted):
    out = predicted[0]
    probability = pixels(out / "prob" / "0.png")
    assert probability.dtype in (np.uint16, np.int32)
    assert probability.max() > 40_000
    for folder, ending in (("uncertainty", "png"), ("overlays", "jpg"), ("panels", "jpg")):
        assert len(list((out / folder).glob(f"*.{ending}"))) == 4
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "Segmentation of object" in report
    assert report.count("data:image/") >= 4


def test_two_classes_share_the_pixels_of_a_picture(photos, tmp_path):
    words = ("-s", f"disc={photos}/support.png:{photos}/mask.png", "-s", f"bar={photos}/support.png:{photos}/bar.png")
    query = ("--query", photos / "queries" / "0.png", "--no-pictures", "--method", "pixel")
    assert vcli("fewshot-seg", "predict", *words, *query, "-o", tmp_path / "o", *THREADS).returncode == 0
    labels = pixels(tmp_path / "o" / "masks" / "0.png")
    assert Image.open(tmp_path / "o" / "masks" / "0.png").mode == "P"
    assert iou(labels == 1, pixels(photos / "truth" / "0.png") > 0) > 0.7
    assert (labels[:, :7] == 2).mean() > 0.9


def test_maps_of_classes_need_the_number_of_the_class(photos, tmp_path):
    words = ("--support", f"{photos}/support.png:{photos}/maps.png", "--query", photos / "queries" / "0.png")
    refused = vcli("fewshot-seg", "predict", *words, "-o", tmp_path / "o", *THREADS)
    assert refused.returncode == 3
    assert "--class-id" in refused.stderr
    more = ("--class-id", 2, "--method", "rf", "-o", tmp_path / "p", "--negative", photos / "queries" / "3.png")
    done = vcli("fewshot-seg", "predict", *words, *more, *THREADS)
    assert done.returncode == 0, done.stderr
    assert iou(pixels(tmp_path / "p" / "masks" / "0.png") > 0, pixels(photos / "truth" / "0.png") > 0) > 0.6


def test_a_task_gives_what_its_supports_give(photos, predicted, tmp_path):
    support = ("--support", f"{photos}/support.png:{photos}/mask.png")
    assert vcli("fewshot-seg", "adapt", *support, "-o", tmp_path / "task", *THREADS).returncode == 0
    words = ("--task", tmp_path / "task" / "object.task", "--query", photos / "queries")
    done = vcli("fewshot-seg", "predict", *words, "-o", tmp_path / "o", *THREADS)
    assert done.returncode == 0, done.stderr
    for number in range(4):
        name = f"masks/{number}.png"
        assert (tmp_path / "o" / name).read_bytes() == (predicted[0] / name).read_bytes()
    assert (tmp_path / "task" / "object.task").stat().st_size < 5e6


def test_a_support_among_the_queries_is_warned_of(photos, tmp_path):
    words = ("--support", f"{photos}/support.png:{photos}/mask.png", "--query", photos / "support.png")
    done = vcli("fewshot-seg", "predict", *words, "--method", "copy", "-o", tmp_path / "o", *THREADS)
    assert done.returncode == 0
    assert "the picture is the support support.png" in done.stderr


def test_a_large_support_among_the_queries_is_warned_of(tmp_path, put):
    picture, mask = scene(2, height=600, width=700)
    put(tmp_path / "large.png", picture)
    put(tmp_path / "mask.png", np.uint8(255) * mask)
    words = ("--support", f"{tmp_path}/large.png:{tmp_path}/mask.png", "--query", tmp_path / "large.png")
    done = vcli("fewshot-seg", "predict", *words, "--method", "copy", "-o", tmp_path / "o", *THREADS)
    assert done.returncode == 0
    assert "the picture is the support large.png" in done.stderr


def test_one_damaged_query_does_not_stop_the_others(photos, tmp_path, put):
    put(tmp_path / "q" / "good.png", scene(1)[0])
    (tmp_path / "q" / "bad.png").write_bytes((photos / "support.png").read_bytes()[:200])
    (tmp_path / "q" / "empty.png").touch()
    words = ("--support", f"{photos}/support.png:{photos}/mask.png", "--query", tmp_path / "q", "--method", "copy")
    done = vcli("fewshot-seg", "predict", *words, "-o", tmp_path / "o", *THREADS)
    assert done.returncode == 6
    assert {row["id"] for row in read(tmp_path / "o" / "failures.csv")} == {"bad", "empty"}
    assert (tmp_path / "o" / "masks" / "good.png").is_file()
    assert "Traceback" not in done.stderr


def test_supports_that_show_nothing_are_refused(photos, tmp_path, put):
    query = ("--query", photos / "queries", "-o", tmp_path / "o", *THREADS)
    for name, mask, expected in (
        ("empty", np.zeros((64, 64)), "every mask is empty"),
        ("full", np.ones((64, 64)), "every pixel is the class"),
        ("other", np.eye(32), "32 x 32 pixels of its mask"),
    ):
        path = put(tmp_path / f"{name}.png", (255 * mask).astype(np.uint8))
        done = vcli("fewshot-seg", "predict", "--support", f"{photos}/support.png:{path}", *query)
        assert done.returncode == 3, done.stderr
        assert expected in done.stderr
        assert "Traceback" not in done.stderr


def test_what_is_missing_is_asked_for(photos, tmp_path):
    out = ("-o", tmp_path / "o")
    done = vcli("fewshot-seg", "predict", "--query", photos / "queries", *out)
    assert done.returncode == 2
    assert "no support" in done.stderr
    done = vcli("fewshot-seg", "predict", *out)
    assert done.returncode == 2
    assert "--query" in done.stderr
    words = ("--support", f"{photos}/support.png:{photos}/mask.png", "--query", photos / "queries")
    done = vcli("fewshot-seg", "predict", *words, "--weights", photos / "mask.png", *out)
    assert done.returncode == 3
    assert "safetensors" in done.stderr


@pytest.fixture(scope="module")
def classes(tmp_path_factory, put):
    """Make a data set of two classes."""
    home = tmp_path_factory.mktemp("classes")
    for number in range(3):
        for name, picture in (("disc", scene(number)), ("none", scene(number + 5, height=48))):
            put(home / "images" / name / f"{number}.png", picture[0])
            put(home / "masks" / name / f"{number}.png", np.uint8(255) * picture[1])
    return home


def test_episodes_are_measured_and_can_be_measured_again(classes, tmp_path):
    words = ("--methods", "pixel,copy", "--episodes", 4, "--absent", "--json", *THREADS)
    done = vcli("fewshot-seg", "evaluate", f"set={classes}", *words, "-o", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["pixel/set/mean_iou"] > document["copy/set/mean_iou"]
    assert document["best_baseline"] == "copy"
    assert document["gain_mean_iou"] == pytest.approx(
        document["pixel/mean/mean_iou"] - document["copy/mean/mean_iou"], abs=1e-5
    )
    rows = read(tmp_path / "a" / "episodes.csv")
    assert len(rows) == 2 * 8
    own = [row for row in rows if row["method"] == "pixel" and row["present"] == "1"]
    assert document["pixel/set/mean_iou"] == pytest.approx(np.mean([float(row["iou"]) for row in own]), abs=1e-5)
    again = ("--episodes-file", tmp_path / "a" / "protocol.csv", "--methods", "pixel", "--json", *THREADS)
    done = vcli("fewshot-seg", "evaluate", f"set={classes}", *again, "-o", tmp_path / "b")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pixel/set/mean_iou"] == document["pixel/set/mean_iou"]
    report = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    assert "worst: " in report
    assert report.count("data:image/") == 4


def test_too_few_pictures_and_unknown_sets_are_said(classes, tmp_path):
    done = vcli("fewshot-seg", "evaluate", classes, "--shots", 5, "-o", tmp_path / "o")
    assert done.returncode == 3
    assert "no class of 6 pictures or more" in done.stderr
    done = vcli("fewshot-seg", "evaluate", classes, classes, "-o", tmp_path / "o")
    assert done.returncode == 2
    assert "two data sets named" in done.stderr


def test_deepglobe_is_cut_into_tiles_that_are_read_again(tmp_path, put):
    rng = np.random.default_rng(0)
    for number in range(2):
        mask = np.zeros((60, 60, 3), np.uint8)
        mask[:, :30], mask[:, 30:] = (0, 255, 255), (0, 0, 255)
        mask[:5] = (255, 255, 255)
        put(tmp_path / "raw" / f"{number}_sat.jpg", rng.integers(0, 255, (60, 60, 3), dtype=np.uint8))
        put(tmp_path / "raw" / f"{number}_mask.png", mask)
    done = vcli("fewshot-seg", "prepare", "deepglobe", tmp_path / "raw", "-o", tmp_path / "cut")
    assert done.returncode == 0, done.stderr
    words = ("--methods", "copy", "--no-pictures", "--json", "-o", tmp_path / "o", *THREADS)
    done = vcli("fewshot-seg", "evaluate", tmp_path / "cut", *words)
    assert done.returncode == 0, done.stderr
    # The upper row of tiles is half barren land: three tiles a picture of urban land, three of water, six of barren.
    rows = read(tmp_path / "o" / "episodes.csv")
    assert {name: sum(row["class"] == name for row in rows) for name in ("urban", "water", "barren")} == {
        "urban": 6,
        "water": 6,
        "barren": 12,
    }


def test_facts_of_the_shipped_weights():
    done = vcli("fewshot-seg", "info", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["gate_parameters"] > 1000
