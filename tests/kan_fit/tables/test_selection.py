"""Selection is never worse, on validation data, than the best single space; formulas come back out."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import sympy
import torch

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.kan_fit import figures
from vision_cli.kan_fit.formulas.exports import export_onnx, export_torch, formula_document, formula_text
from vision_cli.kan_fit.formulas.from_network import _Fitted, _SymbolicNetwork, find_formula
from vision_cli.kan_fit.formulas.operators import OPERATORS, read_library
from vision_cli.kan_fit.formulas.suites import find_function
from vision_cli.kan_fit.formulas.tidy import FormulaRows, tidied
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.runs.checkpoints import Stages
from vision_cli.kan_fit.tables.candidates import Problem
from vision_cli.kan_fit.tables.data import Column, TableData
from vision_cli.kan_fit.tables.files import TableModel
from vision_cli.kan_fit.tables.pipeline import auto_widths, fit, measure, split_rows
from vision_cli.kan_fit.tables.selection import MIXED, SWAPPED, OutOfBudget, Selection, grids_for, search


def problem(name, rows=500):
    inputs, values = find_function(name).sample(rows, np.random.default_rng(0))
    x, y = torch.from_numpy(inputs), torch.from_numpy((values - values.mean()) / values.std()).unsqueeze(1)
    held = rows // 5
    return Problem(x[held:], y[held:], x[:held], y[:held])


def compute_only(_name, compute):
    return compute()


QUICK = SearchOptions(pool=("bspline", "cheby", "fourier"), refine=(5, 10), restarts=1, steps=8)


@pytest.mark.parametrize("name", ["kinkchirp", "runge"])
def test_the_result_is_no_worse_than_the_best_single_space(name):
    found = search(problem(name), [(2,)], QUICK, compute_only)
    single = [c for c in found.candidates if c.name.split()[-1] in QUICK.pool]
    assert {c.name.split()[1] for c in found.candidates} >= {MIXED, SWAPPED}
    assert len(single) >= 1
    assert found.best.score <= min(candidate.score for candidate in single)
    data = problem(name)
    with torch.no_grad():
        score = float((found.best.network(data.x_val) - data.y_val).square().mean())
    assert score == pytest.approx(found.best.score, rel=1e-9)


def test_selected_networks_have_one_mode_a_node_and_choices_are_recorded():
    found = search(problem("kinkchirp"), [(2,)], QUICK, compute_only)
    for candidate in found.candidates:
        assert all(len(modes) == 1 for plan in candidate.network.plans for modes in plan.modes)
    mixed = [choice for choice in found.choices if choice.candidate.endswith(MIXED)]
    gates = [choice for choice in mixed if choice.gate is not None]
    assert len(gates) == 4 * len(QUICK.pool)
    for layer, node in {(choice.layer, choice.node) for choice in gates}:
        here = [choice.gate for choice in gates if (choice.layer, choice.node) == (layer, node)]
        assert sum(here) == pytest.approx(1)


def test_without_selection_the_whole_pool_stays():
    found = search(problem("kinkchirp"), [(2,)], SearchOptions(**{**QUICK.__dict__, "select": "none"}), compute_only)
    assert [len(modes) for modes in found.best.network.plans[0].modes] == [3, 3]


@pytest.mark.parametrize("level", ["edge", "layer"])
def test_gates_alone_can_select(level):
    settings = SearchOptions(**{**QUICK.__dict__, "select": "gate", "level": level})
    found = search(problem("xy"), [(2,)], settings, compute_only)
    assert [candidate.name for candidate in found.candidates] == ["2-2-1 mixed"]
    if level == "layer":
        assert all(len(set(plan.modes)) == 1 for plan in found.best.network.plans)


def test_a_simple_network_that_is_exact_is_preferred():
    found = search(problem("expsin", 1000), auto_widths(2), SearchOptions(pool=("cheby",)), compute_only)
    assert found.best.network.widths in {(2, 1, 1), (2, 2, 1)}
    assert math.sqrt(found.best.score) < 1e-5


def test_grids_follow_the_number_of_rows():
    assert grids_for(problem("xy", 100), (2, 5, 1), ["bspline"], (5, 10, 20)) == (5,)
    assert grids_for(problem("xy", 2000), (2, 5, 1), ["bspline"], (5, 10, 20)) == (5, 10, 20)


def test_a_resumed_search_reads_what_was_finished_and_ends_the_same(tmp_path):
    data = problem("kinkchirp", 300)
    whole = search(data, [(2,)], QUICK, Stages(tmp_path / "whole"))

    class Killed(Exception):
        pass

    def killed(name, compute):
        if name.endswith(SWAPPED):
            raise Killed
        return Stages(tmp_path / "part")(name, compute)

    with pytest.raises(Killed):
        search(data, [(2,)], QUICK, killed)
    computed = []
    stages = Stages(tmp_path / "part")

    def watched(name, compute):
        return stages(name, lambda: (computed.append(name), compute())[1])

    resumed = search(data, [(2,)], QUICK, watched)
    assert computed[0].split()[1] == SWAPPED
    assert resumed.final.score == whole.final.score
    assert [c.score for c in resumed.candidates] == [c.score for c in whole.candidates]
    assert resumed.choices == whole.choices
    with torch.no_grad():
        assert torch.equal(resumed.final.network(data.x_val), whole.final.network(data.x_val))


def test_a_search_that_is_out_of_time_ends_with_the_best_so_far(tmp_path):
    stages = Stages(tmp_path, budget_s=1e-9)
    found = search(problem("kinkchirp", 300), [(2,)], QUICK, stages)
    assert found.is_cut_short
    assert list(stages.seconds) == ["2-2-1 bspline, coarse"]
    assert math.isfinite(found.final.score)
    whole = search(
        problem("xy", 100), [()], SearchOptions(pool=("cheby",), refine=(5,), steps=2), Stages(tmp_path / "w")
    )
    assert not whole.is_cut_short


def test_a_fit_that_is_out_of_time_before_all_rows_says_so(monkeypatch):
    monkeypatch.setattr("vision_cli.kan_fit.tables.pipeline._SEARCH_ROWS", 200)
    target = find_function("xy")
    inputs, values = target.sample(600, np.random.default_rng(0))
    table = TableData(inputs, target.variables, values, tuple(Column(name) for name in target.variables), "y")
    settings = SearchOptions(pool=("cheby",), refine=(5,), steps=2)

    def no_time_for_all_rows(name, compute):
        if name == "all rows":
            raise OutOfBudget
        return compute()

    found = fit(inputs, values, split_rows(600, 0.2, 0.0, 0), table, [()], settings, remember=no_time_for_all_rows)
    assert found.selection.is_cut_short
    assert found.final is found.selection.final


def test_damaged_stages_are_said(tmp_path):
    stages = Stages(tmp_path)
    candidate = search(
        problem("xy", 100), [()], SearchOptions(pool=("cheby",), refine=(5,), steps=2), compute_only
    ).best
    stages("a", lambda: (candidate, ()))
    (tmp_path / "stages" / "a.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.json: damaged"):
        stages("a", lambda: (candidate, ()))


def fitted(name, hidden, rows=600):
    target = find_function(name)
    inputs, values = target.sample(rows, np.random.default_rng(0))
    columns = tuple(Column(variable) for variable in target.variables)
    table = TableData(inputs, target.variables, values, columns, "y")
    bounds = np.array([target.ranges.get(variable, (-1, 1)) for variable in target.variables]).T
    settings = SearchOptions(pool=("cheby", "bspline"), refine=(5, 10, 20))
    return fit(inputs, values, split_rows(rows, 0.2, 0.0, 0), table, [hidden], settings, bounds=bounds).model


@pytest.fixture(scope="module")
def expsin() -> TableModel:
    return fitted("expsin", (1,))


def formula_of(model):
    return find_formula(model, model.sample_inputs, model.sample_target, read_library(None))


def test_a_formula_is_recovered_with_its_constants(expsin):
    formula = formula_of(expsin)
    x, y = sympy.symbols("x y", real=True)
    assert sympy.simplify(formula.expression - sympy.exp(sympy.sin(sympy.pi * x) + y**2)) == 0
    assert formula.is_rounded
    assert formula.rmse < 1e-9


@pytest.mark.parametrize(
    ("name", "expected"), [("I.12.1", "mu*Nn"), ("I.14.4", "k*x**2/2"), ("I.12.2", "q1*q2/(4*pi*epsilon*r**2)")]
)
def test_products_and_powers_of_physics_are_recovered(name, expected):
    formula = formula_of(fitted(name, (1,)))
    symbols = {variable: sympy.Symbol(variable, real=True) for variable in find_function(name).variables}
    assert sympy.simplify(formula.expression - sympy.sympify(expected, symbols)) == 0


def test_formulas_are_multiplied_out_only_where_that_keeps_them_readable():
    x, y = sympy.symbols("x y", real=True)
    assert tidied((x + 1.0) ** 2 - 2 * x) == x**2 + 1
    high = sympy.sqrt((1.1 * x + 0.3 * y + 0.4) ** 8)
    assert tidied(high) == high
    small = 1.7e-16 * sympy.exp(35.4 * sympy.sin(x))
    assert tidied(small) == small
    assert tidied((x + 1e-15) ** 2) == x**2


def test_a_noisy_formula_gets_its_constants_back():
    model = fitted("I.6.2a", (1,))
    noise = 0.01 * model.scale * np.random.default_rng(5).normal(size=len(model.sample_target))
    formula = find_formula(model, model.sample_inputs, model.sample_target + noise, read_library(None))
    theta = sympy.Symbol("theta", real=True)
    assert sympy.simplify(formula.expression - sympy.exp(-(theta**2) / 2) / sympy.sqrt(2 * sympy.pi)) == 0


def test_constants_that_trade_with_each_other_are_merged_and_made_simple():
    generator = np.random.default_rng(3)
    inputs = generator.uniform(1, 3, (900, 2))
    clean = inputs[:, 0] / (inputs[:, 1] * math.sqrt(2 * math.pi))
    noisy = clean + 0.01 * clean.std() * generator.normal(size=len(clean))
    model = SimpleNamespace(names=("x", "y"), scale=float(clean.std()), predict=lambda rows: rows[:, 0] / rows[:, 1])
    rows = FormulaRows(inputs[:600], noisy[:600], inputs[600:], noisy[600:], model)
    x, y = sympy.symbols("x y", real=True)
    fit = 0.2366 * x**1.0007 / (0.5934 * y + 0.0008) ** 0.9993
    found = rows.formula(fit, {}, rows._held_error(fit) / model.scale).expression
    assert sympy.simplify(found - x / (y * sympy.sqrt(2 * sympy.pi))) == 0


def test_where_operators_cannot_follow_the_network_the_data_give_the_formula(monkeypatch):
    def blocked(*_):
        raise NumericalError("edge (0, 0, 0): no operator of the library can follow it.")

    model = fitted("I.12.1", (1,))
    monkeypatch.setattr(_SymbolicNetwork, "substitute", blocked)
    assert formula_of(model).rmse < 1e-9
    with pytest.raises(NumericalError, match="can follow"):
        find_formula(model, model.sample_inputs, model.sample_target, [])


def test_a_network_whose_operators_have_no_value_is_the_worst(expsin):
    net = _SymbolicNetwork(expsin, expsin.sample_inputs)
    root = next(one for one in read_library(None) if one.name == "sqrt")
    net.symbolic[0, 0, 0] = _Fitted(root, np.array([1.0, 0.0, -1.0, 0.0]))
    assert net.loss(expsin.sample_inputs, expsin.sample_target) == math.inf


def test_exported_programs_predict_as_the_model(expsin, tmp_path):
    assert export_torch(expsin, tmp_path / "model.pt2") < 1e-9
    pytest.importorskip("onnxscript")
    assert export_onnx(expsin, tmp_path / "model.onnx") <= 1e-5
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    rows = expsin.sample_inputs[:9].astype(np.float32)
    found = session.run(None, {"inputs": rows})[0]
    assert np.allclose(found, expsin.predict(rows.astype(np.float64)), atol=1e-4)


def test_written_formulas_compute_the_same(expsin):
    formula = formula_of(expsin)
    rows = expsin.sample_inputs[:20]
    expected = formula(rows, expsin.names)
    module: dict = {}
    exec(formula_text(formula, "python"), module)
    assert np.allclose(module["predict"](*rows.T), expected)
    text = formula_text(formula, "sympy").strip()
    symbols = {name: sympy.Symbol(name, real=True) for name in expsin.names}
    assert sympy.sympify(text, symbols) == formula.expression
    assert formula_text(formula, "latex").startswith("e^{")
    assert formula_document(formula)["operators"]["1-0-0"] == "exp"


def test_slopes_of_operators_are_those_of_their_values():
    x = np.linspace(0.1, 0.9, 50)
    for operator in OPERATORS.values():
        numeric = (operator.value(x + 1e-6) - operator.value(x - 1e-6)) / 2e-6
        assert np.allclose(operator.slope(x), numeric, rtol=1e-4, atol=1e-6), operator.name
        symbol = sympy.Symbol("x", real=True)
        assert np.allclose(sympy.lambdify(symbol, operator.symbol(symbol))(x), operator.value(x)), operator.name


def test_libraries_of_operators(tmp_path):
    (tmp_path / "l.txt").write_text("sin\nexp  # growth\n\n", encoding="utf-8")
    assert [operator.name for operator in read_library(tmp_path / "l.txt")] == ["sin", "exp"]
    (tmp_path / "l.txt").write_text("sine\n", encoding="utf-8")
    with pytest.raises(InputError, match="sine found; some of x, "):
        read_library(tmp_path / "l.txt")


def test_conformal_intervals_cover_what_they_promise():
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (3000, 1))
    values = inputs[:, 0] ** 2 + rng.normal(scale=0.1, size=3000)
    table = TableData(inputs, ("x",), values, (Column("x"),), "y")
    split = split_rows(3000, 0.2, 0.4, 0)
    model = fit(inputs, values, split, table, [()], SearchOptions(pool=("cheby",), refine=(5,))).model
    errors = np.abs(model.predict(inputs[split.test]) - values[split.test])
    for level in (0.5, 0.9):
        assert abs(float((errors <= model.half_width(level)).mean()) - level) < 0.05
    with pytest.raises(InputError, match=r"600 validation rows found; 9999 or more"):
        model.half_width(0.9999)


def test_measures_are_those_of_scikit_learn():
    from sklearn.metrics import max_error, mean_absolute_error, r2_score, root_mean_squared_error

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=50), rng.normal(size=50)
    found = measure(a, b)
    assert found.rmse == pytest.approx(root_mean_squared_error(b, a))
    assert found.mae == pytest.approx(mean_absolute_error(b, a))
    assert found.max_error == pytest.approx(max_error(b, a))
    assert found.r2 == pytest.approx(r2_score(b, a))


def test_too_few_rows_are_refused():
    with pytest.raises(InputError, match="12 rows to train on and 4 to validate on found; 30"):
        split_rows(20, 0.2, 0.2, 0)


def test_pictures_are_drawn_and_the_same_twice(expsin, tmp_path):
    for name in ("a.svg", "b.svg"):
        figures.network(tmp_path / name, expsin, expsin.sample_inputs)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").count("<path") > 10


def test_an_empty_selection_has_no_best():
    with pytest.raises(ValueError, match="empty"):
        _ = Selection().best
