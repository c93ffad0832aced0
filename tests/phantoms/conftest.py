from __future__ import annotations

import pytest

from vision_cli.phantoms.brains.brains import brain_pair
from vision_cli.phantoms.brains.pairs import PhantomPair

SHAPE, SPACING = (48, 56, 48), (4.0, 4.0, 4.0)


@pytest.fixture(scope="session")
def heads() -> PhantomPair:
    """A pair of whole heads at 4 mm; the moving one on a grid of other order, spacing and direction."""
    return brain_pair(7, SHAPE, SPACING, moving_axcodes="LIA", moving_spacing=(4.0, 3.0, 5.0), moving_oblique_deg=15.0)
