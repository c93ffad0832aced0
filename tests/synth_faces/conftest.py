"""What the tests of synth-faces share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

_FACES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "faces"


@pytest.fixture(scope="session")
def real_portraits() -> Path:
    """Give the folder of real portraits, neutral and smiling, beside the checkout."""
    if not (_FACES / "portraits-cc-by" / "smiling").is_dir():
        pytest.skip("no ../shared/data/faces/portraits-cc-by")
    return _FACES / "portraits-cc-by"


@pytest.fixture(scope="session")
def draw():
    """Make a small picture of a number, ``(H, W, 3)``."""

    def make(number=0, size=(12, 10)):
        return np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)

    return make
