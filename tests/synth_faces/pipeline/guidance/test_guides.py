"""The cut of a face with a gradient, against the one by OpenCV; linear decoders."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.networks.recognisers import build_guide
from vision_cli.synth_faces.pipeline.framing import FaceCutter, _cut
from vision_cli.synth_faces.pipeline.guidance.decoders import LinearDecoder, fit_linear_decoder
from vision_cli.synth_faces.pipeline.guidance.guides import CutGuide, Sight, grey_cuts
from vision_cli.synth_faces.pipeline.rendering import draw
from vision_cli.synth_faces.plans.plan import Wanted


def picture_of(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def as_tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None].double() / 255


@pytest.mark.parametrize("size", [(64, 64), (16, 16), (128, 128), (100, 140), (97, 61), (512, 512)])
@pytest.mark.parametrize("side", [48, 64])
def test_the_cut_is_that_of_files(size, side):
    least = min(size)
    grey = np.asarray(picture_of(size) @ [0.299, 0.587, 0.114]).round().astype(np.uint8)
    for box in ((0.12, 0.1, 0.8), (-0.08, -0.3, 1.075)):
        pixels = tuple(least * value for value in box)
        found = 255 * grey_cuts(as_tensor(picture_of(size)), [pixels], side)[0, 0].numpy()
        assert found.shape == (side, side)
        assert np.abs(found - _cut(grey, *pixels, side)).max() < 1.6, "rounding of the grey and of the cut"


def small_guide():
    return CutGuide(build_guide(generator=torch.Generator().manual_seed(0)).eval(), 48)


def test_a_guide_gives_the_picture_a_gradient_and_its_weights_none():
    guide = small_guide()
    pictures = torch.rand(2, 3, 32, 32, requires_grad=True, generator=torch.Generator().manual_seed(1))
    logits = guide(pictures, [(0.1, 0.1, 0.8)] * 2)
    assert logits.shape == (2, len(guide.classes))
    logits[0, 1].backward()
    assert pictures.grad[0].abs().max() > 0
    assert not pictures.grad[1].any()
    assert all(weights.grad is None for weights in guide.parameters())


def test_a_face_is_looked_for_in_the_whole_picture_until_it_is_found():
    """Faces of the rig, cut from brows to chin; latents are numbers of pictures here."""
    faces = [draw(Wanted(0, seed, seed + 9, "surprise"), 64, studio=True).picture for seed in range(3)]
    noise = picture_of((64, 64))
    shown = [noise, noise, *faces]
    asked = []

    def whole(clean):
        asked.append(clean[:, 0, 0, 0].int().tolist())
        return torch.cat([as_tensor(shown[number]).float() for number in asked[-1]])

    def small(clean):
        numbers = clean[:, 0, 0, 0].int().tolist()
        return torch.cat([as_tensor(shown[number]).float()[:, :, ::4, ::4] for number in numbers])

    def latents(*numbers):
        return torch.tensor(numbers, dtype=torch.float32)[:, None, None, None]

    guide = small_guide()
    sight = Sight(guide, small, whole)
    first = sight(latents(2, 0, 3), torch.tensor([4, 5, 6]))
    second = sight(latents(1, 4), torch.tensor([5, 4]))
    assert asked == [[2, 0, 3], [1]], "the faces of samples 4 and 6 were found, that of 5 was not"
    cutter = FaceCutter(48)
    cuts = [cutter.cut_of(shown[number])[0] for number in (2, 0, 3)]
    torch.testing.assert_close(first, guide(small(latents(2, 0, 3)), cuts))
    torch.testing.assert_close(second[1:], guide(small(latents(4)), cuts[:1]), msg="the place of the first picture")


def test_a_guide_in_training_mode_is_refused():
    with pytest.raises(ValueError, match=r"call eval\(\) first"):
        CutGuide(build_guide(), 48)


def test_a_linear_decoder_is_found_again():
    generator = torch.Generator().manual_seed(0)
    true = LinearDecoder(torch.randn(3, 5, generator=generator))
    latents = torch.randn(6, 4, 8, 8, generator=generator)
    small = true(latents)
    pictures = small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    found = fit_linear_decoder(latents, pictures)
    torch.testing.assert_close(found.weights, true.weights, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found(latents), small, atol=1e-4, rtol=1e-4)


def test_a_linear_decoder_of_nothing_is_refused():
    with pytest.raises(InputError, match="0 latents and 1 pictures"):
        fit_linear_decoder(torch.zeros(0, 4, 2, 2), torch.zeros(1, 3, 4, 4))
