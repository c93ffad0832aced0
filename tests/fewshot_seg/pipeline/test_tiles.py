"""Tiles: they cover a picture, agree with the whole, and show small objects at their own size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.fewshot_seg.pipeline.tiles import TiledTask, choose_tile, object_size, prepare_supports, windows
from vision_cli.fewshot_seg.values import Segmentation, Support


class Bright:
    """A task that finds what is bright."""

    def segment(self, picture):
        probability = picture[..., 0].astype(np.float32) / 255
        mask = probability > 0.5
        return Segmentation(probability, mask, float(mask.any()), 0.5, "bright", uncertainty=1 - probability)


class Unsure(Bright):
    """The same, and never sure that there is anything."""

    def segment(self, picture):
        return replace(super().segment(picture), presence=0.3)


def spotted(size, spots, radius=3):
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, bool)
    for y, x in spots:
        mask |= np.hypot(rows - y, columns - x) <= radius
    return Support("spots", np.repeat(np.uint8(200) * mask[..., None], 3, axis=2), mask)


@given(height=st.integers(1, 200), width=st.integers(1, 200), tile=st.integers(8, 90))
@settings(max_examples=40)
def test_tiles_cover_every_pixel(height, width, tile):
    seen = np.zeros((height, width), int)
    for rows, columns in windows((height, width), tile):
        part = seen[rows, columns]
        assert part.shape == (min(tile, height), min(tile, width))
        part += 1
    assert seen.min() >= 1


def test_what_depends_on_single_pixels_is_the_same_in_tiles():
    shown = spotted((70, 100), [(10, 20), (60, 90), (35, 50)])
    whole, tiled = Bright().segment(shown.picture), TiledTask(Bright(), 32).segment(shown.picture)
    np.testing.assert_array_equal(tiled.mask, whole.mask)
    np.testing.assert_allclose(tiled.probability, whole.probability, atol=1e-6)
    np.testing.assert_allclose(tiled.uncertainty, whole.uncertainty, atol=1e-6)
    assert (tiled.presence, tiled.candidate, tiled.score) == (1.0, "bright", 0.5)
    assert TiledTask(Bright(), 32).segment(np.zeros_like(shown.picture)).presence == 0


def test_what_is_found_in_a_tile_that_is_likely_empty_does_not_count():
    assert not TiledTask(Unsure(), 32).segment(spotted((70, 100), [(10, 20)]).picture).mask.any()


def test_small_objects_ask_for_tiles_and_large_ones_do_not():
    small = spotted((800, 800), [(400, 400)], radius=5)
    assert object_size(small, 200) == pytest.approx(np.sqrt(np.pi * 25) * 200 / 800, rel=0.1)
    tile = choose_tile([small], 224)
    assert tile is not None
    crop = prepare_supports([small], tile=tile, most=512)[0]
    assert object_size(crop, 224) == pytest.approx(32, rel=0.1)
    assert choose_tile([spotted((100, 100), [(50, 50)], radius=20)], 224) is None
    assert choose_tile([Support("none", small.picture, np.zeros_like(small.mask))], 224) is None


def test_supports_are_cut_around_their_pieces_each_once():
    shown = spotted((300, 300), [(20, 20), (26, 32), (250, 250)])
    found = prepare_supports([shown], tile=64, most=512)
    cuts = [one for one in found if not one.is_negative]
    assert len(cuts) == 2
    # Most tiles of a query are without the class: two of those are learned from as well.
    assert len(found) == 4
    assert {int(one.mask.sum()) for one in cuts} == {int(shown.mask[:64, :64].sum()), int(shown.mask[200:, 200:].sum())}
    assert all(one.mask.shape == (64, 64) for one in cuts)


def test_large_supports_are_reduced_and_small_masks_survive():
    shown = spotted((2000, 1000), [(900, 500)], radius=1)
    reduced = prepare_supports([shown], tile=None, most=500)[0]
    assert reduced.mask.shape == (500, 250)
    assert reduced.mask.any()
