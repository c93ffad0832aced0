"""What the tests of fewshot-seg share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

_SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "fewshot-seg"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real annotated pictures beside the checkout."""
    if not _SHARED.is_dir():
        pytest.skip("no ../shared/data/fewshot-seg")
    return _SHARED


@pytest.fixture(scope="session")
def put():
    """Write an array as a picture; folders on the way are made."""

    def write(path, values, **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(values)).save(path, **options)
        return path

    return write


@pytest.fixture(scope="session")
def put_pair(put):
    """Write a picture of random pixels and a mask of 0 and 255 with a square in it."""

    def write(picture, mask, size=(10, 12), level=255):
        rng = np.random.default_rng(len(str(picture)))
        put(picture, rng.integers(0, 255, (*size, 3), dtype=np.uint8))
        square = np.zeros(size, dtype=np.uint8)
        square[2:6, 3:8] = level
        put(mask, square)

    return write
