"""NIQE: features, score, fitting, and the files of models."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.io import savemat
from scipy.stats import spearmanr

from vision_cli.core.compute.weights import shipped_weights, verify
from vision_cli.core.errors import InputError, MissingError
from vision_cli.enhance_eval.quality.niqe import (
    FEATURES,
    NiqeModel,
    fit_niqe,
    niqe,
    niqe_features,
    niqe_score,
)
from vision_cli.enhance_eval.quality.niqe_models import (
    pristine_photographs,
    read_niqe,
    shipped_niqe,
    write_niqe,
)


@pytest.fixture(scope="module")
def photograph():
    return pristine_photographs()[3][:200, :300]


def test_published_patches_lie_side_by_side_and_the_rest_is_cut_off():
    levels = np.random.default_rng(0).uniform(0, 255, (200, 310))
    features = niqe_features(levels)
    assert features.shape == (6, FEATURES)
    np.testing.assert_allclose(features, niqe_features(levels[:192, :288]))


@pytest.mark.parametrize(("size", "patches"), [((95, 300), 0), ((96, 96), 1), ((128, 128), 4), ((96, 240), 4)])
def test_closer_patches_cover_the_picture(size, patches):
    assert niqe_features(np.random.default_rng(0).uniform(0, 255, size), stride=48).shape == (patches, FEATURES)


def test_the_score_is_the_distance_of_two_gaussians():
    rng = np.random.default_rng(0)
    features = rng.normal(1, 0.5, (50, FEATURES))
    mean, covariance = np.zeros(FEATURES), np.eye(FEATURES)
    difference = features.mean(axis=0)
    middle = np.linalg.inv((covariance + np.cov(features.T)) / 2)
    assert niqe_score(features, mean, covariance) == pytest.approx(math.sqrt(difference @ middle @ difference))
    spoilt = np.vstack([features, np.full(FEATURES, np.nan)])
    assert niqe_score(spoilt, mean, covariance) == pytest.approx(niqe_score(features, mean, covariance))
    assert math.isnan(niqe_score(features[:0], mean, covariance))


def test_a_picture_of_its_own_model_scores_near_zero(photograph):
    model = fit_niqe([pristine_photographs()[0]], stride=24)
    features = niqe_features(255 * photograph.mean(axis=2).astype(float), 48)
    assert niqe_score(features, features.mean(axis=0), model.covariance) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("size", [(96, 96), (100, 130)])
def test_flat_and_small_pictures_have_a_finite_score(size):
    for level in (0.0, 0.5):
        assert math.isfinite(niqe(np.full((*size, 3), level, dtype=np.float32), shipped_niqe()))
    assert math.isnan(niqe(np.zeros((95, 96, 3), dtype=np.float32), shipped_niqe()))


def test_the_shipped_model_is_the_one_that_the_photographs_give():
    fitted, shipped = fit_niqe(pristine_photographs()), shipped_niqe()
    np.testing.assert_allclose(fitted.mean, shipped.mean, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(fitted.covariance, shipped.covariance, rtol=1e-2, atol=1e-4)
    card = next(card for card in shipped_weights() if card.name == "niqe-vcli")
    assert verify(card)
    assert card.parameters == FEATURES + FEATURES**2


def test_blur_and_jpeg_raise_the_score(photograph):
    import cv2

    blurred = [niqe(cv2.GaussianBlur(photograph, (0, 0), sigma), shipped_niqe()) for sigma in (0.1, 0.8, 1.5, 2.5)]
    assert spearmanr(range(4), blurred).statistic == 1
    packed = []
    for quality in (95, 40, 10):
        _, content = cv2.imencode(
            ".jpg", np.rint(255 * photograph).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality]
        )
        packed.append(niqe(cv2.imdecode(content, cv2.IMREAD_COLOR) / np.float32(255), shipped_niqe()))
    assert packed == sorted(packed)


def test_too_few_patches_are_refused():
    with pytest.raises(InputError, match="0 sharp patches"):
        fit_niqe([])
    with pytest.raises(InputError, match=r"sharp patches of 96 x 96 pixels; more than 36 expected"):
        fit_niqe([np.random.default_rng(0).random((100, 100, 3)).astype(np.float32)])


def model_of(seed=0):
    rng = np.random.default_rng(seed)
    return NiqeModel(rng.normal(size=FEATURES), np.eye(FEATURES) + 0.1, 48)


def test_models_return_from_their_files(tmp_path):
    write_niqe(tmp_path / "m.safetensors", model_of())
    read = read_niqe(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(read.mean, model_of().mean)
    np.testing.assert_array_equal(read.covariance, model_of().covariance)
    assert read.stride == 48
    savemat(tmp_path / "m.mat", {"mu_prisparam": model_of().mean[None], "cov_prisparam": model_of().covariance})
    official = read_niqe(tmp_path / "m.mat")
    np.testing.assert_array_equal(official.mean, model_of().mean)
    assert official.stride == 96


def test_what_is_no_model_is_said(tmp_path):
    with pytest.raises(MissingError, match="no such file"):
        read_niqe(tmp_path / "none.mat")
    (tmp_path / "a.mat").write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match="no MATLAB file with mu_prisparam and cov_prisparam"):
        read_niqe(tmp_path / "a.mat")
    savemat(tmp_path / "b.mat", {"other": np.ones(3)})
    with pytest.raises(InputError, match="no MATLAB file with mu_prisparam"):
        read_niqe(tmp_path / "b.mat")
    savemat(tmp_path / "c.mat", {"mu_prisparam": np.ones(3), "cov_prisparam": np.ones((3, 3))})
    with pytest.raises(InputError, match=r"mean of shape \(3,\)"):
        read_niqe(tmp_path / "c.mat")
    (tmp_path / "d.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no model of NIQE"):
        read_niqe(tmp_path / "d.safetensors")
    write_niqe(tmp_path / "e.safetensors", NiqeModel(np.full(FEATURES, np.nan), np.eye(FEATURES)))
    with pytest.raises(InputError, match="NaN or infinity"):
        read_niqe(tmp_path / "e.safetensors")


def test_a_matlab_file_that_unpacks_to_more_than_the_memory_is_refused(tmp_path, monkeypatch):
    from vision_cli.core.errors import InputTooLarge

    path = tmp_path / "big.mat"
    savemat(path, {"mu_prisparam": np.zeros((1, 400_000)), "cov_prisparam": np.eye(2)}, do_compression=True)
    monkeypatch.setattr("vision_cli.io.limits.available_memory", lambda: 1_000_000)
    with pytest.raises(InputTooLarge):
        read_niqe(path)
