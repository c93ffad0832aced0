"""Scores without labels are higher for right networks, and zero for collapsed ones."""

from __future__ import annotations

import torch

from tests.rppg_adapt.conftest import ConstantNetwork, GreenNetwork, pulsing_clip, write_clips
from vision_cli.rppg_adapt.adaptation.adaptation import TIME_FACTORS
from vision_cli.rppg_adapt.adaptation.selection import AgreementScore, BranchScore


def segments(tmp_path, count=3):
    return [clip.frames() for clip in write_clips(tmp_path, count, frames=201)]


def test_a_collapsed_network_has_no_score(tmp_path, untrained):
    score = AgreementScore(segments(tmp_path), untrained.settings, torch.device("cpu"))
    assert score(ConstantNetwork()) == 0
    assert score(GreenNetwork()) > 0.2


def test_a_network_that_disagrees_with_training_free_methods_scores_less(tmp_path, untrained):
    class Twice(torch.nn.Module):
        """Reads twice the rate, as clearly and as consistently as the rate itself."""

        def forward(self, x):
            wave = x[:, 1].mean((2, 3)).cumsum(-1)
            return (wave - wave.mean(-1, keepdim=True)) ** 2

    score = AgreementScore(segments(tmp_path), untrained.settings, torch.device("cpu"))
    assert score(Twice()) < 0.5 * score(GreenNetwork())


def branch_score(parts, settings, source):
    return BranchScore(AgreementScore(parts, settings, torch.device("cpu")), source, TIME_FACTORS)


def test_branches_that_agree_score_more_than_those_that_do_not(untrained):
    parts = [pulsing_clip(bpm) for bpm in (60, 80, 100)]

    class Stuck(torch.nn.Module):
        """Reads its clip, and of every view that runs at another speed the same wave."""

        def forward(self, x):
            wave = x[:, 1].mean((2, 3))
            full = x.shape[2] == 300
            return wave if full else torch.sin(2 * torch.pi * 2.9 * torch.arange(x.shape[2]) / 30)[None]

    score = branch_score(parts, untrained.settings, GreenNetwork())
    assert score(GreenNetwork()) > 0.9
    assert score(Stuck()) < score(GreenNetwork())
    assert score(ConstantNetwork()) == 0


def test_branches_that_agree_on_a_rate_that_training_free_methods_contradict_have_no_score(untrained):
    class Twice(torch.nn.Module):
        """Reads twice the rate, in every view."""

        def forward(self, x):
            wave = x[:, 1].mean((2, 3)).cumsum(-1)
            return torch.diff((wave - wave.mean(-1, keepdim=True)) ** 2, append=torch.zeros(len(x), 1))

    score = branch_score([pulsing_clip(bpm) for bpm in (60, 70, 80)], untrained.settings, GreenNetwork())
    assert score(GreenNetwork()) > 0.9
    assert score(Twice()) == 0
