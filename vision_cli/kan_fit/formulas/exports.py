"""Exports of a fitted model to ONNX and torch.export, and of its formula to SymPy, LaTeX and Python."""

from __future__ import annotations

import builtins
import io
import json
import keyword
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.core.errors import MissingError, NumericalError
from vision_cli.core.escapes import latex_text
from vision_cli.kan_fit.formulas.tidy import Formula, symbol_of
from vision_cli.kan_fit.networks.dense import SKAN
from vision_cli.kan_fit.tables.files import TableModel

FORMULA_FILES = {"sympy": "formula.txt", "latex": "formula.tex", "python": "formula.py"}
_ONNX_WITHIN = 1e-5
_ROWS = 64
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_SYMBOL = re.compile(r"[A-Za-z]+[0-9]*(_[A-Za-z0-9]+)?")


class _Predictor(nn.Module):
    """The network with the scales of its inputs, in float64, and of its target.

    Parameters
    ----------
    model
        The model.
    dtype
        Of the network between both.
    """

    center: Tensor
    span: Tensor

    def __init__(self, model: TableModel, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = SKAN(model.network.plans).to(dtype)
        self.network.load_state_dict(model.network.state_dict())
        self.mean, self.scale, self.scalings = model.mean, model.scale, model.scalings
        first, own = self.network.each_layer()[0], model.network.each_layer()[0]
        # Float32 resolves seconds since 1970 to two minutes: inputs are scaled in float64, and then rounded.
        self.register_buffer("center", own.center.clone())
        self.register_buffer("span", own.scale.clone())
        first.center.zero_()
        first.scale.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        """Return predictions in the target's unit, in float64, ``(N, inputs)`` to ``(N,)``."""
        columns = [one.tensor(x[:, n]) for n, one in enumerate(self.scalings)]
        u = (torch.stack(columns, dim=1) - self.center) * self.span
        predicted: Tensor = self.network(u.to(self.network.each_layer()[0].weight.dtype))
        return predicted[:, 0].double() * self.scale + self.mean


def export_torch(model: TableModel, path: Path) -> float:
    """Write a torch.export program in float64 for any number of rows; return its greatest difference from the model.

    Raises
    ------
    NumericalError
        If the program differs from the model.
    """
    rows = torch.from_numpy(model.sample_inputs[:_ROWS])
    predictor = _Predictor(model, torch.float64).eval()
    with _quiet(), torch.no_grad():
        program = torch.export.export(predictor, (rows,), dynamic_shapes=({0: torch.export.Dim("rows")},))
        torch.export.save(program, path)
        other = program.module()(rows[:-1])
    return _difference(other.numpy(), model.predict(model.sample_inputs[: len(rows) - 1]), model, "torch.export", 1e-9)


def export_onnx(model: TableModel, path: Path) -> float:
    """Write an ONNX model for any number of rows; return its greatest difference from the model under onnxruntime.

    Its inputs and outputs are float64, and so is their scaling; the network between is float32.

    Raises
    ------
    MissingError
        If the packages of the extra ``export`` are not installed.
    NumericalError
        If the ONNX model differs from the model.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingError(
            f"{error.name}: not installed; required to write ONNX.", hint="Install the extra: vision-cli[export]."
        ) from error
    rows = torch.from_numpy(model.sample_inputs[:_ROWS])
    predictor = _Predictor(model, torch.float32).eval()
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            predictor,
            (rows,),
            dynamo=True,
            input_names=["inputs"],
            output_names=["prediction"],
            dynamic_shapes=({0: torch.export.Dim("rows")},),
            verbose=False,
        )
    if program is None:
        raise NumericalError("torch.onnx.export returned no program; an ONNX program expected.")
    program.save(path)
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"inputs": model.sample_inputs})[0]
    return _difference(found, model.predict(model.sample_inputs), model, "onnxruntime", _ONNX_WITHIN)


def formula_text(formula: Formula, kind: str) -> str:
    """Return a formula as text of a kind: ``sympy`` (for sympify), ``latex``, or a ``python`` module."""
    import sympy

    if kind == "sympy":
        return f"{readable_text(formula)}\n"
    if kind == "latex":
        symbols = {symbol_of(name): latex_symbol(name) for name in formula.variables}
        return f"{sympy.latex(formula.expression, symbol_names=symbols)}\n"
    from sympy.printing.numpy import NumPyPrinter

    stand_ins = {
        sympy.Symbol(name, real=True): sympy.Symbol(f"x{n}", real=True) for n, name in enumerate(formula.variables)
    }
    printer = NumPyPrinter({"fully_qualified_modules": False, "allow_unknown_functions": False})
    body = printer.doprint(formula.expression.xreplace(stand_ins))
    imports = sorted({name for names in printer.module_imports.values() for name in names})
    arguments = ", ".join(f"x{n}" for n in range(len(formula.variables)))
    described = "\n".join(f"    x{n}: {json.dumps(name)}" for n, name in enumerate(formula.variables))
    imported = f"from numpy import {', '.join(imports)}\n\n\n" if imports else "\n"
    head = f'"""A formula that `vcli kan-fit explain` found; RMSE {formula.rmse:.3g} on held rows."""'
    about = f'"""Predict from columns, arrays of one length:\n\n{described}\n    """'
    return f"{head}\n\n{imported}def predict({arguments}):\n    {about}\n    return {body}\n"


def readable_symbols(names: Sequence[str]) -> dict[str, str]:
    """Return a name for each column that SymPy reads as a symbol: the column's own where it can be.

    A name with blanks or units gets underscores, and one that SymPy or Python knows, such as ``E``, ``N`` or
    ``lambda``, an underscore at its end.
    """
    import sympy

    taken = {*dir(sympy), *dir(builtins), *keyword.kwlist}
    found: dict[str, str] = {}
    for name in names:
        word = name if _IDENTIFIER.fullmatch(name) else re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "x"
        word = f"x_{word}" if word[0].isdigit() else word
        while word in taken:
            word += "_"
        taken.add(word)
        found[name] = word
    return found


def readable_text(formula: Formula, expression: Any = None) -> str:
    """Return a formula as text that ``sympy.sympify`` reads, with the names of `readable_symbols`.

    Parameters
    ----------
    formula
        The formula.
    expression
        One of its alternatives instead of its own expression.
    """
    import sympy

    shown = formula.expression if expression is None else expression
    others = sorted(str(symbol) for symbol in shown.free_symbols if str(symbol) not in formula.variables)
    names = readable_symbols([*formula.variables, *others])
    return str(shown.xreplace({symbol_of(name): sympy.Symbol(word) for name, word in names.items()}))


def latex_symbol(name: str) -> str:
    """Return the LaTeX of a column's name: by SymPy if it is a plain symbol such as ``x_1``, else as escaped text."""
    import sympy

    return str(sympy.latex(sympy.Symbol(name))) if _PLAIN_SYMBOL.fullmatch(name) else rf"\mbox{{{latex_text(name)}}}"


def formula_document(formula: Formula) -> dict[str, object]:
    """Return a formula for JSON."""
    return {
        "expression": readable_text(formula),
        "variables": list(formula.variables),
        "symbols": {word: name for name, word in readable_symbols(formula.variables).items()},
        "operators": {"-".join(map(str, edge)): name for edge, name in sorted(formula.operators.items())},
        "rmse": formula.rmse,
        "network_rmse": formula.network_rmse,
        "rounded": formula.is_rounded,
    }


def _difference(found: object, expected: object, model: TableModel, program: str, within: float) -> float:
    difference = float(np.abs(np.asarray(found) - np.asarray(expected)).max())
    if not difference <= within * max(model.scale, 1e-9 * abs(model.mean)):
        raise NumericalError(f"{program} differs by {difference:.3g} from the model; at most {within:g} expected.")
    return difference


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress what the exporters print and warn."""
    import contextlib

    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
