"""Faces painted again: decoders of three kinds, and colour that follows luma."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.forgery_detect.coherence.features import features, sign_agreement
from vision_cli.forgery_detect.simulation.chroma import follow_luma
from vision_cli.forgery_detect.simulation.generators import DETAILS, GENERATORS, generate
from vision_cli.forgery_detect.simulation.pixels import blurred, resized


def _detail(picture):
    """Return the fine detail of the luma of skin; the frame around the face left out."""
    luma = cv2.cvtColor(resized(picture, 1024), cv2.COLOR_RGB2GRAY).astype(np.float32)[300:700, 350:650]
    return float((luma - blurred(luma, 1.5)).std())


@pytest.fixture(scope="module")
def painted(photograph):
    """Return forgeries of each generator and detail, two of each."""
    return {
        (generator, detail): [
            generate(photograph.picture, np.random.default_rng(seed), generator, detail) for seed in range(2)
        ]
        for generator in GENERATORS
        for detail in DETAILS
    }


def test_forgeries_are_square_pictures_of_the_same_face(photograph, painted):
    for pictures in painted.values():
        for picture in pictures:
            assert picture.dtype == np.uint8
            assert picture.shape[0] == picture.shape[1]
            assert picture.shape[0] in {512, 768, 1024}
            coarse = np.abs(resized(picture, 64).astype(int) - resized(photograph.picture, 64)).mean()
            assert coarse < 6


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_deficit_has_less_detail_than_the_photograph(photograph, painted, generator):
    assert max(_detail(picture) for picture in painted[generator, "deficit"]) < _detail(photograph.picture)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("detail", ["sharp", "texture", "both"])
def test_detail_is_put_back(painted, generator, detail):
    mean = {kind: np.mean([_detail(picture) for picture in painted[generator, kind]]) for kind in ("deficit", detail)}
    assert mean[detail] > 1.1 * mean["deficit"]


def test_generators_are_repeatable_and_differ_by_seed(photograph):
    first, again, other = (
        generate(photograph.picture, np.random.default_rng(seed), "resample", "deficit") for seed in (0, 0, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_colour_follows_luma_in_both_directions(photograph):
    agreement = []
    found = {}
    for seed in range(8):
        picture, name = follow_luma(photograph.picture, np.random.default_rng(seed))
        found.setdefault(name, []).append(_detail(picture))
        agreement.append(sign_agreement(features(picture[300:700, 350:650])[None])[0])
    assert set(found) == {"deficit", "excess"}
    assert np.mean(found["deficit"]) < np.mean(found["excess"])
    own = sign_agreement(features(photograph.picture[300:700, 350:650])[None])[0]
    assert min(agreement) > own
