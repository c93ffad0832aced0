"""Weights come from where they were asked for, whole, and as safetensors only."""

from __future__ import annotations

import json
import pickle

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.numpy import save_file

from vision_cli.core import files, weights
from vision_cli.core.errors import InputError, MissingError
from vision_cli.core.weights import resolve_weights, shipped_weights, verify

CARD = {
    "task": "tiny",
    "parameters": 3,
    "data": "made up",
    "training_command": "vcli tiny train",
    "seed": 0,
    "metrics": {"dice_mean": 0.5, "steps": 100},
    "licence": "Apache-2.0",
}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A directory of shipped weights: a network of two dimensions and one of three."""
    directory = tmp_path / "shipped"
    directory.mkdir()
    for name in ("net-2d", "net-3d"):
        file = directory / f"{name}.safetensors"
        save_file({"weight": np.zeros(3, np.float32), name: np.zeros(1)}, file)
        write_card(directory, name, sha256=files.sha256(file))
    monkeypatch.setattr(weights, "_SHIPPED", directory)
    monkeypatch.setattr(weights.shipped_weights, "__defaults__", (directory,))
    return directory


def write_card(directory, name, **changed):
    card = {**CARD, "sha256": "0" * 64, **changed}
    text = json.dumps({key: value for key, value in card.items() if value is not None})
    (directory / f"{name}.json").write_text(text, encoding="utf-8")


def test_cards_are_read_by_name(shipped):
    first, second = shipped_weights(shipped)
    assert (first.name, second.name) == ("net-2d", "net-3d")
    assert first.path == shipped / "net-2d.safetensors"
    assert first.metrics == {"dice_mean": 0.5, "steps": 100}
    assert verify(first)


def test_no_weights_at_all_are_no_cards(tmp_path):
    assert shipped_weights(tmp_path / "absent") == []


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"task": None}, "task: Field required"),
        ({"parameters": "many"}, "parameters: Input should be a valid integer"),
        ({"metrics": {"dice": "good"}}, r"metrics\.dice: Input should be a valid number"),
        ({"comment": "new"}, "comment: "),
    ],
    ids=["missing", "type", "nested type", "unknown"],
)
def test_a_damaged_card_is_named_with_its_field(shipped, changed, match):
    write_card(shipped, "net-3d", **changed)
    with pytest.raises(InputError, match=rf"net-3d\.json: damaged card \({match}"):
        shipped_weights(shipped)


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_a_card_that_is_no_card_is_refused(shipped, text):
    (shipped / "net-3d.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"net-3d\.json: damaged card"):
        shipped_weights(shipped)


def test_default_means_the_shipped_weights_of_the_task(shipped):
    assert resolve_weights("default", "tiny").card.name == "net-2d"
    resolved = resolve_weights("default", "tiny", "net-3d")
    assert resolved.path == shipped / "net-3d.safetensors"
    assert resolved.sha256 == resolved.card.sha256 == files.sha256(resolved.path)


def test_a_task_without_shipped_weights_says_so(shipped):
    with pytest.raises(MissingError, match="other: no weights are shipped") as caught:
        resolve_weights("default", "other")
    assert "--weights" in caught.value.hint
    with pytest.raises(MissingError, match="tiny net-4d: no weights are shipped"):
        resolve_weights("default", "tiny", "net-4d")


@pytest.mark.parametrize(
    "damage", [lambda file: file.write_bytes(b"x"), lambda file: file.unlink()], ids=["altered", "absent"]
)
def test_altered_shipped_weights_are_not_used(shipped, damage):
    damage(shipped / "net-2d.safetensors")
    assert not verify(shipped_weights(shipped)[0])
    with pytest.raises(InputError, match=r"net-2d\.safetensors: altered or missing"):
        resolve_weights("default", "tiny")


def test_a_file_is_taken_as_it_is(tmp_path):
    path = tmp_path / "own.safetensors"
    save_file({"weight": np.ones(2, np.float32)}, path)
    resolved = resolve_weights(str(path), "tiny")
    assert (resolved.path, resolved.sha256, resolved.card) == (path, files.sha256(path), None)


@pytest.mark.parametrize("name", ["own.pt", "own.safetensors"])
def test_a_pickle_is_never_opened_under_any_name(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps({"weight": [1.0]}))
    with pytest.raises(InputError, match=r"not of the safetensors format .*; safetensors expected"):
        resolve_weights(str(tmp_path / name), "tiny")


@pytest.mark.parametrize("choice", ["absent.safetensors", "no-such-directory/own.safetensors", "a/b/c", "/absent"])
def test_a_file_that_is_not_there_is_missing(choice):
    with pytest.raises(MissingError, match="no such file"):
        resolve_weights(choice, "tiny")


def test_a_mistyped_file_in_a_directory_is_not_asked_of_a_hub(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingError, match="models/own: no such file"):
        resolve_weights("models/own", "tiny")


@pytest.mark.parametrize(("choice", "revision"), [("someone/net-v1.5", None), ("someone/net@abc123", "abc123")])
def test_weights_of_a_hub_are_fetched_at_their_revision(tmp_path, monkeypatch, choice, revision):
    path = tmp_path / "model.safetensors"
    save_file({"weight": np.ones(2, np.float32)}, path)
    calls = []

    def download(repository, name, revision):
        calls.append((repository, name, revision))
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert resolve_weights(choice, "tiny").sha256 == files.sha256(path)
    assert calls == [(choice.partition("@")[0], "model.safetensors", revision)]


def test_a_hub_out_of_reach_says_what_to_do(monkeypatch):
    def fail(*_, **__):
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(MissingError, match=r"cannot be fetched \(LocalEntryNotFoundError\)") as caught:
        resolve_weights("someone/net", "tiny")
    assert "download its model.safetensors" in caught.value.hint
