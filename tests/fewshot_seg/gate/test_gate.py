"""The gate: what it measures, how it learns, what its file holds, and what it chooses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fewshot_seg.scenes import scene, support
from vision_cli.fewshot_seg.gate.measurements import (
    ALONE,
    CANDIDATE_WIDTH,
    PRESENCE_WIDTH,
    TOGETHER,
    Measurements,
    candidates_of,
    edges,
    measure,
    measure_supports,
    shape_of,
)
from vision_cli.fewshot_seg.gate.overlaps import iou
from vision_cli.fewshot_seg.gate.segmenter import GatedSegmenter
from vision_cli.fewshot_seg.gate.training import Lesson, grow_gate, measure_gate, take_lesson, training_episodes
from vision_cli.fewshot_seg.pixels.candidates import Candidate
from vision_cli.fewshot_seg.pixels.learning import PixelModel
from vision_cli.fewshot_seg.values import Segmentation
from vision_cli.phantoms.episodes.episodes import make_episode
from vision_cli.phantoms.episodes.textures import TextureBank

SIDE = 64


@pytest.fixture(scope="module")
def model():
    return PixelModel([support(0)], seed=0, side=SIDE)


def lessons(count=60, places=4):
    """Return lessons in which a number says which candidate is best, and another whether the class is there."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        rows = np.zeros((places, CANDIDATE_WIDTH), np.float32)
        rows[:, :6] = rng.random((places, 6))
        absent = bool(rng.random() < 0.3)
        presence = np.zeros(PRESENCE_WIDTH, np.float32)
        presence[:2] = float(absent) + rng.normal(0, 0.2), rng.random()
        found.append(Lesson(Measurements(rows, presence), rows[:, 2] * 0.8, absent, "made"))
    return found


class Truth:
    """A method that knows the answer of scene 1."""

    name = "tap"

    def learn(self, supports, *, seed=0):
        return self

    def segment(self, picture):
        mask = scene(1)[1]
        return Segmentation(mask.astype(np.float32), mask, 1.0, 1.0, "tap")


def test_shapes_of_masks_are_told_apart():
    flat = np.ones((64, 64), np.float32)
    square, line, dots = (np.zeros((64, 64), np.bool_) for _ in range(3))
    square[10:40, 10:40] = True
    line[30, 5:60] = True
    dots[::16, ::16] = True
    squares, lines, dotted = (shape_of(mask, flat) for mask in (square, line, dots))
    assert squares[0] == pytest.approx(np.log(901))
    assert squares[2] < 0.05 < lines[2] == 1
    assert squares[3] == lines[3] == pytest.approx(np.log(2))
    assert dotted[3] == pytest.approx(np.log(17))
    assert squares[4] == pytest.approx(1, abs=1e-3)
    assert np.isfinite(shape_of(np.zeros((64, 64), np.bool_), flat)).all()


def test_edges_of_an_object_stand_out():
    picture, mask = scene(1)
    assert shape_of(mask, edges(picture))[4] > 2


def test_rows_have_one_width_with_and_without_another_candidate(model):
    picture, mask = scene(1)
    look, facts = model.look(picture), measure_supports(model)
    alone = measure(model, facts, look, candidates_of(look, None, seed=0))
    six = candidates_of(look, ("tap", mask.astype(np.float32)), seed=0)
    together = measure(model, facts, look, six, extra_presence=0.7)
    assert alone.candidates.shape == (ALONE, CANDIDATE_WIDTH)
    assert together.candidates.shape == (TOGETHER, CANDIDATE_WIDTH)
    assert alone.presence.shape == together.presence.shape == (PRESENCE_WIDTH,)
    for found in (alone, together):
        assert np.isfinite(found.candidates).all()
        assert np.isfinite(found.presence).all()


def test_another_method_is_mixed_with_the_forests_and_stands_beside_them(model):
    picture, mask = scene(1)
    look = model.look(picture)
    other = mask.astype(np.float32)
    found = {one.name: one for one in candidates_of(look, ("tap", other), seed=0)}
    assert tuple(found) == ("mix", "mix-0.3", "grabcut", "expected-iou", "tap", "pixels")
    np.testing.assert_allclose(found["mix"].soft, (look.mix + other) / 2, rtol=1e-5)
    np.testing.assert_array_equal(found["tap"].mask, mask)
    np.testing.assert_array_equal(found["pixels"].mask, look.mix > 0.5)


