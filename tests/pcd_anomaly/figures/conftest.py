"""A ball to draw."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh


@pytest.fixture(scope="module")
def ball():
    return trimesh.creation.icosphere(subdivisions=5, radius=10).vertices.view(np.ndarray)
