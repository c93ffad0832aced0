"""Adaptation looks at no labels, does no harm, and repeats itself to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from tests.rppg_adapt.training.test_source import cached
from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import configure
from vision_cli.core.errors import InputError, NumericalError
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.adaptation import agreement
from vision_cli.rppg_adapt.adaptation.adaptation import FACTORS, adapt, adapt_to_clip
from vision_cli.rppg_adapt.adaptation.anchors import SourceAnchor, WitnessedAnchor
from vision_cli.rppg_adapt.adaptation.selection import BranchScore, WitnessScore
from vision_cli.rppg_adapt.adaptation.windows import UnlabelledClips, Window
from vision_cli.rppg_adapt.options import Adaptation, LossOptions
from vision_cli.rppg_adapt.training.losses import integrated, power_spectra

QUICK = {"frames": 64, "steps": 3, "batch_size": 2, "validate_every": 1}


def run_adaptation(directory, model, clips, **changes):
    with Run.open(directory, command="rppg-adapt adapt", options={}) as run:
        outcome = adapt(run, model, clips, Adaptation(**QUICK | changes), configure("cpu", 1, 0), Output(quiet=True))
        run.finish()
    return outcome, load_file(directory / "last.safetensors")


def test_deleting_the_labels_changes_no_bit_of_the_weights(tmp_path, untrained):
    results = []
    for name, labels in (("with", True), ("without", False)):
        (tmp_path / name).mkdir()
        clips = cached(tmp_path / name, labels=labels)
        results.append(run_adaptation(tmp_path / f"{name}-run", untrained, clips)[1])
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


@pytest.mark.parametrize("update", ["all", "bn", "encoder"])
def test_only_what_is_asked_for_changes(tmp_path, untrained, update):
    _, found = run_adaptation(tmp_path / "run", untrained, cached(tmp_path), update=update)
    before = untrained.network.state_dict()
    changed = {name for name in found if not torch.equal(found[name], before[name]) and "num_batches" not in name}
    weights = {name for name in changed if "running" not in name}
    assert weights
    if update == "bn":
        # Normalisations stand second and last in their blocks; convolutions are of more than one axis.
        assert all(found[name].ndim == 1 for name in weights)
        assert "decoder.3.bias" not in weights
    if update == "encoder":
        assert not any(name.startswith(("decoder", "mixer")) for name in weights)


def test_the_source_is_kept_where_nothing_is_better(tmp_path, untrained):
    # A rate that destroys the network cannot find better weights.
    outcome, _ = run_adaptation(tmp_path / "run", untrained, cached(tmp_path), learning_rate=3.0)
    if outcome.kept_source:
        best = load_file(tmp_path / "run/best.safetensors")
        assert all(torch.equal(best[name], value) for name, value in untrained.network.state_dict().items())
    assert max(outcome.adapted_score, outcome.source_score) >= outcome.source_score


def windows(tmp_path, count=3):
    return [clip.frames() for clip in cached(tmp_path, count, frames=201)]


class Constant(torch.nn.Module):
    """A network that always reads 90 bpm."""

    def forward(self, x):
        t = torch.arange(x.shape[2]) / 30
        return torch.sin(2 * torch.pi * 1.5 * t)[None].repeat(len(x), 1)


class Green(torch.nn.Module):
    """A network that reads the mean change of green."""

    def forward(self, x):
        return x[:, 1].mean((2, 3))


def test_a_collapsed_network_has_no_score(tmp_path, untrained):
    score = WitnessScore(windows(tmp_path), untrained.settings, torch.device("cpu"))
    assert score(Constant()) == 0
    assert score(Green()) > 0.2


def test_a_network_that_witnesses_contradict_scores_less(tmp_path, untrained):
    class Twice(torch.nn.Module):
        """Reads twice the rate, as clearly and as consistently as the rate itself."""

        def forward(self, x):
            wave = x[:, 1].mean((2, 3)).cumsum(-1)
            return (wave - wave.mean(-1, keepdim=True)) ** 2

    score = WitnessScore(windows(tmp_path), untrained.settings, torch.device("cpu"))
    assert score(Twice()) < 0.5 * score(Green())


@given(st.integers(30, 400), st.integers(20, 200), st.integers(20, 300), st.data())
def test_a_window_lies_in_its_context_and_both_in_their_clip(frames, length, context, data):
    clip = np.arange(max(frames, length), dtype=np.uint16)[:, None, None, None]
    start = data.draw(st.integers(0, len(clip) - length))
    window = Window.of(clip, start, length, context)
    assert np.array_equal(window.frames, clip[start : start + length])
    assert np.array_equal(window.context[window.start : window.start + length], window.frames)
    assert len(window.context) == min(max(context, length), len(clip))


class Fixed(torch.nn.Module):
    """A network that reads the same waves whatever it sees."""

    def __init__(self, waves):
        super().__init__()
        self.waves = waves

    def forward(self, x):
        return self.waves


def test_a_window_is_held_to_what_the_surest_method_reads_of_all_that_lies_about_it(tmp_path, untrained):
    frames = cached(tmp_path, 1, frames=300)[0].frames()
    window = Window.of(frames, 40, 160, 300)
    told = agreement.Testimony.of(frames, 30.0)
    method, rate, sure = told.surest()
    t = torch.arange(160) / 30
    right, wrong = (torch.cos(2 * torch.pi * (rate.bpm + off) / 60 * t)[None] for off in (0, 25))
    original = torch.from_numpy(np.stack([window.frames] * 2))
    anchor = WitnessedAnchor(Fixed(torch.cat([wrong, right])), untrained.settings)([window] * 2, original)
    # A pure wave is no proof; a source model that reads another rate has no say.
    assert np.allclose(anchor.waves[0], told.derivative(method)[40:200], atol=1e-6)
    assert torch.equal(anchor.waves[1], right[0])
    assert anchor.sureness.tolist() == pytest.approx([sure, sure])


def pulsing(bpm, frames=300, size=8):
    """A clip whose green follows a pulse, ``(T, S, S, 3)``."""
    wave = 100 + 20 * np.sin(2 * np.pi * bpm / 60 * np.arange(frames) / 30)
    return np.repeat(np.rint(wave).astype(np.uint8), size * size * 3).reshape(frames, size, size, 3)


class SlowGreen(Green):
    """A network that was trained on hearts of up to 120 bpm: of faster ones it reads noise."""

    def forward(self, x):
        wave = super().forward(x)
        spectrum = power_spectra(integrated(wave), 30.0)
        bpm = 60 * spectrum.frequencies[spectrum.power.argmax(-1)]
        noise = torch.randn(wave.shape, generator=torch.Generator().manual_seed(0)) * wave.std()
        return torch.where(bpm[:, None] <= 120, wave, noise)


@pytest.mark.parametrize("bpm", [72, 108, 156])
def test_a_source_model_is_asked_at_the_speed_at_which_it_is_surest(untrained, bpm):
    window = Window.of(pulsing(bpm), 40, 160, 300)
    original = torch.from_numpy(window.frames)[None]
    anchor = SourceAnchor(SlowGreen(), untrained.settings)([window], original)
    frequencies = power_spectra(torch.randn(1, 160), 30.0).frequencies
    assert anchor.power.sum().item() == pytest.approx(1, abs=1e-4)
    assert 60 * frequencies[anchor.power[0].argmax()].item() == pytest.approx(bpm, abs=2)
    assert anchor.sureness.item() > 0.5
    assert anchor.waves is None


def branch_score(parts, settings, source):
    return BranchScore(WitnessScore(parts, settings, torch.device("cpu")), source, FACTORS)


def test_branches_that_agree_score_more_than_those_that_do_not(untrained):
    parts = [pulsing(bpm) for bpm in (60, 80, 100)]

    class Stuck(torch.nn.Module):
        """Reads its clip, and of every view that runs at another speed the same wave."""

        def forward(self, x):
            wave = x[:, 1].mean((2, 3))
            full = x.shape[2] == 300
            return wave if full else torch.sin(2 * torch.pi * 2.9 * torch.arange(x.shape[2]) / 30)[None]

    score = branch_score(parts, untrained.settings, Green())
    assert score(Green()) > 0.9
    assert score(Stuck()) < score(Green())
    assert score(Constant()) == 0


def test_branches_that_agree_on_what_witnesses_contradict_have_no_score(untrained):
    class Twice(torch.nn.Module):
        """Reads twice the rate, in every view."""

        def forward(self, x):
            wave = x[:, 1].mean((2, 3)).cumsum(-1)
            return torch.diff((wave - wave.mean(-1, keepdim=True)) ** 2, append=torch.zeros(len(x), 1))

    score = branch_score([pulsing(bpm) for bpm in (60, 70, 80)], untrained.settings, Green())
    assert score(Green()) > 0.9
    assert score(Twice()) == 0


def test_the_loss_of_the_paper_is_held_to_the_source_and_chosen_by_its_branches(tmp_path, untrained):
    outcome, found = run_adaptation(tmp_path / "run", untrained, cached(tmp_path), loss=LossOptions("paper"))
    before = untrained.network.state_dict()
    assert any(not torch.equal(found[name], value) for name, value in before.items())
    assert 0 <= outcome.source_score <= 1
    assert outcome.kept_source == (not outcome.adapted_score > outcome.source_score)


def test_a_loss_that_stays_no_number_ends_the_adaptation(tmp_path, untrained):
    loss = LossOptions(anchor=float("nan"))
    with pytest.raises(NumericalError, match="a finite number expected"):
        run_adaptation(tmp_path / "run", untrained, cached(tmp_path), loss=loss, steps=20)


def test_statistics_of_a_single_clip_are_not_taken(tmp_path, untrained):
    _, found = run_adaptation(tmp_path / "run", untrained, cached(tmp_path, 1), batch_size=1)
    before = untrained.network.state_dict()
    running = [name for name in found if "running" in name]
    assert running
    assert all(torch.equal(found[name], before[name]) for name in running)


def test_a_clip_is_adapted_to_before_it_is_read(tmp_path, untrained):
    frames = cached(tmp_path, 1, frames=210)[0].frames()
    one, two = (adapt_to_clip(untrained, frames, 2) for _ in range(2))
    for name, value in one.network.state_dict().items():
        assert torch.equal(value, two.network.state_dict()[name])
    assert one.settings == untrained.settings


def test_no_clips_are_refused():
    with pytest.raises(InputError, match="no clip to adapt to"):
        UnlabelledClips([], 64, 64, 0)
