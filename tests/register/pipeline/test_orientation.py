from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import NumericalError
from vision_cli.register.pipeline.orientation import check_orientation, choose_orientation

PROPER, MIRROR = np.eye(4), np.diag([-1.0, 1, 1, 1])
UPSIDE_DOWN = np.diag([1.0, -1, -1, 1])


@pytest.mark.parametrize(
    ("proper", "correlations", "mirrors", "said"),
    [
        (PROPER, (0.5, 0.6), True, "mirrored transform was used"),
        (PROPER, (0.5, 0.51), False, "unmirrored transform was used"),
        (PROPER, (0.5, 0.2), False, None),
        (UPSIDE_DOWN, (0.5, 0.51), True, "0.5100 with the image mirrored and 0.5000 without"),
        (UPSIDE_DOWN, (0.51, 0.5), False, "unmirrored transform was used"),
    ],
)
def test_the_headers_are_believed_unless_a_mirror_is_clearly_better_or_they_are_wrong_anyway(
    proper, correlations, mirrors, said
):
    chosen, notes = choose_orientation(proper, MIRROR, lambda matrix: correlations[matrix is MIRROR])
    assert (chosen is MIRROR) == mirrors
    assert any(said in note for note in notes) if said else notes == ()


def test_a_rotation_beyond_45_degrees_is_said_and_beyond_the_limit_refused():
    assert check_orientation(PROPER, 0) == ()
    (note,) = check_orientation(UPSIDE_DOWN, None)
    assert "LEFT AND RIGHT MAY BE SWAPPED" in note
    with pytest.raises(NumericalError, match=r"180 degrees .*; at most 90 degrees and no mirroring expected"):
        check_orientation(UPSIDE_DOWN, 90)
    with pytest.raises(NumericalError, match="mirrors the moving image"):
        check_orientation(MIRROR, 180)
