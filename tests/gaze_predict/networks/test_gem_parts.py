"""Parts of the network against their equations."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from vision_cli.gaze_predict.networks.decoder import ContextDecoder
from vision_cli.gaze_predict.networks.encoders.clip_image import ClipResNet
from vision_cli.gaze_predict.networks.encoders.clip_text import ClipTextEncoder
from vision_cli.gaze_predict.networks.encoders.embedded_image import EmbeddedImageEncoder
from vision_cli.gaze_predict.networks.encoders.embedded_text import EmbeddedTextEncoder
from vision_cli.gaze_predict.networks.heads import FlatHead, QueryHead
from vision_cli.gaze_predict.networks.layers import cell_centres, sine_positions, with_coordinates
from vision_cli.gaze_predict.networks.neck import Neck
from vision_cli.gaze_predict.networks.projector import Projector, log_density


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def sentence(length=5, padded=7, rows=20):
    tokens = torch.randint(1, rows, (1, padded))
    mask = torch.arange(padded)[None] < length
    return tokens, mask


@pytest.mark.parametrize("side", [64, 96])
def test_encoders_of_films_return_strides_4_8_and_16(side):
    films = torch.rand(2, 1, side, side)
    for encoder in (EmbeddedImageEncoder((4, 8, 8, 8, 16)), ClipResNet((1, 1, 1), 8)):
        taps = encoder.eval()(films)
        shapes = [tuple(one.shape) for one in taps]
        wanted = zip(encoder.channels, (4, 8, 16), strict=True)
        assert shapes == [(2, channels, side // stride, side // stride) for channels, stride in wanted]


def test_the_small_encoder_reads_no_level_and_no_contrast():
    encoder = EmbeddedImageEncoder((4, 8, 8, 8, 16)).eval()
    film = torch.rand(1, 1, 64, 64)
    for first, second in zip(encoder(film), encoder(0.3 * film + 0.5), strict=True):
        torch.testing.assert_close(first, second, atol=0.05, rtol=0.05)


def test_the_small_encoder_tells_the_sides_apart():
    encoder = EmbeddedImageEncoder((4, 8, 8, 8, 16)).eval()
    film = torch.rand(1, 1, 64, 64)
    film = (film + film.flip(3)) / 2
    coarse = encoder(film)[2]
    assert not torch.allclose(coarse, coarse.flip(3), atol=1e-3)


def test_clip_keeps_its_batch_statistics_in_training():
    encoder = ClipResNet((1, 1, 1), 8).train()
    before = encoder.bn1.running_mean.clone()
    encoder(torch.rand(2, 1, 64, 64))
    assert torch.equal(encoder.bn1.running_mean, before)
    assert encoder.layer1.training


def test_clip_rn50_is_of_the_published_size():
    encoder = ClipResNet()
    assert encoder.channels == (256, 512, 1024)
    stem = 3 * 32 * 9 + 32 * 32 * 9 + 32 * 64 * 9 + 2 * (32 + 32 + 64)
    counts = {name: sum(one.numel() for one in part.parameters()) for name, part in encoder.named_children()}
    assert sum(counts[name] for name in ("conv1", "bn1", "conv2", "bn2", "conv3", "bn3")) == stem
    # As in torchvision's ResNet-50, whose stages have the same weights.
    assert [counts[f"layer{number}"] for number in (1, 2, 3)] == [215808, 1219584, 7098368]


@pytest.mark.parametrize(
    "encoder",
    [EmbeddedTextEncoder(20, 16, length=8, depth=1, heads=2), ClipTextEncoder(20, 16, 24, length=8, depth=2, heads=2)],
    ids=["embedded", "clip"],
)
def test_padding_changes_no_word(encoder):
    encoder.eval()
    tokens, mask = sentence()
    other = torch.where(mask, tokens, 3)
    with torch.no_grad():
        (words, whole), (changed, whole_too) = encoder(tokens, mask), encoder(other, mask)
        short, whole_short = encoder(tokens[:, :5], mask[:, :5])
    assert words.shape == (1, 7, encoder.word_width)
    assert whole.shape == (1, encoder.sentence_width)
    torch.testing.assert_close(words[:, :5], changed[:, :5])
    torch.testing.assert_close(words[:, :5], short)
    torch.testing.assert_close(whole, whole_too)
    torch.testing.assert_close(whole, whole_short)


def test_a_word_of_clip_reads_only_those_before_it():
    encoder = ClipTextEncoder(20, 16, 24, length=8, depth=2, heads=2).eval()
    tokens, mask = sentence(7, 7)
    later = tokens.clone()
    later[0, 5] = (later[0, 5] + 1) % 20
    words, changed = encoder(tokens, mask)[0], encoder(later, mask)[0]
    torch.testing.assert_close(words[:, :5], changed[:, :5])
    assert not torch.allclose(words[:, 5], changed[:, 5])


def test_the_neck_multiplies_the_sentence_in():
    taps = tuple(torch.rand(1, channels, side, side) for channels, side in ((4, 16), (6, 8), (8, 4)))
    neck = Neck((4, 6, 8), 5, 16)
    maps = neck.prepare(taps)
    first, second = neck(maps, torch.randn(1, 5)), neck(maps, torch.randn(1, 5))
    assert first.shape == (1, 16, 8, 8)
    assert not torch.allclose(first, second, atol=1e-3)
    without = Neck((4, 6, 8), 5, 16, has_context=False)
    maps = without.prepare(taps)
    assert torch.equal(without(maps, torch.randn(1, 5)), without(maps, torch.randn(1, 5)))


@pytest.mark.parametrize("pooling", [1, 2])
def test_the_decoder_does_not_read_padding(pooling):
    decoder = ContextDecoder(16, 8, depth=2, heads=2, hidden=16, pooling=pooling).eval()
    maps, words = torch.randn(1, 16, 6, 6), torch.randn(1, 5, 8)
    mask = torch.tensor([[True, True, True, False, False]])
    changed = words.clone()
    changed[:, 3:] += 1
    first, second = decoder(maps, words, mask), decoder(maps, changed, mask)
    assert first.shape == maps.shape
    torch.testing.assert_close(first, second)
    changed[:, 0] += 1
    assert not torch.allclose(first, decoder(maps, changed, mask), atol=1e-4)


def test_the_projector_convolves_with_the_kernel_of_the_sentence():
    projector = Projector(6, 5, 4)
    maps, sentences = torch.randn(3, 6, 5, 7), torch.randn(3, 5)
    logits, features = projector(maps, sentences)
    assert logits.shape == (3, 10, 14)
    kernels = projector.kernel(sentences)
    for number in range(3):
        kernel = kernels[number, :-1].reshape(1, 4, 3, 3).flip(2, 3)
        wanted = F.conv2d(features[number : number + 1], kernel, kernels[number, -1:], padding=1)[0, 0]
        torch.testing.assert_close(logits[number], wanted, atol=1e-5, rtol=1e-4)


def test_a_log_density_sums_to_one_at_any_size():
    logits = torch.randn(2, 6, 8) * 3
    for size in (None, (6, 8), (24, 32)):
        logs = log_density(logits, size)
        assert logs.shape[1:] == (size or (6, 8))
        torch.testing.assert_close(logs.exp().sum((1, 2)), torch.ones(2))


def test_queries_start_inside_of_the_density():
    head = QueryHead(8, 8, heads=2, hidden=8)
    logits = torch.full((1, 16, 16), -20.0)
    logits[0, 12:14, 2:4] = 20
    found = head(torch.randn(1, 8, 8, 8) * 0.1, logits, torch.randn(1, 3, 8), torch.ones(1, 3, dtype=torch.bool))
    wanted = torch.tensor([3 / 16, 13 / 16]).expand(1, 8, 2)
    torch.testing.assert_close(found.points, wanted, atol=1e-4, rtol=0)


def test_the_paper_s_head_has_its_26_million_weights():
    head = FlatHead()
    assert head.layers[0].weight.numel() == 224 * 224 * 512
    found = FlatHead(16, (8, 4))(torch.zeros(2, 1), torch.randn(2, 8, 8), torch.zeros(2, 1, 1), torch.ones(2, 1))
    assert found.points.shape == (2, 8, 2)
    assert ((found.points > 0) & (found.points < 1)).all()


def test_an_untrained_head_has_the_durations_of_public_recordings():
    head = QueryHead(8, 8, heads=2, hidden=8)
    found = head(torch.randn(1, 8, 4, 4), torch.randn(1, 8, 8), torch.randn(1, 3, 8), torch.ones(1, 3) > 0)
    torch.testing.assert_close(found.log_duration_mean, torch.full((1, 8), -1.30))
    torch.testing.assert_close(found.log_duration_spread, torch.full((1, 8), 0.51), atol=1e-4, rtol=0)


def test_positions_are_of_the_unit_frame():
    like = torch.zeros(1)
    coarse, fine = sine_positions(2, 2, 16, like), sine_positions(6, 6, 16, like)
    # The centre of a cell of the coarse grid is that of the middle one of nine cells.
    torch.testing.assert_close(coarse.view(2, 2, 16), fine.view(6, 6, 16)[1::3, 1::3], atol=1e-5, rtol=0)
    assert len({tuple(row.round(decimals=3).tolist()) for row in fine}) == 36
    torch.testing.assert_close(cell_centres(1, 2, like)[0], torch.tensor([[0.25, 0.5], [0.75, 0.5]]))
    assert with_coordinates(torch.zeros(1, 3, 2, 2))[0, 3].tolist() == [[-0.5, 0.5], [-0.5, 0.5]]
