"""Training on generated and on cached clips is repeatable and resumable."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.rppg_adapt.conftest import write_clips
from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import configure
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.data.cache import LabelledWindows
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import ModelSettings
from vision_cli.rppg_adapt.options import SourceTraining
from vision_cli.rppg_adapt.training.source import GeneratedClips, train_source

SETTINGS = ModelSettings(size=16)


def train(directory, *, steps, source=None, resume=False, keep="best"):
    training = SourceTraining(
        frames=64, steps=steps, batch_size=2, learning_rate=1e-3, keep=keep, validate_every=2, save_every=1
    )
    with Run.open(directory, command="rppg-adapt train", options={}, resume=resume) as run:
        clips = source or GeneratedClips(SETTINGS, 64, 0)
        if isinstance(clips, GeneratedClips):
            # Fewer and shorter ones than a real training has.
            clips._validation = GeneratedClips(SETTINGS, 96, 7).load([0, 2, 4])
        measures = train_source(
            run, SETTINGS, training, clips, configure("cpu", 1, 0), Output(quiet=True), data="test", command="vcli"
        )
        run.finish()
    return measures


def test_generated_clips_are_repeatable_and_used_again_mirrored():
    clips = [GeneratedClips(SETTINGS, 40, 3) for _ in range(2)]
    first, second = (one.load([300, 301]) for one in clips)
    assert torch.equal(first.frames, second.frames)
    # Number 541 is the second use of the clip that was new in number 300, in another window.
    again = clips[0].load([541])
    whole, wave = clips[0]._clip(75)
    assert len(whole) == 80
    starts = [k for k in range(41) if torch.equal(wave[k : k + 40], again.waves[0])]
    assert len(starts) == 1
    assert torch.equal(again.frames[0], whole[starts[0] : starts[0] + 40].flip(2))


def test_a_training_writes_weights_that_load_and_a_card(tmp_path):
    measures = train(tmp_path / "run", steps=4)
    assert {"mae_bpm", "within_3_bpm", "score"} <= set(measures)
    model = load_model(str(tmp_path / "run/weights.safetensors"))
    assert model.settings == SETTINGS
    card = json.loads((tmp_path / "run/weights.json").read_text())
    assert card["task"] == "rppg-adapt"
    assert card["parameters"] > 80_000
    assert (card["data"], card["training_command"], card["seed"]) == ("test", "vcli", 0)
    assert card["metrics"] == {name: round(value, 5) for name, value in measures.items()}
    assert json.loads((tmp_path / "run/metrics.json").read_text()) == measures


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_weights_that_are_asked_for_are_packed_with_their_measures(tmp_path, keep):
    measures = train(tmp_path / "run", steps=4, keep=keep)
    packed, whole = (load_file(tmp_path / f"run/{name}.safetensors") for name in ("weights", keep))
    assert all(torch.equal(value, whole[name].half()) for name, value in packed.items() if value.is_floating_point())
    with (tmp_path / "run/history.csv").open() as file:
        scores = [float(row["val_score"]) for row in csv.DictReader(file) if row["val_score"]]
    assert measures["score"] == pytest.approx(max(scores) if keep == "best" else scores[-1])


def test_a_training_goes_on_from_weights(tmp_path):
    start = load_model("default")
    training = SourceTraining(frames=64, steps=1, batch_size=2, learning_rate=0.0, validate_every=1, save_every=1)
    clips = GeneratedClips(start.settings, 64, 0)
    clips._validation = GeneratedClips(start.settings, 96, 7).load([0])
    with Run.open(tmp_path / "run", command="rppg-adapt train", options={}) as run:
        compute, output = configure("cpu", 1, 0), Output(quiet=True)
        train_source(run, start.settings, training, clips, compute, output, start, data="test", command="vcli")
        run.finish()
    trained = load_model(str(tmp_path / "run/weights.safetensors")).network
    # At a rate of zero only the statistics of batches change.
    for name, parameter in start.network.named_parameters():
        assert torch.equal(trained.get_parameter(name), parameter), name


def test_a_resumed_training_ends_with_the_same_weights(tmp_path):
    train(tmp_path / "whole", steps=4)
    half = tmp_path / "half"

    class Stop(Exception):
        pass

    clips = GeneratedClips(SETTINGS, 64, 0)
    load = clips.load

    def stops(numbers):
        if numbers[0] >= 4:
            raise Stop
        return load(numbers)

    clips.load = stops
    with pytest.raises(Stop):
        train(half, steps=4, source=clips)
    train(half, steps=4, resume=True)
    one, two = (load_file(path / "last.safetensors") for path in (tmp_path / "whole", half))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_cache_is_trained_on(tmp_path):
    clips = write_clips(tmp_path)
    measures = train(tmp_path / "run", steps=2, source=LabelledWindows(clips[:3], clips[3:], 16, 64, 0))
    assert np.isfinite(measures["mae_bpm"])