def test_a_mask_that_is_right_explains_the_support_better(model):
    picture, mask = scene(1)
    look, facts = model.look(picture), measure_supports(model)
    right, wrong = Candidate("mix", mask.astype(np.float32), 0.5), Candidate("x", 1 - mask.astype(np.float32), 0.5)
    found = measure(model, facts, look, [right, wrong, right, wrong]).candidates
    backward = slice(20, 26)
    assert (found[0, backward] > found[1, backward]).sum() >= 4


def test_a_gate_learns_which_candidate_is_best():
    gate = grow_gate(lessons(), trees=40)
    unseen = lessons(90)[60:]
    gains = [one.overlaps[gate.judge(one.measured).choice] - one.overlaps.mean() for one in unseen]
    assert np.mean(gains) > 0.15
    scores = [gate.judge(one.measured).score for one in unseen]
    reached = [one.overlaps[gate.judge(one.measured).choice] for one in unseen]
    assert np.corrcoef(scores, reached)[0, 1] > 0.5
    presence = np.array([gate.judge(one.measured).presence for one in unseen])
    absent = np.array([one.is_absent for one in unseen])
    assert presence[absent].mean() + 0.4 < presence[~absent].mean()


def test_measures_of_a_gate_are_those_of_its_choices():
    gate, unseen = grow_gate(lessons(), trees=40), lessons(90)[60:]
    found = measure_gate(gate, unseen)
    present = [one for one in unseen if not one.is_absent]
    assert found["mean_iou"] == pytest.approx(
        np.mean([one.overlaps[gate.judge(one.measured).choice] for one in present])
    )
    assert found["mean_iou_mix"] < found["mean_iou"] <= found["mean_iou_best_candidate"]
    assert found["presence_auroc"] > 0.8


def test_a_gate_needs_episodes_with_the_class():
    with pytest.raises(ValueError, match=r"1 episodes, \d with the class in the query; at least 2 and 1 expected"):
        grow_gate(lessons(1))


def test_training_is_the_same_again_for_a_seed():
    bank = TextureBank.random(np.random.default_rng(0), fields=4)
    episodes = [make_episode(np.random.default_rng(n), bank, "shaded", side=48, absent=n % 2) for n in range(2)]
    taken = [take_lesson(episode, number, side=48) for number, episode in enumerate(episodes)]
    first, second = (grow_gate(taken, 1, trees=3) for _ in range(2))
    assert first.candidates == ("mix", "mix-0.3", "grabcut", "expected-iou")
    for name, values in first.gain.arrays("x").items():
        np.testing.assert_array_equal(values, second.gain.arrays("x")[name])


def test_training_episodes_do_not_depend_on_how_many_are_drawn():
    few, many = list(training_episodes(5, 1, side=32)), list(training_episodes(5, 3, side=32))
    assert len(many) == 3
    for one, other in zip(few, many, strict=False):
        np.testing.assert_array_equal(one.query.picture, other.query.picture)


def test_another_method_gives_more_candidates():
    picture, mask = scene(1)
    bank = TextureBank.random(np.random.default_rng(0), fields=4)
    lesson = take_lesson(make_episode(np.random.default_rng(0), bank, side=64, absent=0), 0, extra=Truth(), side=SIDE)
    assert lesson.measured.candidates.shape[0] == len(lesson.overlaps) == TOGETHER
    gate = _preferring(ALONE, lesson, "tap")
    found = GatedSegmenter(gate, Truth(), side=SIDE).learn([support(0)]).segment(picture)
    assert found.candidate == "tap"
    np.testing.assert_array_equal(found.mask, mask)
    # A gate that has never seen the method does not ask it.
    found = GatedSegmenter(_preferring(2, lesson, None), Truth(), side=SIDE).learn([support(0)]).segment(picture)
    assert found.candidate == "grabcut"


def test_without_a_gate_a_rule_chooses():
    picture, mask = scene(1, height=100, width=140)
    task = GatedSegmenter(side=SIDE).learn([support(0)], seed=0)
    found = task.segment(picture)
    assert found.candidate in {"grabcut", "expected-iou"}
    assert found.mask.shape == found.uncertainty.shape == (100, 140)
    assert iou(found.mask, mask) > 0.8
    again = GatedSegmenter(side=SIDE).learn([support(0)], seed=0).segment(picture)
    np.testing.assert_array_equal(found.mask, again.mask)


def _preferring(place, lesson, extra_name):
    """Return a gate that has learned that one candidate is always the best."""
    shown = [lesson.measured.candidates.copy() for _ in range(40)]
    overlaps = np.array([float(number == place) for number in range(TOGETHER)], np.float32)
    taught = [Lesson(Measurements(rows, lesson.measured.presence), overlaps, False, "x") for rows in shown]
    return grow_gate(taught, trees=60, extra_name=extra_name)
