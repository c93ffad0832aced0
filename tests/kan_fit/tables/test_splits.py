"""Random splits of rows."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.tables.splits import fold_splits, split_rows, thinned


def test_too_few_rows_are_refused():
    with pytest.raises(InputError, match="12 rows to train on and 4 to validate on found; 30"):
        split_rows(20, 0.2, 0.2, 0)


def test_every_row_is_in_one_part_and_the_seed_decides_which():
    split = split_rows(100, 0.2, 0.3, 0)
    assert [len(part) for part in (split.train, split.val, split.test)] == [50, 20, 30]
    assert sorted(np.concatenate([split.train, split.val, split.test])) == list(range(100))
    assert np.array_equal(split.train, split_rows(100, 0.2, 0.3, 0).train)
    assert not np.array_equal(split.train, split_rows(100, 0.2, 0.3, 1).train)


def test_rows_are_thinned_evenly():
    assert thinned(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert thinned(np.arange(10), 10).tolist() == list(range(10))


def test_every_row_is_tested_on_once():
    found = fold_splits(103, 4, 0.2, 0)
    assert sorted(np.concatenate([one.test for one in found]).tolist()) == list(range(103))
    for one in found:
        assert sorted(np.concatenate([one.train, one.val, one.test]).tolist()) == list(range(103))
