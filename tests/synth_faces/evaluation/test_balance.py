"""Balance of labels and attributes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats.contingency import association

from vision_cli.synth_faces.evaluation.balance import balance_tables


def test_counts_by_label_and_attribute():
    labels = ["fear", "fear", "anger", "", "anger", "anger"]
    facts = [{"sex": "f"}, {"sex": "m"}, {"sex": "f"}, {"sex": "f"}, {}, {"sex": "m"}]
    whole, sex = balance_tables(labels, facts)
    assert (whole.attribute, whole.values) == ("label", ("anger", "fear", "unknown"))
    assert [row[0] for row in whole.counts] == [3, 2, 1]
    assert whole.ratio == 3
    assert (sex.values, sex.labels) == (("f", "m", "unknown"), ("anger", "fear", "unknown"))
    assert sex.counts == ((1, 1, 1), (1, 1, 0), (1, 0, 0))
    assert sex.dependence == pytest.approx(association(np.array(sex.counts), method="cramer"))


def test_even_and_uneven_shares():
    even, skewed = (balance_tables(labels, [{}] * 100)[0] for labels in (["a", "b"] * 50, ["a"] * 99 + ["b"]))
    assert even.evenness == pytest.approx(1)
    assert skewed.evenness < 0.1
    assert balance_tables(["a"], [{}])[0].evenness == 1


def test_many_numbers_become_ranges_and_few_stay():
    ages = [float(n) for n in range(20, 61)]
    (_, age, glasses) = balance_tables(["a"] * 41, [{"age": age, "glasses": n % 2} for n, age in enumerate(ages)])
    assert age.values == ("20 to 30", "30 to 40", "40 to 50", "50 to 60")
    assert [row[0] for row in age.counts] == [10, 10, 10, 11]
    assert glasses.values == ("0", "1")


def test_an_attribute_that_follows_the_label_depends_on_it():
    labels = ["a", "b"] * 20
    tables = balance_tables(labels, [{"same": label, "other": n // 2 % 2} for n, label in enumerate(labels)])
    assert {table.attribute: round(table.dependence, 6) for table in tables[1:]} == {"same": 1, "other": 0}


def test_nothing_has_a_table_without_rows():
    assert balance_tables([], [])[0].counts == ()
