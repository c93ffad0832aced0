"""`rppg-adapt train` from a cache: on several processes as on one; what it goes on from."""

from __future__ import annotations

import csv
import json
import re

import pytest
import torch
from safetensors.torch import load_file

from tests.processes import as_ranks
from tests.rppg_adapt.conftest import embedded_pictures, read_json, report_verdict, vcli, write_clips
from vision_cli.core.errors import UsageError
from vision_cli.rppg_adapt.networks.model import ModelSettings
from vision_cli.rppg_adapt.options import NetworkChoice, SourceTraining
from vision_cli.rppg_adapt.runs.train import choose_settings, find_clips


def write_cache(directory):
    """Write a cache of four clips of four subjects."""
    directory.mkdir()
    lines = ["id,file,subject,fps,frames"]
    lines += [f"{clip.id},{clip.path.name},{clip.subject},30.0,{clip.count}" for clip in write_clips(directory)]
    (directory / "index.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return directory


def history(run):
    with (run / "history.csv").open(encoding="utf-8", newline="") as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream)]


@pytest.mark.slow
def test_two_processes_train_what_one_trains(tmp_path):
    cache = write_cache(tmp_path / "cache")
    words = ["-m", "vision_cli", "rppg-adapt", "train", cache, "--size", 16, "--frames", 64, "--steps", 3]
    # At a greater rate Adam makes steps of the rounding errors of gradients that are nearly nothing.
    words += ["--lr", 1e-5, "--batch-size", 4, "--device", "cpu", "--threads", 1, "--json"]
    codes, shown, said = as_ranks(*words, "-o", tmp_path / "two")
    assert codes == [0, 0], said
    assert json.loads(shown[0])["mae_bpm"] >= 0
    assert shown[1] == ""
    codes, _, said = as_ranks(*words, "-o", tmp_path / "one", count=1)
    assert codes == [0], said
    assert json.loads((tmp_path / "two/run.json").read_text(encoding="utf-8"))["status"] == "done"
    assert history(tmp_path / "two") == pytest.approx(history(tmp_path / "one"), rel=1e-5)
    one, two = (load_file(tmp_path / name / "last.safetensors") for name in ("one", "two"))
    assert list(one) == list(two)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)
    # A directory that holds a run ends both, and none of them waits.
    codes, _, said = as_ranks(*words, "-o", tmp_path / "two")
    assert codes == [2, 75], said
    # Of an adaptation the batch is part of the loss.
    codes, _, said = as_ranks(*words[:3], "adapt", cache, "-o", tmp_path / "adapted")
    assert codes == [2, 2], said
    assert "started as 2 processes; it works as one." in said[0]


def test_a_training_goes_on_from_weights_and_its_report_compares_both(generated, trained, tmp_path):
    start, more = trained / "weights.safetensors", tmp_path / "more"
    words = ("--val-fraction", 0.3, "--frames", 64, "--steps", 2, "--batch-size", 2, "-q")
    assert vcli("train", generated / "cache", "--weights", start, *words, "-o", more) == 0
    card = read_json(more / "weights.json")
    first, after = (read_json(one / "metrics.json")["mae_bpm"] for one in (trained, more))
    said = report_verdict(more)[1]
    assert re.match(rf"Mean error on the held-out clip: \d+\.\d bpm before, {after:.1f} bpm after; ", said)
    assert report_verdict(trained)[1].startswith(f"Mean error on the held-out clip: {first:.1f} bpm; ")
    assert [embedded_pictures(one) for one in (trained, more)] == [1, 1]
    assert card["data"].endswith(f"from weights {read_json(trained / 'weights.json')['sha256']}")
    assert "--weights weights.safetensors" in card["training_command"]


def test_the_settings_are_those_that_are_chosen_or_those_of_the_weights(untrained):
    assert choose_settings(NetworkChoice(), None) == ModelSettings("lite", 36, 30.0, "diff")
    assert choose_settings(NetworkChoice("physnet"), None) == ModelSettings("physnet", 72)
    assert choose_settings(NetworkChoice("physnet", "standard", 32), None) == ModelSettings(
        "physnet", 32, 30.0, "standard"
    )
    assert choose_settings(NetworkChoice(), untrained) == untrained.settings
    with pytest.raises(UsageError, match="--weights with --backbone"):
        choose_settings(NetworkChoice(size=36), untrained)


def test_the_steps_follow_from_the_passes_over_the_clips_that_are_not_held_out(tmp_path):
    training = SourceTraining(val_fraction=0.25, frames=64, epochs=4, batch_size=2)
    data = find_clips(write_cache(tmp_path / "cache"), "all", ModelSettings(size=16), training, 0)
    assert (data.count, data.description) == (3, "3 clips of cache")
    assert training.steps_over(data.count) == 6
    assert SourceTraining(steps=5).steps_over(data.count) == 5
    generated = find_clips(None, "easy", ModelSettings(size=16), training, 0)
    assert (generated.count, generated.description) == (None, "generated clips of the preset easy")
    assert training.steps_over(None) == 2000
