"""What the tests of enhance-eval share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_cli.io.pictures.photographs import write_photograph

_SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "enhance-eval"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real photographs, weights and models beside the checkout."""
    if not _SHARED.is_dir():
        pytest.skip("no ../shared/data/enhance-eval")
    return _SHARED


@pytest.fixture(scope="session")
def put_pictures():
    """Write small pictures of random pixels, ``width`` x ``height``, under these names of a folder."""

    def put(root, *names, size=(12, 8)):
        rng = np.random.default_rng(len(names))
        for name in names:
            write_photograph(root / name, rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))

    return put
