"""`vcli weights` lists what is shipped and notices what was altered."""

from __future__ import annotations

import json

import pytest

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.compute.weights import WeightCard, shipped_weights
from vision_cli.core.runs import files
from vision_cli.housekeeping import weights


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A weight file with its card, as the only one that is shipped; returns the file."""
    path = tmp_path / "tiny.safetensors"
    path.write_bytes(b"weights")
    card = WeightCard(
        name="tiny",
        task="tiny",
        parameters=7,
        data="made up",
        training_command="vcli tiny train",
        seed=0,
        metrics={"dice_mean": 0.5},
        licence="Apache-2.0",
        sha256=files.sha256(path),
        path=path,
    )
    monkeypatch.setattr(weights, "shipped_weights", lambda: [card])
    return path


def test_the_list_says_how_weights_were_made(shipped, capsys):
    assert launch(app, ["weights", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["tiny"]
    assert listed["training_command"] == "vcli tiny train"
    assert listed["metrics"] == {"dice_mean": 0.5}
    assert listed["path"] == str(shipped)


def test_whole_weights_pass(shipped, capsys):
    assert launch(app, ["weights", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"tiny": True}


def test_altered_weights_are_found(shipped, capsys):
    shipped.write_bytes(b"altered")
    assert launch(app, ["weights", "verify"]) == 3
    assert "tiny: altered or missing" in capsys.readouterr().err


def test_the_weights_of_this_version_are_whole(capsys):
    assert launch(app, ["weights", "verify", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {card.name for card in shipped_weights()}
