from __future__ import annotations

import numpy as np
import pytest
import pywt
import torch

from vision_cli.register.transforms.fields import resize
from vision_cli.register.wavelets import WaveletPyramid, analysis_matrix, apply_per_axis, synthesis_matrix

WAVELETS = ["haar", "db2", "db4", "bior2.2", "bior4.4"]
MODE = "symmetric"


@pytest.fixture
def rng():
    return np.random.default_rng(10)


def drawn(pyramid, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(pyramid.zeros(index).shape, generator=generator) for index in range(pyramid.depth + 1)]


def by_pywavelets(pyramid, coefficients, component):
    """Inverse transform by PyWavelets, whose coefficients lack the factor sqrt(2) an axis and level."""
    field = coefficients[0][component].numpy().astype(np.float64)
    for index, details in enumerate(coefficients[1:], start=1):
        level = pyramid.levels[pyramid.depth - index]
        gain = np.sqrt(2.0) ** len(level.axes)
        bands = {"a" * len(level.axes): gain * field}
        for number, band in enumerate(level.bands):
            key = "".join("ad"[band[axis]] for axis in level.axes)
            bands[key] = gain * details[component, number].numpy().astype(np.float64)
        field = pywt.idwtn(bands, pyramid.wavelet, mode=MODE, axes=level.axes)
        field = field[tuple(slice(0, n) for n in level.fine)]
    return field


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("shape", [(32, 40), (33, 27), (24, 26, 20), (19, 25, 22)])
def test_synthesis_is_pywavelets_inverse_transform(wavelet, shape):
    pyramid = WaveletPyramid(shape, (1.0,) * len(shape), wavelet)
    coefficients = drawn(pyramid)
    field = pyramid.synthesise(coefficients)
    assert field.shape == (len(shape), *shape)
    assert pyramid.depth >= 1
    for component in range(len(shape)):
        expected = by_pywavelets(pyramid, coefficients, component)
        np.testing.assert_allclose(field[component], expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("shape", [(32, 40), (33, 27), (19, 25, 22)])
def test_pywavelets_decomposition_is_synthesised_back(wavelet, shape, rng):
    dim = len(shape)
    pyramid = WaveletPyramid(shape, (1.0,) * dim, wavelet, max_levels=1)
    field = rng.normal(size=(dim, *shape))
    per_level = 2.0 ** (-dim / 2)
    stack = [pywt.wavedecn(part, wavelet, mode=MODE, level=pyramid.depth) for part in field]
    coefficients = [torch.tensor(np.stack([s[0] for s in stack]) * per_level**pyramid.depth).float()]
    for index in range(1, pyramid.depth + 1):
        level = pyramid.levels[pyramid.depth - index]
        keys = ["".join("ad"[b] for b in band) for band in level.bands]
        assert keys == level.band_names
        bands = np.stack([[s[index][key] for key in keys] for s in stack])
        coefficients.append(torch.tensor(bands * per_level ** (pyramid.depth - index + 1)).float())
    np.testing.assert_allclose(pyramid.synthesise(coefficients), field, atol=1e-5 * np.abs(field).max() * 10)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("length", [8, 9, 16, 31])
def test_a_synthesis_matrix_is_one_inverse_transform(wavelet, length, rng):
    matrix = synthesis_matrix(length, wavelet)
    low, high = np.split(rng.normal(size=matrix.shape[1]), 2)
    expected = np.sqrt(2) * pywt.idwt(low, high, wavelet, MODE)[:length]
    np.testing.assert_allclose(matrix @ np.concatenate([low, high]), expected, atol=1e-12)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("length", [8, 9, 16, 31])
def test_an_analysis_matrix_is_one_transform(wavelet, length, rng):
    signal = rng.normal(size=length)
    expected = np.concatenate(pywt.dwt(signal, wavelet, MODE)) / np.sqrt(2.0)
    np.testing.assert_allclose(analysis_matrix(length, wavelet) @ signal, expected, atol=1e-12)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("shape", [(32, 40), (33, 27), (19, 25, 22), (30, 28, 3)])
def test_synthesis_undoes_analysis(wavelet, shape, rng):
    spacing = (1.0, 1.0, 8.0)[: len(shape)]
    pyramid = WaveletPyramid(shape, spacing, wavelet)
    field = torch.tensor(rng.normal(size=(len(shape), *shape)), dtype=torch.float32)
    coefficients = pyramid.analyse(field)
    assert [c.shape for c in coefficients] == [pyramid.zeros(k).shape for k in range(pyramid.depth + 1)]
    torch.testing.assert_close(pyramid.synthesise(coefficients), field, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_a_constant_approximation_is_the_same_constant_field(wavelet):
    pyramid = WaveletPyramid((37, 30), (1.0, 1.0), wavelet)
    field = pyramid.synthesise([torch.full_like(pyramid.zeros(0), 1.75)])
    torch.testing.assert_close(field, torch.full_like(field, 1.75))


@pytest.mark.parametrize("shape", [(33, 27), (19, 25, 22)])
def test_missing_details_count_as_zero(shape):
    pyramid = WaveletPyramid(shape, (1.0,) * len(shape))
    coefficients = drawn(pyramid)
    for known in range(1, pyramid.depth + 1):
        padded = coefficients[:known] + [pyramid.zeros(i) for i in range(known, pyramid.depth + 1)]
        torch.testing.assert_close(pyramid.synthesise(coefficients[:known]), pyramid.synthesise(padded))


def test_synthesis_is_linear_and_its_levels_add_up():
    pyramid = WaveletPyramid((20, 23, 18), (1.0,) * 3)
    coefficients = drawn(pyramid)
    parts = [
        pyramid.synthesise([c if i == index else torch.zeros_like(c) for i, c in enumerate(coefficients)])
        for index in range(len(coefficients))
    ]
    torch.testing.assert_close(sum(parts), pyramid.synthesise(coefficients), atol=1e-4, rtol=1e-4)


def test_thick_slices_are_decimated_only_once_the_plane_has_caught_up():
    pyramid = WaveletPyramid((64, 64, 20), (1.5, 1.5, 6.0), "bior2.2", coarsest=4)
    assert [level.axes for level in pyramid.levels[:3]] == [(0, 1), (0, 1), (0, 1, 2)]
    assert pyramid.levels[1].coarse[2] == 20
    assert pyramid.levels[0].band_names == ["ad-", "da-", "dd-"]
    coefficients = drawn(pyramid)
    field = pyramid.synthesise(coefficients)
    for component in range(3):
        expected = by_pywavelets(pyramid, coefficients, component)
        np.testing.assert_allclose(field[component], expected, atol=1e-5 * np.abs(expected).max())


def test_very_thick_slices_are_never_decimated():
    pyramid = WaveletPyramid((64, 64, 9), (1.5, 1.5, 10.0), coarsest=8)
    assert pyramid.depth == 3
    assert all(2 not in level.axes for level in pyramid.levels)


def test_a_grid_too_small_to_decimate_is_its_own_coefficients():
    pyramid = WaveletPyramid((6, 5), (1.0, 1.0), coarsest=4)
    assert pyramid.depth == 0
    field = torch.randn(2, 6, 5)
    torch.testing.assert_close(pyramid.synthesise([field]), field)


def test_at_most_the_asked_for_levels_are_made():
    assert WaveletPyramid((64, 64), (1.0, 1.0), max_levels=2).depth == 2


@pytest.mark.parametrize("shape", [(33, 27), (19, 25, 22)])
def test_resampling_the_field_to_its_own_grid_changes_nothing(shape):
    assert WaveletPyramid(shape, (1.0,) * len(shape)).resampling_matrices(0, shape) == (None,) * len(shape)


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_resampling_is_the_remaining_synthesis_on_another_grid(stop):
    pyramid = WaveletPyramid((33, 27, 30), (1.0,) * 3)
    coefficients = drawn(pyramid)
    coefficients = coefficients[: pyramid.depth - stop + 1]
    shape = (17, 14, 11)
    seen = apply_per_axis(pyramid.resampling_matrices(stop, shape), pyramid.synthesise(coefficients, stop))
    torch.testing.assert_close(seen, resize(pyramid.synthesise(coefficients), shape), atol=2e-4, rtol=1e-4)


def test_apply_per_axis_is_a_matrix_product_along_each_axis(rng):
    field = torch.tensor(rng.normal(size=(3, 5, 6, 7)))
    a, c = (torch.tensor(rng.normal(size=(4, n))) for n in (5, 7))
    expected = torch.einsum("xi,cijk,zk->cxjz", a, field, c)
    torch.testing.assert_close(apply_per_axis((a, None, c), field), expected)


@pytest.mark.parametrize("wavelet", [*WAVELETS, "db10", "coif3"])
def test_every_level_is_coarser_along_each_axis_it_decimates(wavelet):
    for level in WaveletPyramid((97, 113, 97), (1.0,) * 3, wavelet, coarsest=8).levels:
        assert all(level.coarse[axis] < level.fine[axis] for axis in level.axes)
