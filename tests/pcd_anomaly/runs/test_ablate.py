"""Training of the ablation: the steps that are there are not trained again."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import run
from vision_cli.core.command.console import Output
from vision_cli.core.errors import UsageError
from vision_cli.pcd_anomaly.data.layouts import DataSet, Sample
from vision_cli.pcd_anomaly.evaluation.ablation import TRAINED_STEPS, step_folder
from vision_cli.pcd_anomaly.model.files import read_model
from vision_cli.pcd_anomaly.options import Place
from vision_cli.pcd_anomaly.runs import ablate


@pytest.fixture
def trained(files, tmp_path, monkeypatch):
    """Return the steps that are trained in a run, without training them."""
    monkeypatch.setattr(ablate, "load_prototypes", lambda samples, scale: [])
    prepared = {}
    monkeypatch.setattr(ablate, "prepare", lambda *_, **given: prepared.update(given))
    monkeypatch.setattr(ablate, "complete", lambda _, options: options.head)
    monkeypatch.setattr(ablate, "numbers", lambda head: b"")
    monkeypatch.setattr(ablate, "description", lambda head: {"iun": head.iun, "steps": head.steps})
    written = {}

    def train(good=(), prototypes="ab"):
        samples = [
            Sample("bracket", name, tmp_path / f"{name}.ply", "train", False, None, None, "folder")
            for name in prototypes
        ]
        run = SimpleNamespace(directory=tmp_path, output=lambda name: Discarded(), write_json=written.__setitem__)
        data = DataSet(tmp_path, "folder", tuple(samples))
        models = {"bracket": files.run / "models" / "bracket"}
        ablate.train_ablation(run, data, models, Place(), 1.0, 0, Output(quiet=True), good)
        return written

    train.prepared = prepared

    return train


class Discarded:
    """An output of a run that is not kept."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def write_bytes(self, content):
        return len(content)


def test_every_step_is_trained_with_its_losses(trained):
    found = trained()
    assert list(found) == [f"ladder/bracket/{step_folder(step)}/model.json" for step in TRAINED_STEPS]
    assert found["ladder/bracket/base/model.json"]["steps"] == 0
    assert found["ladder/bracket/iun/model.json"]["iun"]


def test_a_step_that_is_there_is_not_trained_again(trained, tmp_path):
    (tmp_path / "ladder" / "bracket" / "iun").mkdir(parents=True)
    (tmp_path / "ladder" / "bracket" / "iun" / "model.json").touch()
    assert "ladder/bracket/iun/model.json" not in trained()


def test_good_scans_take_part_in_every_step(trained, files):
    trained([files.scans / "good 0.ply"])
    (scan,) = trained.prepared["good"]
    np.testing.assert_allclose(scan.points, files.good)


def test_a_model_that_knows_good_scans_asks_for_them(trained, files, monkeypatch):
    model = read_model(files.run / "models" / "bracket")
    monkeypatch.setattr(ablate, "read_model", lambda *_: replace(model, limit=replace(model.limit, is_guess=False)))
    with pytest.raises(UsageError, match="bracket was trained with --good; the same good scans expected"):
        trained(prototypes="a")


def test_good_scans_without_an_ablation_are_refused(files, capfd):
    words = ("--train", files.scans / "good 0.ply", "--test", files.scans, "--good", files.scans)
    assert run("evaluate", files.run, *words, "-o", files.run.parent / "not made") == 2
    assert "--good without --ablate found" in capfd.readouterr().err
