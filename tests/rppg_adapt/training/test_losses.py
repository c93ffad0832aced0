"""FWD is the Wasserstein distance that POT computes, and the losses do what their terms say."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import torch

from vision_cli.rppg_adapt.networks.tstc import BranchWaves
from vision_cli.rppg_adapt.options import LossOptions
from vision_cli.rppg_adapt.training.losses import (
    AdaptationLoss,
    Anchor,
    SourceLoss,
    correlation,
    distance,
    fwd,
    integrated,
    power_spectra,
    pulse_prior,
    push_forward,
)

FPS = 30.0


def random_spectra(batch=6, bins=120, seed=0):
    generator = torch.Generator().manual_seed(seed)
    p, q = torch.rand(2, batch, bins, generator=generator, dtype=torch.float64) ** 4
    return p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)


def tones(*bpm, seconds=10.0, noise=0.0):
    t = torch.arange(round(seconds * FPS), dtype=torch.float64) / FPS
    waves = torch.stack([torch.sin(2 * torch.pi * b / 60 * t + 0.4) for b in bpm])
    return waves + noise * torch.randn(waves.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def by_emd(p, q, step):
    places = np.arange(p.shape[-1]) * step
    costs = torch.from_numpy(np.abs(places[:, None] - places[None]))
    return torch.stack([ot.emd2(a, b, costs) for a, b in zip(p, q, strict=True)])


def test_fwd_is_pots_exact_transport():
    p, q = random_spectra()
    torch.testing.assert_close(fwd(p, q, 0.02), by_emd(p, q, 0.02), atol=1e-6, rtol=0)


def test_gradients_of_fwd_are_those_of_exact_transport():
    grads = []
    for solve in (lambda p, q: fwd(p, q, 0.02), lambda p, q: by_emd(p, q, 0.02)):
        waves = tones(70, 95, noise=0.3).requires_grad_()
        spectra = power_spectra(waves, FPS)
        solve(spectra.power, power_spectra(tones(60, 120, noise=0.3), FPS).power).sum().backward()
        grads.append(waves.grad.flatten())
    assert float(torch.cosine_similarity(*grads, dim=0)) >= 0.99999


@pytest.mark.parametrize("order", [1, 2, 3])
def test_both_solvers_agree(order):
    p, q = random_spectra()
    ours, theirs = (fwd(p, q, 0.02, order=order, solver=s) for s in ("cdf", "pot"))
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


def test_tones_of_60_and_90_bpm_are_30_bpm_apart():
    spectra = power_spectra(tones(60, 90, seconds=20), FPS)
    found = 60 * fwd(spectra.power[:1], spectra.power[1:], spectra.step)
    assert float(found) == pytest.approx(30, abs=0.3)


def test_fwd_is_a_metric():
    p, q = random_spectra()
    r = random_spectra(seed=5)[0]
    assert (fwd(p, p, 0.02) == 0).all()
    torch.testing.assert_close(fwd(p, q, 0.02), fwd(q, p, 0.02))
    assert (fwd(p, r, 0.02) <= fwd(p, q, 0.02) + fwd(q, r, 0.02) + 1e-12).all()


def test_spectra_are_distributions_on_the_band():
    spectra = power_spectra(tones(72), FPS)
    assert float(spectra.power.sum()) == pytest.approx(1)
    assert spectra.step <= 1 / 60 + 1e-9
    assert float(spectra.frequencies[0]) >= 0.5 - 1e-6
    assert float(spectra.frequencies[-1]) <= 3.5 + 1e-6


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_pushing_forward_moves_the_peak_by_the_factor(factor):
    spectra = power_spectra(tones(90, seconds=20), FPS)
    moved = push_forward(spectra, torch.tensor([factor]))
    assert 60 * float(spectra.frequencies[moved.argmax()]) == pytest.approx(90 * factor, abs=1.1)
    assert float(moved.sum()) == pytest.approx(1)


def test_integrating_a_derivative_gives_the_wave():
    wave = tones(72, seconds=15)
    derivative = torch.diff(wave, append=wave[:, -1:])
    # The sum up to a step is the wave at the next.
    assert float(correlation(integrated(derivative)[:, :-1], wave[:, 1:])) > 0.98


def test_the_source_loss_is_least_for_the_truth():
    wave = tones(72, 100, seconds=6)
    right = torch.diff(wave, append=wave[:, -1:])
    wrong = torch.diff(tones(130, 60, seconds=6), append=torch.zeros(2, 1))
    good, bad = (SourceLoss(FPS)(one, wave) for one in (right, wrong))
    assert float(good["disagreement"]) < 0.02
    assert float(good["fwd_bpm"]) < 8
    assert float(good["loss"]) < float(bad["loss"]) - 1
    assert float(bad["fwd_bpm"]) > 20


def branches(original, spatial, temporal, factor):
    waves = (tones(bpm, bpm + 10, noise=0.05).float() for bpm in (original, spatial, temporal))
    derivatives = [torch.diff(wave, append=wave[:, -1:]) for wave in waves]
    return BranchWaves(*derivatives, torch.full((2,), factor))


def held_to(waves):
    return Anchor.of(waves, torch.ones(len(waves)), FPS)


def test_branches_that_agree_cost_little():
    loss = AdaptationLoss.of(LossOptions("paper", anchor=0.0), FPS)
    agree = branches(80, 80, 100, 1.25)
    # The second wave of each pair must run 1.25 times faster, too.
    agree = BranchWaves(agree.original[:1], agree.spatial[:1], agree.temporal[:1], agree.factors[:1])
    stuck = branches(80, 80, 80, 1.25)
    stuck = BranchWaves(stuck.original[:1], stuck.spatial[:1], stuck.temporal[:1], stuck.factors[:1])
    good, bad = (loss(one, held_to(one.original)) for one in (agree, stuck))
    assert float(good["temporal"]) < 0.5 * float(bad["temporal"])
    assert set(good) == {"loss", "spatial", "temporal"}


def test_the_anchor_pulls_to_what_is_sure():
    one, other = branches(80, 80, 100, 1.25), branches(120, 1, 1, 1).original
    near, far = (AdaptationLoss()(one, held_to(waves))["anchor"] for waves in (one.original, other))
    unsure = AdaptationLoss()(one, Anchor.of(other, torch.zeros(2), FPS))["anchor"]
    assert float(near) == pytest.approx(0, abs=1e-6)
    assert float(far) > 0.05
    assert float(unsure) == 0


def test_pseudo_labels_pull_both_views_in_time_as_far_as_they_are_sure():
    one, other = branches(80, 80, 100, 1.25), branches(120, 1, 1, 1).original
    near, far = (AdaptationLoss()(one, held_to(waves))["pseudo_label"] for waves in (one.original, other))
    later = held_to(one.original.roll(9, 1))
    assert float(near) < 0.1 * float(far)
    assert float(AdaptationLoss()(one, later)["pseudo_label"]) > 10 * float(near)
    assert float(AdaptationLoss()(one, Anchor.of(other, torch.zeros(2), FPS))["pseudo_label"]) == 0


def test_robust_has_more_terms_than_paper():
    one = branches(80, 80, 100, 1.25)
    robust, paper = (
        set(AdaptationLoss.of(LossOptions(recipe), FPS)(one, held_to(one.original))) for recipe in ("robust", "paper")
    )
    assert robust - paper == {"waveform", "prior", "pseudo_label"}


@pytest.mark.parametrize("kind", ["fwd", "mse", "kl", "js"])
def test_every_distance_is_zero_of_equals_and_grows(kind):
    p, q = random_spectra()
    assert float(distance(p, p, 0.02, kind).abs().max()) < 1e-9
    assert (distance(p, q, 0.02, kind) > 0).all()


def test_only_transport_knows_how_far_apart_peaks_are():
    spectra = power_spectra(tones(60, 66, 120, seconds=20), FPS)
    near, far = (
        {
            kind: float(distance(spectra.power[:1], spectra.power[k : k + 1], spectra.step, kind))
            for kind in ("fwd", "mse")
        }
        for k in (1, 2)
    )
    assert far["fwd"] > 8 * near["fwd"]
    assert far["mse"] == pytest.approx(near["mse"], rel=0.1)


def test_the_prior_dislikes_noise_and_one_rate_for_all():
    good = power_spectra(tones(50, 75, 100, 125, 150, 170), FPS)
    noise = power_spectra(torch.randn(6, 300, generator=torch.Generator().manual_seed(0), dtype=torch.float64), FPS)
    same = power_spectra(tones(*[75] * 6), FPS)
    assert float(pulse_prior(good)) < float(pulse_prior(same)) < float(pulse_prior(noise)) + 1
    assert float(pulse_prior(good)) < float(pulse_prior(noise))


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_are_finite(order):
    wave = torch.randn(3, 160, requires_grad=True)
    spectra = power_spectra(integrated(wave), FPS)
    fwd(spectra.power, spectra.power.detach().flip(-1), spectra.step, order=order).sum().backward()
    assert torch.isfinite(wave.grad).all()
