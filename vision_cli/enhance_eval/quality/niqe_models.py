"""Models of pristine pictures for NIQE: the shipped one, the authors' file, and one fitted to photographs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.core.errors import InputError, MissingError, VcliError
from vision_cli.core.runs.files import atomic_path
from vision_cli.enhance_eval.quality.niqe import FEATURES, PATCH, NiqeModel
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.datasets import require_mat_room
from vision_cli.io.limits import require_room

SHIPPED = "niqe-vcli"
_MAT_NAMES = ("mu_prisparam", "cov_prisparam")
_COPIES = 4
_TASK = "enhance-eval"


def pristine_photographs() -> list[Picture]:
    """Return the nine photographs of the scikit-image and scikit-learn packages that the shipped model is fitted to."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    left, right, _ = data.stereo_motorcycle()
    photographs = [
        data.astronaut(),
        data.camera(),
        data.chelsea(),
        data.coffee(),
        data.rocket(),
        left,
        right,
        load_sample_image("china.jpg"),
        load_sample_image("flower.jpg"),
    ]
    return [_picture(photograph) for photograph in photographs]


@cache
def shipped_niqe() -> NiqeModel:
    """Return the model that comes with the package.

    Raises
    ------
    MissingError, InputError
        If it is not there, or was altered.
    """
    return read_niqe(resolve_weights("default", _TASK, SHIPPED).path)


def read_niqe(path: Path) -> NiqeModel:
    """Read a model: our safetensors, or the authors' MATLAB file with ``mu_prisparam`` and ``cov_prisparam``.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is not of these formats, or does not hold a Gaussian of 36 features.
    """
    if not path.is_file():
        raise MissingError(f"{path}: no such file.", hint="Give the authors' parameter file, or leave it out.")
    size = path.stat().st_size
    require_room(path, _COPIES * size, f"a file of {size} bytes")
    mean, covariance, stride = _read_safetensors(path) if path.suffix == ".safetensors" else _read_mat(path)
    if mean.shape != (FEATURES,) or covariance.shape != (FEATURES, FEATURES):
        raise InputError(
            f"{path}: mean of shape {mean.shape}, covariance of {covariance.shape}; ({FEATURES},) and "
            f"({FEATURES}, {FEATURES}) expected.",
            hint="Give the parameters of NIQE.",
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise InputError(f"{path}: NaN or infinity in the parameters; finite numbers expected.")
    return NiqeModel(mean, covariance, stride)


def write_niqe(path: Path, model: NiqeModel) -> None:
    """Write a model as safetensors, whole or not at all.

    Raises
    ------
    ResourceError
        If it cannot be written.
    """
    from safetensors.numpy import save_file

    with atomic_path(path) as hidden:
        save_file(
            {
                "mean": model.mean,
                "covariance": np.ascontiguousarray(model.covariance),
                "stride": np.array([model.stride], dtype=np.int64),
            },
            hidden,
        )


def _read_safetensors(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        held = load_file(path)
        stride = int(held["stride"].item())
        mean, covariance = held["mean"].astype(np.float64), held["covariance"].astype(np.float64)
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path}: no model of NIQE ({error}).", hint="Make one with train niqe.") from error
    if not 2 <= stride <= PATCH:
        raise InputError(f"{path}: stride {stride}; 2 to {PATCH} expected.")
    return mean, covariance, stride


def _read_mat(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    from scipy.io import loadmat

    try:
        require_mat_room(path)
        held = loadmat(path, variable_names=_MAT_NAMES)
        mean, covariance = (np.asarray(held[name], dtype=np.float64) for name in _MAT_NAMES)
    except VcliError:
        raise
    # A damaged MATLAB file leads to whatever its bytes say.
    except Exception as error:
        raise InputError(
            f"{path}: no MATLAB file with {' and '.join(_MAT_NAMES)} ({type(error).__name__}: {error}).",
            hint="Give the authors' modelparameters.mat.",
        ) from error
    return mean.ravel(), covariance, PATCH


def _picture(pixels: NDArray[np.uint8]) -> Picture:
    colours = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
    return np.asarray(colours / np.float32(255), dtype=np.float32)
