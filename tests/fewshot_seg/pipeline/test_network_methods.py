"""Methods on a network, and the cache of what it reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.fewshot_seg.pipeline.small import small_network
from tests.fewshot_seg.scenes import scene, support
from vision_cli.core.errors import MissingError
from vision_cli.fewshot_seg.pipeline.methods import METHODS, ClassRecipe, learn, make_method, with_tensors
from vision_cli.fewshot_seg.pipeline.network_methods import NetworkSegmenter
from vision_cli.fewshot_seg.pipeline.tiles import TiledTask
from vision_cli.fewshot_seg.pipeline.weight_files import Method


class Colours(torch.nn.Module):
    """An encoder that reads colours: a network for which mean features are enough."""

    def __init__(self, network):
        super().__init__()
        self.own = network.backbone

    def forward(self, images):
        features = self.own(images)
        small = torch.nn.functional.adaptive_avg_pool2d(images, features.embedding.shape[-2:])
        embedding = torch.zeros_like(features.embedding)
        embedding[:, :3] = small
        return type(features)(embedding, features.taps, features.shallow)


@pytest.mark.parametrize("method", ["tavp", "proto", "persam"])
@pytest.mark.parametrize("pads", [True, False])
def test_queries_of_any_size_get_masks_of_their_size(method, pads):
    task = NetworkSegmenter(small_network(pads=pads), method).learn([support(0, height=50, width=80), support(1)])
    found = task.segment(scene(2, height=70, width=90)[0])
    assert found.mask.shape == found.probability.shape == (70, 90)
    assert found.probability.min() >= 0
    assert found.probability.max() <= 1
    assert 0 <= found.presence <= 1
    assert 0 <= found.score <= 1
    assert found.best_support in (0, 1)
    assert found.candidate == method


def test_mean_colours_find_a_red_disc():
    loaded = small_network()
    loaded.network.backbone = Colours(loaded.network)
    task = NetworkSegmenter(loaded, "proto").learn([support(0)])
    picture, mask = scene(1)
    found = task.segment(picture)
    both, either = (found.mask & mask).sum(), (found.mask | mask).sum()
    assert both / either > 0.6
    assert found.presence > task.segment(scene(2, has_class=False)[0]).presence


def test_what_is_cached_is_used_and_a_damaged_entry_is_made_again(tmp_path):
    picture = scene(0)[0]
    first = small_network(cache=tmp_path).encode(picture)
    (entry,) = tmp_path.iterdir()
    again = small_network(cache=tmp_path).encode(picture)
    torch.testing.assert_close(again.embedding, first.embedding.half().float())
    entry.write_bytes(b"damaged")
    torch.testing.assert_close(small_network(cache=tmp_path).encode(picture).embedding, first.embedding)
    assert entry.stat().st_size > 100


def test_a_cache_that_cannot_be_written_is_given_up(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    loaded = small_network(cache=blocked / "cache")
    assert loaded.encode(scene(0)[0]).embedding.isfinite().all()
    assert loaded.cache is None


def test_a_picture_is_encoded_once():
    loaded = small_network()
    assert loaded.encode(scene(0)[0]) is loaded.encode(scene(0)[0].copy())
    assert loaded.encode(scene(0)[0]) is not loaded.encode(scene(1)[0])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_and_segments(method):
    recipe = ClassRecipe("disc", (support(0),), method)
    found = learn(recipe, Method(small_network(), None)).segment(scene(1)[0])
    assert found.mask.dtype == np.bool_
    assert found.mask.shape == (64, 64)


def test_methods_on_a_network_need_one():
    for method in ("tavp", "proto", "persam"):
        with pytest.raises(MissingError, match=f"--method {method}: these weights hold no network"):
            make_method(method, Method(None, None))
    assert make_method("tap", Method(None, None)).learn([support(0)]).segment(scene(1)[0]).mask.any()


def test_adapted_tensors_change_a_copy_of_the_network():
    loaded = small_network()
    name = "tavp.matching.coarse.bias"
    before = loaded.network.state_dict()[name].clone()
    changed = with_tensors(loaded, {name: before + 1})
    torch.testing.assert_close(changed.network.state_dict()[name], before + 1)
    torch.testing.assert_close(loaded.network.state_dict()[name], before)
    assert changed.digest != loaded.digest


def test_a_recipe_with_tiles_searches_in_tiles():
    recipe = ClassRecipe("disc", (support(0),), "copy", tile=32)
    assert isinstance(learn(recipe, Method(None, None)), TiledTask)
