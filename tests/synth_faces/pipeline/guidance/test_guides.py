"""The cut of a face with a gradient, against the one by OpenCV; linear decoders."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.networks.recognisers import build_guide
from vision_cli.synth_faces.pipeline.framing import FaceCutter, _cut, usual_cut
from vision_cli.synth_faces.pipeline.guidance.decoders import LinearDecoder, fit_linear_decoder
from vision_cli.synth_faces.pipeline.guidance.guides import CutGuide, grey_cut


def picture_of(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def as_tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None].double() / 255


@pytest.mark.parametrize("size", [(64, 64), (16, 16), (128, 128), (100, 140), (97, 61), (512, 512)])
@pytest.mark.parametrize("side", [48, 64])
def test_the_cut_is_that_of_files(size, side):
    """Noise has no face, so that the detector's cutter takes the usual place."""
    picture = picture_of(size)
    grey = np.asarray(picture @ [0.299, 0.587, 0.114]).round().astype(np.uint8)
    wanted = _cut(grey, *usual_cut(*size), side)
    found = 255 * grey_cut(as_tensor(picture), side)[0, 0].numpy()
    assert found.shape == (side, side)
    assert np.abs(found - wanted).max() < 1.6, "rounding of the grey and of the cut"


def test_where_no_face_is_found_files_are_cut_there_too():
    picture = np.full((64, 64, 3), 120, np.uint8)
    picture[30:34] = 20
    cut = FaceCutter(48)(picture)
    assert not cut.is_found
    np.testing.assert_allclose(255 * grey_cut(as_tensor(picture), 48)[0, 0].numpy(), cut.grey, atol=1.6)


def test_a_guide_gives_the_picture_a_gradient_and_its_weights_none():
    guide = CutGuide(build_guide(generator=torch.Generator().manual_seed(0)).eval(), 48)
    pictures = torch.rand(2, 3, 32, 32, requires_grad=True, generator=torch.Generator().manual_seed(1))
    logits = guide(pictures)
    assert logits.shape == (2, len(guide.classes))
    logits[0, 1].backward()
    assert pictures.grad[0].abs().max() > 0
    assert not pictures.grad[1].any()
    assert all(weights.grad is None for weights in guide.parameters())


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
