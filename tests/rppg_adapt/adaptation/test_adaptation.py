"""Adaptation uses no labels, keeps the source unless a score is higher, and is deterministic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.rppg_adapt.conftest import write_clips
from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import configure
from vision_cli.core.errors import NumericalError
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.adaptation.adaptation import AdaptationTask, adapt, adapt_to_clip
from vision_cli.rppg_adapt.options import Adaptation, LossOptions

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
        clips = write_clips(tmp_path / name, labels=labels)
        results.append(run_adaptation(tmp_path / f"{name}-run", untrained, clips)[1])
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


@pytest.mark.parametrize("update", ["all", "bn", "encoder"])
def test_only_the_weights_of_the_update_change(tmp_path, untrained, update):
    _, found = run_adaptation(tmp_path / "run", untrained, write_clips(tmp_path), update=update)
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


def test_the_source_is_kept_if_nothing_is_better(tmp_path, untrained):
    # A rate that destroys the network cannot find better weights.
    outcome, _ = run_adaptation(tmp_path / "run", untrained, write_clips(tmp_path), learning_rate=3.0)
    if outcome.kept_source:
        best = load_file(tmp_path / "run/best.safetensors")
        assert all(torch.equal(best[name], value) for name, value in untrained.network.state_dict().items())
    assert max(outcome.adapted_score, outcome.source_score) >= outcome.source_score


def test_the_loss_of_the_paper_uses_the_source_anchor_and_the_branch_score(tmp_path, untrained):
    outcome, found = run_adaptation(tmp_path / "run", untrained, write_clips(tmp_path), loss=LossOptions("paper"))
    before = untrained.network.state_dict()
    assert any(not torch.equal(found[name], value) for name, value in before.items())
    assert 0 <= outcome.source_score <= 1
    assert outcome.kept_source


def test_a_loss_that_stays_non_finite_ends_the_adaptation(tmp_path, untrained):
    loss = LossOptions(anchor=float("nan"))
    with pytest.raises(NumericalError, match="a finite number expected"):
        run_adaptation(tmp_path / "run", untrained, write_clips(tmp_path), loss=loss, steps=20)


def test_batch_statistics_of_a_single_clip_are_not_used(tmp_path, untrained):
    _, found = run_adaptation(tmp_path / "run", untrained, write_clips(tmp_path, 1), batch_size=1)
    before = untrained.network.state_dict()
    running = [name for name in found if "running" in name]
    assert running
    assert all(torch.equal(found[name], before[name]) for name in running)


def test_test_time_adaptation_is_deterministic(tmp_path, untrained):
    frames = write_clips(tmp_path, 1, frames=210)[0].frames()
    one, two = (adapt_to_clip(untrained, frames, 2) for _ in range(2))
    for name, value in one.network.state_dict().items():
        assert torch.equal(value, two.network.state_dict()[name])
    assert one.settings == untrained.settings


class Scored:
    """A score that returns its agreements by network."""

    def __init__(self, agreements):
        self.found = agreements

    def rates(self, network):
        return network

    def agreements(self, network):
        return self.found[id(network)]


@pytest.mark.parametrize(
    ("clips", "score", "change", "reason"),
    [
        (5, 0.9, 0.4, "5 clips are few; 10 or more are needed"),
        (20, 0.5, 0.4, "no adapted weights had a higher label-free score"),
        (20, 0.9, 0.02, "within its standard error"),
        (20, 0.9, 0.4, None),
    ],
)
def test_the_source_is_kept_where_the_score_proves_nothing(tmp_path, untrained, clips, score, change, reason):
    frames = [clip.frames() for clip in write_clips(tmp_path, 2, frames=150)]
    task = AdaptationTask(untrained, Adaptation(**QUICK), frames, torch.device("cpu"), 0)
    task.clip_count = clips
    before = np.linspace(0, 0.5, 20)
    after = before + change + np.tile([-0.3, 0.3], 10)
    task.score = task.agreement = Scored({id(untrained.network): after, id(task.source): before})
    found = task.reason_to_keep(untrained, 0.5, score)
    assert found is None if reason is None else reason in found


def test_few_clips_keep_the_source_and_say_so(tmp_path, untrained):
    outcome, _ = run_adaptation(tmp_path / "run", untrained, write_clips(tmp_path))
    assert outcome.reason_to_keep.startswith("4 clips are few")
    best = load_file(tmp_path / "run/best.safetensors")
    assert all(torch.equal(best[name], value) for name, value in untrained.network.state_dict().items())
