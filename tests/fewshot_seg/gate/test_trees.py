"""Trees as arrays give the answers of scikit-learn's, and no file makes them walk in circles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

from vision_cli.fewshot_seg.gate.trees import TreeEnsemble


def grown(kind=ExtraTreesRegressor, trees=7, seed=0, leaf=2):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(150, 6)).astype(np.float32)
    answers = rows[:, 0] * rows[:, 1] + np.sign(rows[:, 2])
    return rows, kind(trees, min_samples_leaf=leaf, random_state=seed).fit(rows, answers)


@pytest.mark.parametrize("kind", [ExtraTreesRegressor, RandomForestRegressor])
@pytest.mark.parametrize("seed", range(3))
def test_predictions_equal_those_of_scikit_learn(kind, seed):
    rows, forest = grown(kind, seed=seed)
    ours = TreeEnsemble.from_sklearn(forest)
    others = np.random.default_rng(9).normal(size=(400, 6)).astype(np.float32)
    for asked in (rows, others):
        np.testing.assert_allclose(ours.predict(asked), forest.predict(asked), rtol=1e-6, atol=1e-6)


def test_rows_on_a_threshold_go_where_scikit_learn_sends_them():
    _, forest = grown(RandomForestRegressor, leaf=1)
    ours = TreeEnsemble.from_sklearn(forest)
    thresholds = np.concatenate([one.tree_.threshold[one.tree_.feature >= 0] for one in forest.estimators_])
    edge = np.repeat(thresholds.astype(np.float32)[:, None], 6, axis=1)
    edge = np.concatenate([edge, np.nextafter(edge, np.float32(9)), np.nextafter(edge, np.float32(-9))])
    np.testing.assert_allclose(ours.predict(edge), forest.predict(edge), rtol=1e-6, atol=1e-6)


def test_a_tree_of_one_leaf_is_a_constant():
    forest = ExtraTreesRegressor(3, random_state=0).fit(np.zeros((5, 2)), np.full(5, 0.25))
    np.testing.assert_allclose(TreeEnsemble.from_sklearn(forest).predict(np.ones((4, 2), np.float32)), 0.25)


def test_arrays_come_back_as_they_were():
    rows, forest = grown()
    ours = TreeEnsemble.from_sklearn(forest)
    again = TreeEnsemble.from_arrays(ours.arrays("gain"), "gain")
    np.testing.assert_array_equal(again.predict(rows), ours.predict(rows))


def test_rows_of_another_width_are_refused():
    ours = TreeEnsemble.from_sklearn(grown()[1])
    with pytest.raises(ValueError, match="rows of 5 numbers; 6 expected"):
        ours.predict(np.zeros((2, 5), np.float32))


def changed(name, value):
    ours = TreeEnsemble.from_sklearn(grown()[1])
    values = getattr(ours, name).copy()
    values[0] = value
    return replace(ours, **{name: values}).arrays("x")


@pytest.mark.parametrize(
    ("name", "value"),
    [("right", 0), ("right", -3), ("right", 32000), ("feature", 6), ("feature", -2), ("number", np.nan), ("roots", -1)],
)
def test_arrays_that_are_no_trees_are_refused(name, value):
    with pytest.raises(ValueError, match="x: not the arrays of regression trees"):
        TreeEnsemble.from_arrays(changed(name, value), "x")


def test_missing_arrays_and_other_kinds_are_named():
    arrays = TreeEnsemble.from_sklearn(grown()[1]).arrays("x")
    with pytest.raises(ValueError, match=r"x\.right: missing or of another kind; int16 numbers expected"):
        TreeEnsemble.from_arrays({name: values for name, values in arrays.items() if name != "x.right"}, "x")
    with pytest.raises(ValueError, match=r"x\.number: missing or of another kind; float32"):
        TreeEnsemble.from_arrays(arrays | {"x.number": arrays["x.number"].astype(np.float64)}, "x")
