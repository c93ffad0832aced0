"""Exported models and formulas compute what the model computes."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from tests.kan_fit.fits import formula_of
from vision_cli.kan_fit.formulas.exports import export_onnx, export_torch, formula_document, formula_text, latex_symbol
from vision_cli.kan_fit.formulas.tidy import Formula, symbol_of


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
