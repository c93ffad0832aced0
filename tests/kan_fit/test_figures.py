"""Pictures and formulas take columns and classes by any name."""

from __future__ import annotations

from types import SimpleNamespace
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
import sympy
import torch

from vision_cli.kan_fit import figures
from vision_cli.kan_fit.formulas.exports import formula_text, latex_symbol
from vision_cli.kan_fit.formulas.suites import find_function
from vision_cli.kan_fit.formulas.tidy import Formula, symbol_of
from vision_cli.kan_fit.images import figures as image_figures
from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.tables.files import read_model

HOSTILE = ("$\\frac{$", "a $b$ \\input{x}", "<script>&", "_hidden", "\udcff\n\x07")
SHOWN = ("$\\frac{$", "a $b$ \\input{x}", "<script>&", "_hidden", "\\udcff\\n\\x07")

NAMES = list(zip(HOSTILE, SHOWN, strict=True))


@pytest.fixture
def texts(tmp_path):
    """Return the texts of the picture that a function draws, as a reader of the file sees them."""

    def of(draw, *arguments):
        path = tmp_path / "a.svg"
        with mpl.rc_context({"svg.fonttype": "none"}):
            draw(path, *arguments)
        return [one.text for one in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]

    return of


@pytest.fixture(scope="module")
def model(request):
    kept = read_model(request.path.with_name("expsin"))
    inputs = find_function("expsin").sample(100, np.random.default_rng(0))[0]
    return kept, inputs


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_a_network_shows_its_columns_to_the_letter(texts, model, name, shown):
    kept, inputs = model
    named = SimpleNamespace(network=kept.network, names=(name, "y"), target=name)
    found = texts(figures.network, named, inputs)
    assert found.count(shown) == 2
    layer = kept.network.each_layer()[0]
    assert f"{shown}, cheby" in texts(
        figures.edge, layer, kept.network.layer_inputs(torch.from_numpy(inputs))[0], 0, 0, f"{name}, cheby"
    )


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_comparisons_show_names_to_the_letter(texts, name, shown):
    values = np.linspace(1.0, 2.0, 30)
    assert f"{shown}, test data" in texts(figures.agreement, values + 0.1, values, name)
    assert shown in texts(figures.comparison, [(name, 0.1), ("b", 0.2)])
    found = texts(figures.methods_by_problem, {"ours": {name: 0.1, "p": 0.3}}, name)
    assert found.count(shown) == 2
    step = SimpleNamespace(val=0.5)
    assert len(texts(figures.history, [SimpleNamespace(name=name, score=1, steps=[step, step])], 1.0)) > 2


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_classes_are_shown_to_the_letter(texts, name, shown):
    counts = np.array([[3, 1], [0, 2]])
    found = texts(image_figures.confusion, counts, (name, "b"))
    assert found.count(shown) == 2
    pixels = np.zeros((2, 4, 4, 1), np.uint8)
    images = Images(pixels, np.array([0, 1]), ("1", "2"))
    found = texts(image_figures.mistakes, images, np.array([[0.2, 0.8], [0.9, 0.1]]), (name, "b"))
    assert {f"{shown} 90%", f"({shown})"} <= set(found)


def test_a_long_name_leaves_room_for_the_picture(texts, model):
    kept, inputs = model
    found = texts(figures.network, SimpleNamespace(network=kept.network, names=("n" * 500, "y"), target="t"), inputs)
    assert f"{'n' * 20}…{'n' * 19}" in found


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
