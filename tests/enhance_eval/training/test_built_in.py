"""Training of the built-in networks: targets, losses, and a short training from nothing to weights with a card."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import configure
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.data.night_scenes import NightWorld, night_scenes
from vision_cli.enhance_eval.networks.centre_detector import read_peaks
from vision_cli.enhance_eval.options import TrainingOptions
from vision_cli.enhance_eval.pipeline.darkness.physical import expose
from vision_cli.enhance_eval.pipeline.tasks.builtin import load_classifier, load_curve, load_detector
from vision_cli.enhance_eval.training import built_in
from vision_cli.enhance_eval.training.clear_pictures import crop_pool, scene_pool, vary
from vision_cli.enhance_eval.training.curve_losses import colour_loss, contrast_loss, exposure_loss, smoothness_loss
from vision_cli.enhance_eval.training.curves import DarkPictures
from vision_cli.enhance_eval.training.detection import focal_loss, make_targets, overlap_loss
from vision_cli.enhance_eval.values import Boxes, Detections
from vision_cli.metrics.detection.matching import box_iou


@pytest.fixture(scope="module")
def pool():
    return scene_pool(12, 0, NightWorld(0, "train"))


def test_a_network_that_answers_the_targets_finds_every_object_exactly(pool):
    scenes = [pool.at(number) for number in range(12)]
    pixels = [scene.pixels / np.float32(255) for scene in scenes]
    targets = make_targets(pixels, [scene.boxes for scene in scenes], [scene.labels for scene in scenes], 10)
    peaks = read_peaks(torch.logit(targets.heat, 1e-6), targets.sides, (128, 128))
    for number, scene in enumerate(scenes):
        found = peaks.scores[number] > 0.99
        assert int(found.sum()) == len(scene.boxes)
        ious = box_iou(peaks.corners[number][found].numpy().astype(np.float64), scene.boxes.astype(np.float64))
        # Objects that overlap may hide a middle of each other by a pixel.
        assert ious.max(1).min() > 0.9
        assert scene.labels[ious.argmax(1)].tolist() == peaks.labels[number][found].tolist()


def test_the_focal_loss_is_that_of_its_equation():
    rng = np.random.default_rng(0)
    logits, heat = rng.normal(size=(2, 3, 5, 5)), rng.uniform(0, 0.9, (2, 3, 5, 5))
    heat[0, 1, 2, 2] = heat[1, 2, 0, 4] = 1
    total = 0.0
    for logit, wanted in zip(logits.ravel(), heat.ravel(), strict=True):
        chance = 1 / (1 + np.exp(-logit))
        if wanted == 1:
            total -= (1 - chance) ** 2 * np.log(chance)
        else:
            total -= (1 - wanted) ** 4 * chance**2 * np.log(1 - chance)
    assert float(focal_loss(torch.from_numpy(logits), torch.from_numpy(heat))) == pytest.approx(total / 2)


def test_the_overlap_loss_is_nothing_for_equal_boxes_and_the_logarithm_of_the_overlap_otherwise():
    wanted = torch.full((1, 4, 2, 2), 3.0)
    known = torch.tensor([[[True, False], [False, False]]])
    assert float(overlap_loss(wanted, wanted, known)) == pytest.approx(0, abs=1e-6)
    # A box of twice the side has a quarter of itself in common.
    assert float(overlap_loss(2 * wanted, wanted, known)) == pytest.approx(np.log(4))


def test_a_mirrored_scene_has_mirrored_boxes(pool):
    seen = set()
    for use in range(8):
        scene = pool.at(use)
        pixels, boxes = vary(scene, pool.generator(use))
        mirrored = not np.allclose(boxes, scene.boxes)
        seen.add(mirrored)
        plain = pixels[:, ::-1] if mirrored else pixels
        ratio = plain[scene.pixels > 20] / (scene.pixels[scene.pixels > 20] / 255)
        assert 0.5 < ratio.min() <= ratio.max() < 1.16
        if mirrored:
            np.testing.assert_allclose(boxes[:, [0, 2]], 128 - scene.boxes[:, [2, 0]])
    assert seen == {True, False}


def test_a_pass_shows_every_scene_once_and_draws_it_once():
    drawn = []
    world = NightWorld(0, "train")
    pool = scene_pool(5, 1, world)
    draw = pool.draw
    pool.draw = lambda number: drawn.append(number) or draw(number)
    passes = [[pool[use].pixels.tobytes() for use in range(5 * k, 5 * k + 5)] for k in range(3)]
    assert sorted(drawn) == [0, 1, 2, 3, 4]
    assert len(set(passes[0])) == 5
    assert set(passes[0]) == set(passes[1]) == set(passes[2])
    assert not passes[0] == passes[1] == passes[2]


def test_crops_have_one_label_and_vary_by_seed():
    one, again, other = (crop_pool(3, seed, NightWorld(0, "train")).at(2) for seed in (0, 0, 1))
    assert one.pixels.shape == (64, 64, 3)
    assert len(one.labels) == len(one.boxes) == 1
    assert one.pixels.tobytes() == again.pixels.tobytes() != other.pixels.tobytes()


def boxes_of(*rows):
    corners = np.array([row[:4] for row in rows], dtype=np.float32).reshape(-1, 4)
    return Boxes(corners, np.array([row[4] for row in rows], dtype=np.int64), np.zeros(len(rows), dtype=bool))


def detections_of(*rows):
    truth = boxes_of(*(row[:5] for row in rows))
    return Detections(truth.corners, np.array([row[5] for row in rows], dtype=np.float32), truth.labels)


def test_the_curve_losses_are_nothing_where_nothing_is_wrong():
    flat = torch.full((2, 3, 128, 128), 0.45)
    assert float(exposure_loss(flat)) == pytest.approx(0, abs=1e-8)
    assert float(colour_loss(flat)) == pytest.approx(0, abs=1e-5)
    assert float(contrast_loss(flat, 0.5 * flat)) == pytest.approx(0, abs=1e-12)
    assert float(smoothness_loss(flat)) == 0


def test_the_curve_losses_are_those_of_small_pictures_by_hand():
    tinted = torch.zeros(1, 3, 64, 64)
    tinted[:, 0] = 0.5
    assert float(colour_loss(tinted)) == pytest.approx(np.sqrt(2 * 0.5**4))
    assert float(exposure_loss(tinted)) == pytest.approx((0.5 / 3 - 0.45) ** 2, rel=1e-4)
    step = torch.zeros(1, 3, 8, 8)
    step[..., 4:] = 1
    # One of two neighbours across differs, none of those below; both sides of a pair count.
    assert float(contrast_loss(step, 0 * step)) == pytest.approx(2)
    maps = torch.zeros(1, 3, 2, 2)
    maps[..., 1] = 0.5
    assert float(smoothness_loss(maps)) == pytest.approx(2 * 6 * 0.25 / 2)


def test_a_recorded_picture_has_the_light_and_the_noise_of_its_exposure():
    rng = np.random.default_rng(0)
    light = np.full((200, 200, 3), 0.4, dtype=np.float32)
    from vision_cli.io.pictures.srgb import decode_srgb

    dark = expose(light, -2, rng, full_well=2000, read_noise=3)
    assert set(np.unique(np.rint(dark * 255))) == set(np.unique(dark * 255).round())
    recorded = decode_srgb(dark)
    assert recorded.mean() == pytest.approx(0.1, rel=0.01)
    assert recorded.std() == pytest.approx(np.sqrt(0.1 * 2000 + 9) / 2000, rel=0.1)


def test_dark_pictures_are_the_same_whenever_they_are_drawn():
    pictures = [DarkPictures(NightWorld(2, "train")) for _ in range(2)]
    for number in (0, 1, 7):
        np.testing.assert_array_equal(pictures[0].draw(number), pictures[1].draw(number))
    assert not np.array_equal(pictures[0].draw(0), pictures[0].draw(2))


@pytest.fixture
def small(monkeypatch):
    for name in ("_VALIDATION_SCENES", "_CURVE_SCENES", "_TEST_SCENES"):
        monkeypatch.setattr(built_in, name, 4)


def train(directory, name, steps):
    options = TrainingOptions(steps=steps, batch_size=4, scenes=8)
    with Run.open(directory, command="enhance-eval train", options={}) as run:
        measures = built_in.train_built_in(
            run, name, options, configure("cpu", 1, 0), Output(quiet=True), command="vcli enhance-eval train"
        )
        run.finish()
    return measures


@pytest.mark.parametrize(
    ("name", "measure", "load"),
    [
        ("detector", "test_ap50", load_detector),
        ("classifier", "test_accuracy", load_classifier),
        ("curve", "test_psnr_db", load_curve),
    ],
)
def test_a_training_writes_weights_that_load_and_a_card_that_says_what_they_measure(
    tmp_path, small, name, measure, load
):
    measures = train(tmp_path / "run", name, 12)
    history = (tmp_path / "run" / "history.csv").read_text(encoding="utf-8").splitlines()
    losses = [float(line.split(",")[1]) for line in history[1:]]
    assert len(losses) == 12
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    card = json.loads((tmp_path / "run" / "weights.json").read_text(encoding="utf-8"))
    assert card["metrics"][measure] == pytest.approx(measures[measure], abs=1e-5)
    assert any(key.startswith("validation_") for key in card["metrics"])
    path = tmp_path / "run" / "weights.safetensors"
    assert all(tensor.dtype in (torch.float16, torch.int64) for tensor in load_file(path).values())
    loaded = load(str(path))
    assert not loaded.network.training


def test_weights_of_another_network_are_refused(tmp_path, small):
    train(tmp_path / "run", "curve", 1)
    with pytest.raises(InputError, match="weights of another network; those of CentreDetector expected"):
        load_detector(str(tmp_path / "run" / "weights.safetensors"))


def test_built_in_models_take_pictures_of_several_sizes(tmp_path, small):
    train(tmp_path / "detector", "detector", 1)
    train(tmp_path / "classifier", "classifier", 1)
    train(tmp_path / "curve", "curve", 1)
    pictures = [night_scenes(1, 0).samples[0].source.read(), np.random.default_rng(0).random((50, 90, 3), np.float32)]
    detector = load_detector(str(tmp_path / "detector" / "weights.safetensors"))
    alone = [detector.detect([picture])[0] for picture in pictures]
    for one, other in zip(detector.detect([*pictures, *pictures]), [*alone, *alone], strict=True):
        np.testing.assert_allclose(one.corners, other.corners, atol=1e-3)
        assert (np.diff(one.scores) <= 0).all()
        assert len(one.scores) == len(one.labels)
    assert detector.detect([]) == []
    classifier = load_classifier(str(tmp_path / "classifier" / "weights.safetensors"))
    np.testing.assert_allclose(classifier.classify(pictures).sum(1), 1, atol=1e-5)
    assert classifier.classify([]).shape == (0, 10)
    enhanced = load_curve(str(tmp_path / "curve" / "weights.safetensors")).enhance(pictures[1])
    assert enhanced.shape == pictures[1].shape
    assert 0 <= enhanced.min() <= enhanced.max() <= 1
