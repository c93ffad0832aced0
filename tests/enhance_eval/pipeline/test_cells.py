from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.enhance_eval.methods.building import build_method
from vision_cli.enhance_eval.methods.specs import parse_methods
from vision_cli.enhance_eval.pipeline.cells import Bench, generator_of, score_sample
from vision_cli.enhance_eval.pipeline.darkness.conditions import parse_condition
from vision_cli.enhance_eval.quality.table import choose_measures
from vision_cli.enhance_eval.values import Boxes, Detections, Sample

CLASSES = ("dark", "bright")


@dataclass(frozen=True)
class Held:
    pixels: np.ndarray

    def read(self):
        return self.pixels

    def read_linear(self):
        return self.pixels**2


@dataclass(frozen=True)
class Whole:
    """Finds one object, as large as the picture, of the class of its brightness."""

    classes = CLASSES

    def detect(self, pictures):
        return [
            Detections(
                np.float32([[0, 0, one.shape[1], one.shape[0]]]),
                np.float32([0.9]),
                np.array([int(one.mean() > 0.25)]),
            )
            for one in pictures
        ]

    def classify(self, pictures):
        bright = np.float32([one.mean() > 0.25 for one in pictures])
        return np.stack([1 - bright, bright], axis=1)


@dataclass(frozen=True)
class Broken:
    name: str = "broken"

    def enhance(self, picture, *, reference=None):
        raise NumericalError("no light at all")


@pytest.fixture
def sample():
    pixels = np.random.default_rng(0).uniform(0.3, 0.9, (24, 32, 3)).astype(np.float32)
    boxes = Boxes(np.float32([[0, 0, 32, 24]]), np.array([1]), np.array([False]))
    return Sample("one", Held(pixels), boxes=boxes)


def bench_of(methods, **others):
    return Bench(
        [parse_condition("ev-4")],
        [build_method(spec) for spec in parse_methods(methods)],
        choose_measures(("psnr", "mean_luma")),
        Whole(),
        Whole(),
        unit="crop",
        **others,
    )


def test_darkness_is_undone_by_enhancement_for_eyes_and_machines(sample):
    clear, dark, lit, seen = score_sample(sample, bench_of("none,oracle-exposure,reference")).cells
    assert [one.condition for one in (clear, dark, lit, seen)] == ["clear", "ev-4", "ev-4", "ev-4"]
    assert dark.measures["mean_luma"] < 0.5 * lit.measures["mean_luma"]
    assert dark.measures["psnr"] < lit.measures["psnr"] < seen.measures["psnr"]
    assert [one.detections.labels.tolist() for one in (clear, dark, lit, seen)] == [[1], [0], [1], [1]]
    assert [one.decisions[0].is_right for one in (clear, dark, lit, seen)] == [True, False, True, True]


def test_a_method_that_fails_costs_its_own_cell_alone(sample):
    bench = bench_of("none,gain")
    bench = Bench(**{**bench.__dict__, "methods": [*bench.methods, Broken()]})
    scores = score_sample(sample, bench)
    assert [cell.error is None for cell in scores.cells] == [True, True, True, False]
    assert "no light at all" in scores.failed[0].error


def test_detections_in_the_reference_stand_for_annotations(sample):
    scores = score_sample(sample, bench_of("none", protocol="consistency"))
    assert scores.boxes.labels.tolist() == [1]
    np.testing.assert_array_equal(scores.boxes.corners, [[0, 0, 32, 24]])


def test_consistency_without_a_reference_is_refused(sample):
    bench = Bench(**{**bench_of("none", protocol="consistency").__dict__, "conditions": [parse_condition("as-is")]})
    with pytest.raises(InputError, match="one: no reference"):
        score_sample(sample, bench)


def test_noise_depends_on_seed_and_name_alone():
    def draw(*words):
        return generator_of(*words).random(4).tolist()

    assert draw(0, "a", "ev-4") == draw(0, "a", "ev-4")
    assert len({tuple(draw(*words)) for words in ((0, "a", "x"), (1, "a", "x"), (0, "b", "x"), (0, "a", "y"))}) == 4
