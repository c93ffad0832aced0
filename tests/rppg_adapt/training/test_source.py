"""Training on generated and on cached clips: repeatable, resumable, and better than nothing."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.rppg_adapt.conftest import make_traces
from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import configure
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.data.cache import CachedClip, CachedClips, Label, read_cache, split_subjects, write_clip
from vision_cli.rppg_adapt.networks.files import ModelSettings, load_model
from vision_cli.rppg_adapt.options import SourceTraining
from vision_cli.rppg_adapt.training.source import GeneratedClips, train_source

SETTINGS = ModelSettings(size=16)


def cached(directory, count=4, frames=100, *, labels=True, size=16):
    """Write clips of a face without features that pulses, each of a subject of its own."""
    clips = []
    for k in range(count):
        traces, wave = make_traces(60 + 15 * k, frames / 30, seed=k)
        rng = np.random.default_rng(k)
        texture = rng.uniform(0.9, 1.1, (size, size, 1))
        pixels = traces[:, None, None] * texture + rng.normal(0, 1, (frames, size, size, 3))
        arrays = {"frames": np.clip(np.rint(pixels), 0, 255).astype(np.uint8), "traces": traces}
        if labels:
            arrays["bvp"] = wave
        path = directory / f"c{k}.npz"
        write_clip(path, arrays, {"id": f"c{k}"})
        clips.append(CachedClip(f"c{k}", f"s{k}", path, 30.0, frames, {"skin_color": "light" if k % 2 else "dark"}))
    return clips


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


def test_cached_clips_are_windows_with_their_waves(tmp_path):
    clips = cached(tmp_path)
    source = CachedClips(clips[:3], clips[3:], 16, 64, 0)
    batch = source.load([0, 1, 2])
    assert batch.frames.shape == (3, 64, 16, 16, 3)
    # The window of a clip has the window of its wave: green falls where there is blood.
    green = batch.frames[..., 1].float().mean((2, 3)).numpy()
    for trace, wave in zip(green, batch.waves.numpy(), strict=True):
        assert np.corrcoef(np.diff(trace), np.diff(wave))[0, 1] < -0.3
    assert not torch.equal(source.load([3, 4, 5]).frames, batch.frames)
    assert source.validation().frames.shape[0] == 1


def test_a_cache_is_trained_on(tmp_path):
    clips = cached(tmp_path)
    measures = train(tmp_path / "run", steps=2, source=CachedClips(clips[:3], clips[3:], 16, 64, 0))
    assert np.isfinite(measures["mae_bpm"])


def test_clips_without_labels_cannot_be_trained_on(tmp_path):
    clips = cached(tmp_path, 1, labels=False)
    with pytest.raises(InputError, match=r"c0\.npz: no labels; a true wave expected"):
        CachedClips(clips, [], 16, 64, 0)


def test_clips_shorter_than_a_window_are_refused(tmp_path):
    clips = cached(tmp_path, 1, frames=70)
    with pytest.raises(InputError, match=r"70 frames; 80 or more expected"):
        CachedClips(clips, [], 16, 80, 0)


def test_no_subject_is_on_both_sides_of_a_split(tmp_path):
    clips = [CachedClip(f"c{k}", f"s{k // 3}", tmp_path, 30, 9) for k in range(30)]
    one, two = split_subjects(clips, 0.7, 0)
    assert {c.subject for c in one}.isdisjoint(c.subject for c in two)
    assert len({c.subject for c in one}) == 7
    assert len(one) + len(two) == 30


def test_labels_follow_the_clock():
    label = Label(np.arange(0, 20, 0.1), np.sin(np.arange(0, 20, 0.1)))
    np.testing.assert_allclose(label.at(np.array([3.05, 7.0]), "x"), np.sin([3.05, 7.0]), atol=1e-2)


@pytest.mark.parametrize(
    ("times", "wave", "message"),
    [
        (np.arange(10.0), np.arange(9.0), "10 times and 9 values"),
        (np.arange(10.0), np.full(10, np.nan), "10 values are no numbers"),
        (np.arange(10.0), np.full(10, 4.0), "the wave is constant at 4"),
    ],
)
def test_labels_that_cannot_be_are_refused(times, wave, message):
    with pytest.raises(InputError, match=message):
        Label(times, wave).checked("x")


def test_labels_of_another_clock_are_refused():
    label = Label(np.arange(0, 10, 0.1), np.sin(np.arange(0, 10, 0.1)))
    with pytest.raises(InputError, match=r"labels from 0\.0 to 9\.9 s cover 50 % of the video"):
        label.at(np.linspace(0, 20, 200), "x")


def test_a_cache_needs_its_index_and_its_files(tmp_path):
    with pytest.raises(InputError, match=r"no index\.csv in it; a cache expected"):
        read_cache(tmp_path)
    (tmp_path / "index.csv").write_text("id,file,subject,fps,frames\na,a.npz,s,30,10\n")
    with pytest.raises(InputError, match=r"a\.npz: named in .* but missing"):
        read_cache(tmp_path)
