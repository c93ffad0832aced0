"""Inputs of networks: the richest tile keeps the pixels of the file."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.feature import graycomatrix, graycoprops

from vision_cli.forgery_detect.coherence.features import NAMES
from vision_cli.forgery_detect.pipeline.inputs import face_input, homogeneity, richest_tile
from vision_cli.forgery_detect.values import FaceCrop


def test_homogeneity_is_that_of_the_co_occurrence_matrix():
    grey = np.random.default_rng(0).integers(0, 256, (24, 36)).astype(np.uint8)
    grey[:12, :12] //= 16
    found = homogeneity(grey, 12)
    for row in range(2):
        for column in range(3):
            tile = grey[12 * row : 12 * row + 12, 12 * column : 12 * column + 12]
            matrix = graycomatrix(tile, [1], [0], levels=256, symmetric=True, normed=True)
            assert found[row, column] == pytest.approx(graycoprops(matrix, "homogeneity")[0, 0], abs=1e-12)


def test_the_richest_tile_is_the_roughest_one():
    picture = np.full((70, 100, 3), 90, np.uint8)
    picture[35:67, 34:66] += np.random.default_rng(1).integers(0, 60, (32, 32, 3)).astype(np.uint8)
    tile = richest_tile(picture, 32)
    assert np.array_equal(tile, picture[35:67, 34:66])


def test_a_small_picture_is_mirrored():
    picture = np.random.default_rng(2).integers(0, 255, (20, 20, 3)).astype(np.uint8)
    tile = richest_tile(picture, 32)
    assert np.array_equal(tile[:20, :20], picture)
    assert np.array_equal(tile[20:, :20], picture[:7:-1])


def test_an_input_has_the_shapes_that_networks_take(portrait):
    found = face_input(FaceCrop(portrait, np.array([0.0, 0, 256, 256])), side=112, patch=112)
    assert (found.image.shape, found.patch.shape) == ((3, 112, 112), (3, 112, 112))
    assert found.coherence.shape == (len(NAMES),)
    assert 0 <= found.image.min() < found.image.max() <= 1
    same = face_input(FaceCrop(portrait[:112, :112], np.zeros(4)), side=112, patch=112)
    assert np.array_equal(same.image, same.patch)
