"""Training of the text-to-face model: its data, its losses, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers.training_utils import compute_snr

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError, UsageError
from vision_cli.synth_faces.networks.diffusion.mini_sd import MiniShape, build_mini_sd, build_scheduler
from vision_cli.synth_faces.options.sets import FaceSetOptions
from vision_cli.synth_faces.options.training import BaseOptions
from vision_cli.synth_faces.training.diffusion import autoencoding, captioned, denoising
from vision_cli.synth_faces.training.diffusion.captioned import CaptionedFaces, read_captioned, split_subjects
from vision_cli.synth_faces.training.diffusion.method import shape_of
from vision_cli.synth_faces.training.diffusion.weighting import face_weight
from vision_cli.synth_faces.values import FaceDataset, LabelledFace

pytestmark = pytest.mark.slow
"""The libraries of diffusion take seconds to import."""

SIDE = 32
WORDS = ("light", "dark", "a", "face")
CPU = torch.device("cpu")


def faces_of(count):
    """Make pictures whose caption is seen at once."""
    rng = np.random.default_rng(2)
    pictures = rng.integers(0, 40, (count, SIDE, SIDE, 3), dtype=np.uint8)
    pictures[::2] += 200
    captions = tuple("a light face" if number % 2 == 0 else "a dark face" for number in range(count))
    return CaptionedFaces(pictures, captions, tuple(f"person {number // 2}" for number in range(count)))


@pytest.fixture
def parts():
    torch.set_num_threads(1)
    return build_mini_sd(WORDS, MiniShape(side=SIDE, autoencoder=8, unet=(16, 48, 80)), seed=0)


def trained(task, steps, batch_size, rate):
    optimiser = torch.optim.AdamW([one for one in task.network.parameters() if one.requires_grad], rate)
    losses = []
    for step in range(steps):
        task.network.train()
        loss = task.training_step(task.network, task.load(range(batch_size * step, batch_size * (step + 1))))["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    task.network.eval()
    return losses


def test_the_autoencoder_learns(parts):
    faces = faces_of(16)
    task = autoencoding.AutoencoderTask(parts.autoencoder, faces, faces, CPU, seed=0)
    with torch.no_grad():
        before = task.validation_step(task.network.eval())["l1"]
    trained(task, 40, 4, 3e-3)
    with torch.no_grad():
        assert task.validation_step(task.network)["l1"] < 0.4 * before
    latents = autoencoding.latents_of(parts.autoencoder, faces, CPU)
    assert latents.shape == (16, 4, 8, 8)
    scale = autoencoding.latent_scale(latents)
    assert float((scale * latents.float()).std()) == pytest.approx(1, abs=0.01)


def test_uses_of_the_autoencoder_depend_on_their_number_alone(parts):
    faces = faces_of(6)
    task = autoencoding.AutoencoderTask(parts.autoencoder, faces, faces, CPU, seed=0)
    whole, alone = task.load([3, 4, 5]), task.load([4])
    for several, one in zip(whole, alone, strict=True):
        assert torch.equal(several[1:2], one)


def test_an_even_error_has_no_gradient():
    assert float(autoencoding.gradient_error(torch.full((1, 3, 8, 8), 0.3))) == 0
    steps = torch.arange(8.0).expand(1, 1, 8, 8)
    # A slope of 1 a pixel is one of 2 and 4 at the coarser scales.
    assert float(autoencoding.gradient_error(steps)) == pytest.approx((1 + 2 + 4) / 3)


def table_of(parts, count=16):
    """Make latents that are what the caption says."""
    rng = np.random.default_rng(1)
    signs = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    latents = signs[:, None, None, None] + 0.1 * rng.standard_normal((count, 4, 8, 8))
    captions = ["a light face" if sign > 0 else "a dark face" for sign in signs]
    return denoising.Latents(torch.from_numpy(latents).half(), denoising.tokens_of(parts, captions))


def test_the_denoiser_learns_what_the_words_say(parts):
    table = table_of(parts)
    task = denoising.DenoisingTask(parts, table, table, CPU, seed=0)
    losses = trained(task, 50, 8, 4e-3)
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])
    noisy = torch.randn((2, 4, 8, 8), generator=torch.Generator().manual_seed(0))
    tokens = denoising.tokens_of(parts, ["a light face", "a dark face"])
    with torch.no_grad():
        # Without signal, v is the negative of what is expected.
        light, dark = task.network(noisy[:1].expand(2, -1, -1, -1), torch.tensor([999, 999]), tokens)
    assert float(light.mean()) < -0.15 < 0.15 < float(dark.mean())


def test_the_average_follows_the_weights(parts):
    task = denoising.DenoisingTask(parts, table_of(parts), table_of(parts), CPU, seed=0)
    network = task.network
    with torch.no_grad():
        network.unet.conv_in.weight.zero_()
        before = network.average_unet.conv_in.weight.clone()
        network.follow()
        torch.testing.assert_close(network.average_unet.conv_in.weight, 0.1 * before)
    assert not any(one.requires_grad for one in network.average_unet.parameters())
    assert int(network.updates) == 1


def test_some_captions_are_left_out_of_training_and_none_of_validation(parts):
    table = table_of(parts, 20)
    task = denoising.DenoisingTask(parts, table, table, CPU, seed=0)
    empty = denoising.tokens_of(parts, [""])[0]
    tokens = task.load(range(600))[3]
    assert 0.05 < float((tokens == empty).all(dim=1).float().mean()) < 0.16
    seen = task._batch(table, list(range(20)), list(range(20)), 0, drops=False)[3]
    assert not bool((seen == empty).all(dim=1).any())


def test_times_are_spread_evenly_and_of_the_number_alone(parts):
    table = table_of(parts)
    task = denoising.DenoisingTask(parts, table, table, CPU, seed=0)
    times = task.load(range(100))[2]
    counts = np.histogram(times.numpy(), bins=10, range=(0, 1000))[0]
    assert counts.min() >= 9
    assert torch.equal(task.load([7])[1][0], task.load([6, 7])[1][1])


def test_weights_of_noise_are_those_of_min_snr():
    scheduler = build_scheduler()
    times = torch.arange(1000)
    found = denoising.signal_weight(scheduler.alphas_cumprod)
    ratio = compute_snr(scheduler, times)
    wanted = torch.minimum(ratio, torch.tensor(5.0)) / (ratio + 1)
    loud = ratio > 0.25
    torch.testing.assert_close(found[loud], wanted[loud], atol=1e-4, rtol=1e-3)
    assert float(found.min()) > 0
    assert float(found[-1]) == pytest.approx(0.25)


def test_faces_weigh_most_in_their_middle():
    weight = face_weight(64)[0, 0]
    assert float(weight.mean()) == pytest.approx(1)
    assert divmod(int(weight.argmax()), 64)[0] in range(36, 41)
    assert float(weight.max() / weight.min()) > 3.5
    torch.testing.assert_close(weight, weight.flip(1))


class Held:
    def __init__(self, picture):
        self.picture = picture

    def read(self):
        return self.picture


def test_faces_with_captions_are_read_square(monkeypatch):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 10:50] = (200, 100, 50)
    faces = [LabelledFace(f"{n}", Held(picture), caption="a face" if n < 5 else "", subject="p") for n in range(7)]
    monkeypatch.setattr(captioned, "open_set", lambda *_args, **_words: FaceDataset("made", tuple(faces)))
    found = read_captioned(["one", "two"], SIDE, FaceSetOptions(), Output(quiet=True))
    assert (len(found), found.pictures.shape) == (10, (10, SIDE, SIDE, 3))
    assert (found.pictures == (200, 100, 50)).all()
    assert set(found.subjects) == {"0/p", "1/p"}


def test_faces_without_captions_are_refused(monkeypatch):
    face = LabelledFace("0", Held(np.zeros((9, 9, 3), np.uint8)))
    monkeypatch.setattr(captioned, "open_set", lambda *_args, **_words: FaceDataset("made", (face,)))
    with pytest.raises(InputError, match="0 faces with a caption; 4 or more expected"):
        read_captioned(["one"], SIDE, FaceSetOptions(), Output(quiet=True))


@pytest.mark.parametrize("count", [4, 60])
def test_people_are_on_one_side(count):
    training, validation = split_subjects(faces_of(count), 0.2, seed=1)
    assert len(training) + len(validation) == count
    assert min(len(training), len(validation)) >= 2
    if count > 10:
        assert not set(training.subjects) & set(validation.subjects)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"side": 40}, "--side 40; a multiple of 16"),
        ({"width": 12}, "--width 12; a multiple of 8"),
        ({"autoencoder_width": 6}, "--autoencoder-width 6; a multiple of 4"),
    ],
)
def test_odd_sizes_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        shape_of(BaseOptions(**settings))


def test_the_usual_shape_is_that_of_the_options():
    assert shape_of(BaseOptions()) == MiniShape()
