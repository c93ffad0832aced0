"""BRISQUE: features, and the score against scikit-learn's support vectors (the same library)."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError, MissingError
from vision_cli.enhance_eval.quality.brisque import FEATURES, brisque, brisque_features, read_brisque
from vision_cli.enhance_eval.quality.luma import grey_levels
from vision_cli.enhance_eval.quality.natural_scenes import normalised


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train a small machine and write it as LIBSVM would."""
    from sklearn.svm import SVR

    rng = np.random.default_rng(0)
    low, high = rng.uniform(-2, -1, FEATURES), rng.uniform(1, 2, FEATURES)
    machine = SVR(kernel="rbf", gamma=0.05, C=100).fit(rng.uniform(-1, 1, (40, FEATURES)), rng.uniform(0, 100, 40))
    folder = tmp_path_factory.mktemp("brisque")
    rows = [
        f"{weight:.17g} " + " ".join(f"{k + 1}:{value:.17g}" for k, value in enumerate(vector))
        for weight, vector in zip(machine.dual_coef_[0], machine.support_vectors_, strict=True)
    ]
    header = ["svm_type epsilon_svr", "kernel_type rbf", "gamma 0.05", "nr_class 2", f"total_sv {len(rows)}"]
    text = "\n".join([*header, f"rho {-machine.intercept_[0]:.17g}", "SV", *rows]) + "\n"
    (folder / "allmodel").write_text(text)
    ranges = [f"{k + 1} {low[k]:.17g} {high[k]:.17g}" for k in range(FEATURES)]
    (folder / "allrange").write_text("\n".join(["x", "-1 1", *ranges]) + "\n")
    return folder, machine, low, high


def picture(seed=0):
    return np.random.default_rng(seed).random((40, 50, 3), dtype=np.float32)


def test_there_are_36_finite_features():
    for one in (picture(), np.zeros((9, 12, 3), dtype=np.float32)):
        features = brisque_features(grey_levels(one))
        assert features.shape == (FEATURES,)
        assert np.isfinite(features).all()


def test_heavier_tails_have_a_smaller_shape():
    rng = np.random.default_rng(0)
    normal, laplace = rng.normal(128, 20, (100, 100)), rng.laplace(128, 14, (100, 100))
    assert brisque_features(laplace)[0] < brisque_features(normal)[0] - 0.5
    coefficients, _ = normalised(normal)
    assert brisque_features(normal)[1] == pytest.approx((coefficients**2).mean())


def test_the_score_is_that_of_the_support_vectors(trained):
    folder, machine, low, high = trained
    model = read_brisque(folder / "allmodel", folder / "allrange")
    features = brisque_features(grey_levels(picture()))
    expected = machine.predict((2 * (features - low) / (high - low) - 1)[None])[0]
    assert brisque(picture(), model) == pytest.approx(expected, rel=1e-9)


def test_what_is_no_parameter_file_is_said(tmp_path, trained):
    folder, *_ = trained
    with pytest.raises(MissingError, match="no such file"):
        read_brisque(tmp_path / "none", folder / "allrange")
    (tmp_path / "m").write_text("<html>\nSV\n")
    with pytest.raises(InputError, match="no model of LIBSVM"):
        read_brisque(tmp_path / "m", folder / "allrange")
    (tmp_path / "m").write_text((folder / "allmodel").read_text().replace(" 36:", " 37:"))
    with pytest.raises(InputError, match="feature 37"):
        read_brisque(tmp_path / "m", folder / "allrange")
    (tmp_path / "r").write_text("x\n-1 1\n1 0 1\n")
    with pytest.raises(InputError, match="ranges of 1 features; 36 expected"):
        read_brisque(folder / "allmodel", tmp_path / "r")
    (tmp_path / "r").write_text("x\n-1 1\n1 0\n")
    with pytest.raises(InputError, match="no range file"):
        read_brisque(folder / "allmodel", tmp_path / "r")
