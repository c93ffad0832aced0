"""What the tests of forgery-detect share."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

_SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(autouse=True)
def one_thread(threads_as_before):
    """Compute on one thread: the networks are small, and several would wait for each other where cores are shared."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def portrait():
    """Draw the face of a person, ``(256, 256, 3)``."""
    from vision_cli.phantoms.faces.rig.identities import draw_identity
    from vision_cli.phantoms.faces.rig.parameters import draw_face
    from vision_cli.phantoms.faces.rig.rendering import render

    rng = np.random.default_rng(5)
    return render([draw_face(rng, {}, identity=draw_identity(rng))], 256).pictures[0]


@pytest.fixture(scope="session")
def real_portraits() -> Path:
    """Give the folder of real portraits beside the checkout."""
    folder = _SHARED / "faces" / "portraits-full"
    if not folder.is_dir():
        pytest.skip("no ../shared/data/faces/portraits-full")
    return folder


@pytest.fixture(scope="session")
def real_forgeries() -> Path:
    """Give the folder of real and generated faces beside the checkout."""
    folder = _SHARED / "forgery-detect"
    if not folder.is_dir():
        pytest.skip("no ../shared/data/forgery-detect")
    return folder
