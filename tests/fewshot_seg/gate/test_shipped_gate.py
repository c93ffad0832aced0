"""The shipped gate: it fits what is measured, and reaches its floors on photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.bench.fewshot_sets import pairs
from tests.fewshot_seg.scenes import scene, support
from vision_cli.core.compute.weights import resolve_weights
from vision_cli.fewshot_seg.gate.overlaps import iou
from vision_cli.fewshot_seg.gate.segmenter import GatedSegmenter
from vision_cli.fewshot_seg.pipeline.methods import make_method
from vision_cli.fewshot_seg.pipeline.weight_files import count_parameters, read_method

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "fewshot-seg"
FLOORS = {"apple": 90, "cat": 70, "em": 56, "camvid": 75}
SEEDS = {"cat": 5}
"""Six episodes: from seed to seed their mean differs by two points."""


@pytest.fixture(scope="module")
def shipped():
    return read_method(resolve_weights("default", "fewshot-seg", "fewshot").path)


@pytest.fixture(scope="module")
def gate(shipped):
    return shipped.gate


def test_it_judges_what_is_measured(gate):
    task = GatedSegmenter(gate, side=64).learn([support(0)], seed=0)
    picture, mask = scene(1)
    there, absent = task.segment(picture), task.segment(scene(2, has_class=False)[0])
    assert iou(there.mask, mask) > 0.8
    assert there.candidate in gate.candidates
    assert there.score > 0.5
    assert there.presence > absent.presence


def test_it_is_small():
    resolved = resolve_weights("default", "fewshot-seg", "fewshot")
    assert resolved.path.stat().st_size < 12e6
    assert resolved.card.parameters == sum(count_parameters(resolved.path).values())


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="no photographs in ../shared/data/fewshot-seg")
def test_it_reaches_its_floors_on_photographs(shipped):
    method = make_method("tap", shipped)
    found = {name: [] for name in FLOORS}
    for seed, pair in enumerate(pairs(DATA, tuple(FLOORS))):
        for repeat in range(SEEDS.get(pair.name, 1)):
            mask = method.learn([pair.support], seed=1000 * repeat + seed).segment(pair.query.picture).mask
            found[pair.name].append(100 * iou(mask, pair.query.mask))
    means = {name: np.mean(values) for name, values in found.items()}
    assert all(means[name] >= floor for name, floor in FLOORS.items()), means
