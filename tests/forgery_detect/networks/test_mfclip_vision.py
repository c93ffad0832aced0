"""Tests of `vision_cli.forgery_detect.networks.mfclip`: noise, vision encoder, detector, and of the baselines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from vision_cli.forgery_detect.networks.baselines import build_baseline
from vision_cli.forgery_detect.networks.mfclip.building import build_mfclip, sides
from vision_cli.forgery_detect.networks.mfclip.noise import NoiseResidual
from vision_cli.forgery_detect.networks.mfclip.tokens import Branch, ConvStages


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _faces(variant: str, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    side, patch = sides(variant)
    draw = _seeded(1)
    return (
        torch.rand(count, 3, side, side, generator=draw),
        torch.rand(count, 3, patch, patch, generator=draw),
        torch.randn(count, 5, generator=draw),
    )


@pytest.fixture(scope="module")
def nano():
    """Build a detector with evidence of its own and statistics that are no longer those of the start."""
    detector = build_mfclip("nano", features=5, generator=_seeded(0))
    with torch.no_grad():
        for layer in (detector.classifier, detector.evidence):
            layer.weight.normal_(0, 0.1, generator=_seeded(2))
        detector.coherence.weight.normal_(generator=_seeded(3))
        for layer in detector.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = 1.0
        detector.train()
        detector(*_faces("nano", 4))
    return detector.eval()


@pytest.mark.parametrize("is_normalised", [False, True])
def test_residual_of_a_flat_picture_is_zero(is_normalised):
    flat = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].expand(1, 3, 16, 16)
    assert NoiseResidual(is_normalised=is_normalised)(flat).abs().max() < 1e-3


def test_residuals_are_those_of_scipy_summed_over_colours():
    picture = torch.rand(1, 3, 12, 14, generator=_seeded(0), dtype=torch.float32)
    found = NoiseResidual(is_normalised=False)(picture)[0].numpy()
    total = picture[0].sum(dim=0).double().numpy()
    laplacian = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4
    kv = np.outer([1, -2, 2, -2, 1], [1, -2, 2, -2, 1]) * 1.0
    kv[1:4, 1:4] = [[-6, 8, -6], [8, -12, 8], [-6, 8, -6]]
    kv[0], kv[-1] = [-1, 2, -2, 2, -1], [-1, 2, -2, 2, -1]
    kv[:, 0], kv[:, -1] = [-1, 2, -2, 2, -1], [-1, 2, -2, 2, -1]
    for channel, kernel in zip(found, (laplacian, kv / 12, np.array([[1, -2, 1]]) / 2), strict=True):
        wanted = correlate(total, kernel, mode="mirror").clip(-3, 3)
        np.testing.assert_allclose(channel, wanted, atol=1e-5)


def test_normalised_residuals_do_not_depend_on_the_strength_of_the_noise():
    noise = torch.randn(1, 3, 32, 32, generator=_seeded(0))
    residual = NoiseResidual(is_normalised=True)
    assert torch.allclose(residual(0.5 + 0.02 * noise), residual(0.5 + 0.08 * noise), atol=1e-3)
    assert not torch.allclose(residual(0.5 + 0.02 * noise), NoiseResidual(is_normalised=False)(0.5 + 0.02 * noise))


def test_a_grid_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="side 100 after a reduction by 4 makes no 7 x 7 tokens"):
        Branch(ConvStages((4, 4), (1, 1), 2), side=100, grid=7, width=8, depth=1, heads=2, scale=None)


def test_nano_gives_a_logit_features_and_a_map(nano):
    with torch.no_grad():
        found = nano(*_faces("nano", 2))
    assert (found.logit.shape, found.features.shape, found.heat.shape) == ((2,), (2, 128), (2, 7, 7))
    assert 0 <= found.heat.min() < found.heat.max() <= 1
    assert 1.3e6 < sum(parameter.numel() for parameter in nano.parameters()) < 1.7e6


@torch.no_grad()
def test_a_face_has_the_same_logit_in_any_company(nano):
    image, patch, coherence = _faces("nano", 5)
    together = nano(image, patch, coherence).logit
    order = torch.tensor([3, 0, 4, 2, 1])
    turned = nano(image[order], patch[order], coherence[order]).logit
    alone = torch.cat([nano(image[i : i + 1], patch[i : i + 1], coherence[i : i + 1]).logit for i in range(5)])
    assert together.std() > 1e-3
    torch.testing.assert_close(turned, together[order], atol=1e-5, rtol=0)
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)


@torch.no_grad()
def test_every_input_counts(nano):
    image, patch, coherence = _faces("nano", 1)
    logit = nano(image, patch, coherence).logit
    assert abs(nano(1 - image, patch, coherence).logit - logit) > 1e-4
    assert abs(nano(image, patch**3, coherence).logit - logit) > 1e-4
    shifted = nano(image, patch, coherence + 0.5).logit
    torch.testing.assert_close(shifted - logit, 0.5 * nano.coherence.weight.sum()[None], atol=1e-4, rtol=0)


@torch.no_grad()
def test_mean_of_the_map_is_a_part_of_the_logit(nano):
    faces = _faces("nano", 3)
    found = nano(*faces)
    weight = nano.evidence.weight.clone()
    nano.evidence.weight.zero_()
    without = nano(*faces)
    nano.evidence.weight.copy_(weight)
    torch.testing.assert_close(found.logit - without.logit, found.heat.logit().mean(dim=(1, 2)), atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_untrained_nano_says_what_the_coherence_says():
    detector = build_baseline("erm", features=5, generator=_seeded(0)).eval()
    detector.coherence.set_statistics(torch.zeros(5), torch.ones(5), torch.arange(5.0))
    faces = _faces("nano", 2)
    torch.testing.assert_close(detector(*faces).logit, faces[2].clamp(-4, 4) @ torch.arange(5.0))


def test_weights_are_those_of_the_generator():
    before = torch.random.get_rng_state()
    one, same, other = (build_mfclip("nano", features=5, generator=_seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    states = [detector.state_dict() for detector in (one, same, other)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    name = "encoder.image.stages.0.weight"
    assert not torch.equal(states[0][name], states[2][name])


def test_without_noise_the_patch_does_not_count():
    detector = build_mfclip("nano", features=0, has_noise=False, generator=_seeded(0)).eval()
    image, patch, coherence = _faces("nano", 1)
    with torch.no_grad():
        assert torch.equal(
            detector(image, patch, coherence[:, :0]).features, detector(image, 1 - patch, coherence[:, :0]).features
        )


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize(("variant", "millions", "grid"), [("paper", 77.8, 1), ("vcli", 40.1, 7)])
def test_wide_variants_have_the_size_and_maps_that_they_should(variant, millions, grid):
    detector = build_mfclip(variant, features=5, generator=_seeded(0)).eval()
    size = sum(parameter.numel() for parameter in detector.encoder.parameters())
    assert size / 1e6 == pytest.approx(millions, abs=0.1)
    found = detector(*_faces(variant, 1))
    assert (found.features.shape, found.heat.shape) == ((1, 512), (1, grid, grid))


@torch.no_grad()
def test_linear_detector_sees_the_coherence_alone():
    detector = build_baseline("linear", features=5)
    detector.coherence.set_statistics(torch.ones(5), torch.tensor([2.0, 2, 2, 2, 0]), torch.ones(5))
    image, patch, coherence = _faces("nano", 3)
    found = detector(image, patch, coherence)
    assert torch.equal(found.logit, detector(1 - image, 1 - patch, coherence).logit)
    torch.testing.assert_close(found.logit, ((coherence[:, :4] - 1) / 2).sum(dim=1))
    assert found.features.shape == (3, 5)
    assert not found.features[:, 4].any()
    assert found.heat.shape == (3, 1, 1)
