"""FERAnno's network: shapes, size, and that it learns from either branch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from vision_cli.synth_faces.networks.annotation import AnnotatorShape, at_side, build_annotator, mini_shape, sd_shape
from vision_cli.synth_faces.values import EXPRESSIONS

TINY = AnnotatorShape(("a", "b", "c"), (6, 4), 2, 16, 4, 2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def seen(count, shape=TINY, seed=0):
    generator = seeded(seed)
    maps = [torch.randn(count, channels, shape.side, shape.side, generator=generator) for channels in shape.features]
    channels = shape.scales * len(shape.classes)
    return maps, torch.rand(count, channels, shape.side, shape.side, generator=generator)


def test_logits_of_each_class():
    assert build_annotator(TINY)(*seen(5)).shape == (5, 3)


def test_the_small_one_has_fewer_than_half_a_million_weights():
    annotator = build_annotator(mini_shape((112, 80, 48), 2))
    assert 200_000 < sum(weights.numel() for weights in annotator.parameters()) <= 500_000


def test_the_large_one_ends_in_512_features_as_specified():
    shape = sd_shape((1280, 1280, 640, 320), 4)
    annotator = build_annotator(shape)
    assert annotator.head.in_features == 512
    assert annotator.head.out_features == len(EXPRESSIONS)
    assert annotator.features_read_words.attention.num_heads == 8


def test_weights_come_from_the_generator():
    one, same, other = (build_annotator(TINY, seeded(seed)).eval()(*seen(2)) for seed in (1, 1, 2))
    torch.testing.assert_close(one, same)
    assert not torch.allclose(one, other)


def test_logits_of_a_face_do_not_depend_on_the_others():
    annotator = build_annotator(TINY, seeded()).eval()
    maps, attention = seen(4)
    alone = annotator([one[2:3] for one in maps], attention[2:3])
    torch.testing.assert_close(annotator(maps, attention)[2:3], alone)


@pytest.mark.parametrize("branch", ["features", "attention"])
def test_it_learns_from_either_branch(branch):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    labels = torch.arange(48) % 3
    maps, attention = seen(48)
    told = functional.one_hot(labels, 3).float()[:, :, None, None]
    if branch == "features":
        maps[1][:, :3] += 2 * told
    else:
        attention[:, :3] += told
    annotator = build_annotator(TINY, seeded())
    optimiser = torch.optim.AdamW(annotator.parameters(), 5e-3)
    for _ in range(30):
        optimiser.zero_grad()
        functional.cross_entropy(annotator([one[:32] for one in maps], attention[:32]), labels[:32]).backward()
        optimiser.step()
    found = annotator.eval()([one[32:] for one in maps], attention[32:]).argmax(dim=1)
    assert (found == labels[32:]).float().mean() > 0.8


def test_maps_are_averaged_down_and_interpolated_up():
    maps = torch.rand(1, 2, 8, 8, generator=seeded())
    torch.testing.assert_close(at_side(maps, 4), functional.avg_pool2d(maps, 2))
    assert at_side(maps, 8) is maps
    assert at_side(maps, 16).shape == (1, 2, 16, 16)
    torch.testing.assert_close(at_side(torch.ones(1, 1, 3, 3), 8), torch.ones(1, 1, 8, 8))
