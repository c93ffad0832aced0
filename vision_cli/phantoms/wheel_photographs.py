"""Photographs that the wheels of scikit-image and scikit-learn hold; nothing is fetched."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import MissingError


def read_wheel_photograph(name: str) -> NDArray[np.uint8]:
    """Return a photograph, ``(H, W, 3)`` RGB.

    Parameters
    ----------
    name
        Its file below the folder of the installed packages, such as ``skimage/data/coffee.png``.

    Raises
    ------
    MissingError
        If the installed package lacks it.
    """
    import cv2

    package, _, inside = name.partition("/")
    found = find_spec(package)
    folders = [] if found is None else list(found.submodule_search_locations or ())
    path = next((file for folder in folders if (file := Path(folder) / inside).is_file()), None)
    pixels = None if path is None else cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise MissingError(
            f"{name}: not in the installed {package}; a photograph of its wheel expected.",
            hint="Install scikit-image and scikit-learn from their wheels.",
        )
    return np.ascontiguousarray(pixels[..., ::-1], dtype=np.uint8)
