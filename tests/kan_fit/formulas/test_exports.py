"""Exported models and formulas compute what the model computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy

from tests.kan_fit.fits import formula_of
from vision_cli.kan_fit.formulas.exports import (
    export_onnx,
    export_torch,
    formula_document,
    formula_text,
    latex_symbol,
    readable_symbols,
    readable_text,
)
from vision_cli.kan_fit.formulas.tidy import Alternative, Formula, symbol_of
from vision_cli.kan_fit.networks.dense import SKAN
from vision_cli.kan_fit.tables.robust.scaling import IDENTITY, Scaling


@pytest.mark.slow
def test_exported_programs_predict_as_the_model(kept, tmp_path):
    """Seconds since 1970 differ in digits that float32 lacks; the other input is scaled."""
    network = SKAN(kept.network.plans).double()
    network.load_state_dict(kept.network.state_dict())
    network.each_layer()[0].center[0] += 1.7e9
    seconds = kept.sample_inputs + np.array([1.7e9, 0])
    model = replace(kept, network=network, sample_inputs=seconds, scalings=(IDENTITY, Scaling("asinh", 0.1, 0.5)))
    assert export_torch(model, tmp_path / "model.pt2") < 1e-9
    pytest.importorskip("onnxscript")
    assert export_onnx(model, tmp_path / "model.onnx") <= 1e-5
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    found = session.run(None, {"inputs": seconds[:9]})[0]
    assert np.allclose(found, model.predict(seconds[:9]), atol=1e-5)


NAMES = ("N", "E", "lambda", "flow rate [m/s]", "2nd", "x", "x_", "größe")


def test_sympy_reads_formulas_of_any_names_back(tmp_path):
    symbols = [symbol_of(name) for name in NAMES]
    expression = sum((n + 1) * sympy.sin(one) for n, one in enumerate(symbols)) + sympy.Float(4.2) * symbols[0]
    formula = Formula(expression, NAMES, {}, 0.0, 0.0, False)
    words = readable_symbols(NAMES)
    assert list(words.values()) == ["N_", "E_", "lambda_", "flow_rate_m_s", "x_2nd", "x", "x_", "gr_e"]
    read = sympy.sympify(formula_text(formula, "sympy"))
    assert {str(one) for one in read.free_symbols} == set(words.values())
    values = dict(zip(words.values(), np.linspace(0.1, 1, len(NAMES)), strict=True))
    expected = formula(np.array([[*values.values()]]), NAMES)[0]
    assert float(read.subs(values)) == pytest.approx(expected, rel=1e-12)
    shorter = Alternative(1, 0.5, symbol_of("E") + symbol_of("S"))
    assert readable_text(replace(formula, alternatives=(shorter,)), shorter.expression) == "E_ + S_"
    assert formula_document(formula)["symbols"]["flow_rate_m_s"] == "flow rate [m/s]"


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


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("alpha", r"\alpha"),
        ("x_1", "x_{1}"),
        ("price ($)", r"\mbox{price (\$)}"),
        ("50%", r"\mbox{50\%}"),
        (r"\input{secret}", r"\mbox{\textbackslash{}input\{secret\}}"),
        ("a_", r"\mbox{a\_}"),
        ("x^2", r"\mbox{x\textasciicircum{}2}"),
        ("größe", r"\mbox{größe}"),
    ],
)
def test_a_formula_of_latex_sets_a_column_to_the_letter(name, latex):
    assert latex_symbol(name) == latex
    expression = 2 * symbol_of(name) + sympy.Integer(1)
    formula = Formula(expression, (name,), {}, 0.0, 0.0, False)
    assert formula_text(formula, "latex") == f"2 {latex} + 1\n"
