"""DWT and IDWT of images agree with PyWavelets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import pywt
import torch

from vision_cli.register.networks.wavelet_transforms import DWT, IDWT

WAVELETS = ["haar", "db2", "db4", "bior2.2", "bior4.4"]


SHAPES = [(16, 18), (15, 22), (16, 10, 12), (9, 14, 17)]


@pytest.fixture
def rng():
    return np.random.default_rng(40)


def drawn(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float32)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_transform_is_pywavelets(wavelet, shape, rng):
    image = drawn(rng, 2, 3, *shape)
    bands = DWT(wavelet)(image)
    expected = pywt.dwtn(image.numpy().astype(np.float64), wavelet, mode="periodization", axes=range(2, 2 + len(shape)))
    stacked = np.stack([expected["".join(band)] for band in itertools.product("ad", repeat=len(shape))], 2)
    np.testing.assert_allclose(bands, stacked.reshape(bands.shape), atol=1e-5)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_inverse_transform_is_pywavelets_and_undoes_it(wavelet, shape, rng):
    image = drawn(rng, 2, 3, *shape)
    bands = DWT(wavelet)(image)
    torch.testing.assert_close(IDWT(wavelet)(bands, shape), image, atol=1e-5, rtol=1e-5)
    other = torch.randn(bands.shape, generator=torch.Generator().manual_seed(1))
    keys = ["".join(band) for band in itertools.product("ad", repeat=len(shape))]
    split = other.reshape(2, 3, len(keys), *other.shape[2:]).numpy().astype(np.float64)
    expected = pywt.idwtn(
        {key: split[:, :, n] for n, key in enumerate(keys)},
        wavelet,
        mode="periodization",
        axes=range(2, 2 + len(shape)),
    )
    np.testing.assert_allclose(IDWT(wavelet)(other), expected, atol=1e-5)


def test_sizes_with_one_side_in_common_have_their_own_matrices(rng):
    transform, inverse = DWT("db2"), IDWT("db2")
    for shape in ((16, 12, 20), (16, 20, 12), (12, 16, 20)):
        image = drawn(rng, 1, 1, *shape)
        torch.testing.assert_close(inverse(transform(image)), image, atol=1e-5, rtol=1e-5)
