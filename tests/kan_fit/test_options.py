"""Settings of kan-fit as they are typed: pools, widths, grids, baselines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.names import BASELINES, DEFAULT_POOL, PAPER_POOL
from vision_cli.kan_fit.options import POOL, BaselineNames, HiddenWidths, SearchOptions


def test_pools_by_name():
    assert POOL.parse("--pool", "default") == DEFAULT_POOL
    assert POOL.parse("--pool", "paper") == PAPER_POOL
    assert POOL.parse("--pool", " cheby, rbf") == ("cheby", "rbf")


@pytest.mark.parametrize(("text", "message"), [("chebi", "chebi found; .* bspline, rbf"), (",", "nothing found")])
def test_other_pools_are_refused(text, message):
    with pytest.raises(UsageError, match=message):
        POOL.parse("--pool", text)


def test_a_misspelt_space_is_recognised():
    with pytest.raises(UsageError) as caught:
        POOL.parse("--pool", "chebi")
    assert caught.value.hint == "Did you mean cheby?"


@pytest.mark.parametrize(
    ("text", "widths"),
    [("auto", None), ("0", ((),)), ("5", ((5,),)), ("5,3", ((5, 3),)), ("0;5;1,1", ((), (5,), (1, 1)))],
)
def test_hidden_widths_of_one_network_or_several(text, widths):
    assert HiddenWidths().parse("--width", text) == widths
    assert HiddenWidths().text(widths) == text


@pytest.mark.parametrize("text", ["a", "0,1", "-1", "", "5;", "5,"])
def test_other_widths_are_refused(text):
    with pytest.raises(UsageError, match=f"--width: {text} found; auto, or numbers of hidden nodes such as"):
        HiddenWidths().parse("--width", text)


def test_the_coarsest_grid_goes_before_the_finer_ones():
    assert SearchOptions().grids == (5, 10, 20, 40)
    assert SearchOptions(grid=8).grids == (8, 10, 20, 40)


@given(st.dictionaries(st.sampled_from(BASELINES), st.sampled_from([None, Path("checkout"), Path("a/b")])))
def test_baselines_are_written_as_they_are_read(baselines):
    words = BaselineNames()
    assert words.parse("--baselines", words.text(baselines)) == baselines


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UsageError, match=r"--baselines: pykna found; names of pykan, .* none expected") as caught:
        BaselineNames().parse("--baselines", "mlp,pykna=PATH")
    assert caught.value.hint == "Did you mean pykan?"
