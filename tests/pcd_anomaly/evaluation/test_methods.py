"""Scorers of the methods that are compared with the model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.evaluation.methods import ComparedMethods, ablation_scorer, baseline_scorer
from vision_cli.pcd_anomaly.model.files import DESCRIPTION, NUMBERS, description, numbers
from vision_cli.pcd_anomaly.pipeline.pipeline import score_by_groups


def test_two_banks_stay_apart_until_the_protocol_fuses_them(world, monkeypatch):
    for name, size in {"_CENTRES": 64, "_BANK": 50}.items():
        monkeypatch.setattr(f"vision_cli.pcd_anomaly.evaluation.baselines.{name}", size)
    seen, reference = world.said_of_good.observation, world.model.reference
    apart = baseline_scorer("reg3d", reference, "reg3d")(seen)
    together = baseline_scorer("reg3d", reference, "ours")(seen)
    assert apart.points.shape == (2, len(world.good.points))
    np.testing.assert_allclose(together.points[0], apart.points.mean(axis=0), rtol=1e-4)


def test_every_method_has_a_scorer_by_its_name(world):
    methods = ComparedMethods(("c2c", "curvature"))
    assert list(methods.scorers("bracket", world.model)) == ["c2c", "curvature"]
    assert ComparedMethods().scorers("bracket", world.model) == {}


def write_step(folder, model):
    folder.mkdir(parents=True)
    (folder / DESCRIPTION).write_text(json.dumps(description(model)))
    (folder / NUMBERS).write_bytes(numbers(model))


def test_a_step_of_the_ablation_scores_by_the_groups_of_its_own_model(world, tmp_path):
    write_step(tmp_path / "push", world.model)
    seen = world.said_of_bad.observation
    for step, agcs in (("+push", "off"), ("+AGCS", "relative")):
        found = ablation_scorer(tmp_path, step, world.model)(seen)
        expected = score_by_groups(world.model, seen, agcs)
        assert np.array_equal(found.points, expected.points, equal_nan=True)


def test_a_step_trained_on_other_prototypes_is_refused(world, tmp_path):
    reference = world.model.reference
    skeleton = replace(reference.skeleton, points=reference.skeleton.points * 1.01)
    write_step(tmp_path / "base", replace(world.model, reference=replace(reference, skeleton=skeleton)))
    with pytest.raises(InputError, match="make another reference than the model's"):
        ablation_scorer(tmp_path, "base", world.model)
