"""``kan-fit explain``: figures of a fitted network, its formula, and exports to other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from vision_cli.core.command.console import Output, Table
from vision_cli.core.errors import InputError
from vision_cli.core.report import Picture, Report
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.runs import Run
from vision_cli.kan_fit import figures
from vision_cli.kan_fit.formulas.exports import (
    FORMULA_FILES,
    export_onnx,
    export_torch,
    formula_document,
    formula_text,
    readable_text,
)
from vision_cli.kan_fit.formulas.from_network import find_formula
from vision_cli.kan_fit.formulas.operators import read_library
from vision_cli.kan_fit.formulas.tidy import Formula
from vision_cli.kan_fit.images.exports import export_classifier
from vision_cli.kan_fit.images.files import is_image_model, read_image_model
from vision_cli.kan_fit.options import ExplainOptions
from vision_cli.kan_fit.runs.verdicts import WORSE, explanation_verdict
from vision_cli.kan_fit.tables.classes import folders_of, is_classes_model, read_classes_model
from vision_cli.kan_fit.tables.files import TableModel, pruned_model, read_model, write_model
from vision_cli.kan_fit.tables.measures import regression_measures

ALTERNATIVES = "formulas.csv"

_NETWORK_READING = (
    "Read it from the inputs below to the output above; a faint curve does little, and an input without a strong one "
    "is not needed."
)
_EDGE_READING = (
    "The marks below are the values that reach the edge: trust the curve where they are dense, and not where it bends "
    "without any."
)


def explain_model(run: Run, path: Path, wanted: ExplainOptions, seed: int, output: Output) -> None:
    """Explain a fitted model and write the results into an open run.

    Parameters
    ----------
    run
        The open run.
    path
        Directory of a fit.
    wanted
        Figures, formula and exports to write.
    seed
        Of the split of the sample into rows to fit a formula to and held-out rows to choose by.
    output
        Shows the progress.
    """
    if is_classes_model(path):
        raise InputError(
            f"{path}: a model of several classes found; that of one class expected.",
            hint=f"Explain one of {folders_of(read_classes_model(path).classes)} in it.",
        )
    if wanted.save == ("onnx",) and is_image_model(path):
        with run.output("model.onnx") as target_path:
            difference = export_classifier(read_image_model(path), target_path)
        run.write_metrics({"onnx_difference": difference})
        return
    model = read_model(path)
    inputs, target = model.sample_inputs, model.sample_target
    metrics: dict[str, float | int | str | None] = {
        "parameters": model.network.parameters_in_use(),
        "sample_rmse": regression_measures(model.predict(inputs), target).rmse,
    }
    if wanted.prune is not None:
        model = pruned_model(model, wanted.prune)
        metrics |= {
            "parameters_pruned": model.network.parameters_in_use(),
            "sample_rmse_pruned": regression_measures(model.predict(inputs), target).rmse,
        }
        write_model(run, model)
    pictures = _draw(run, model, wanted.picture_format)
    formula = None
    if wanted.symbolic or set(wanted.save) & set(FORMULA_FILES):
        output.info("looking for a formula")
        formula = find_formula(model, inputs, target, read_library(wanted.library), seed=seed)
        run.write_json("formula.json", formula_document(formula))
        kinds = set(wanted.save) & set(FORMULA_FILES) or set(FORMULA_FILES)
        for kind in sorted(kinds):
            run.write_text(FORMULA_FILES[kind], formula_text(formula, kind))
        run.write_csv(ALTERNATIVES, ("complexity", "rmse", "formula"), _alternatives(formula))
        if formula.rmse > WORSE * formula.network_rmse:
            run.warn(
                f"the formula has an RMSE of {formula.rmse:.3g} where the network has {formula.network_rmse:.3g}: "
                "it misses a part of what the network learned"
            )
        metrics |= {
            "formula": readable_text(formula),
            "formula_rmse": formula.rmse,
            "formula_network_rmse": formula.network_rmse,
            "formula_is_rounded": int(formula.is_rounded),
        }
    if "pt2" in wanted.save:
        with run.output("model.pt2") as target_path:
            metrics["torch_export_difference"] = export_torch(model, target_path)
    if "onnx" in wanted.save:
        with run.output("model.onnx") as target_path:
            metrics["onnx_difference"] = export_onnx(model, target_path)
    run.write_metrics(metrics)
    _report(run, model, metrics, pictures, formula)


def _alternatives(formula: Formula) -> list[tuple[object, ...]]:
    """Return the rows of ``formulas.csv``: the best formula of each complexity."""
    return [(one.complexity, one.rmse, readable_text(formula, one.expression)) for one in formula.alternatives]


def _draw(run: Run, model: TableModel, kind: str) -> list[Picture]:
    first = f"plots/net.{kind}"
    with run.output(first) as path:
        figures.network(path, model, model.network_inputs(model.sample_inputs).numpy())
    caption = "The network, each edge with the function that it learned."
    pictures = [Picture(run.directory / first, caption, _NETWORK_READING)]
    with torch.no_grad():
        layer_inputs = model.network.layer_inputs(model.network_inputs(model.sample_inputs))
    for number, layer in enumerate(model.network.each_layer()):
        for i, j in layer.edges.nonzero().tolist():
            interrupts.check()
            name = f"plots/edge_{number}_{i}_{j}.{kind}"
            start = model.input_labels[i] if number == 0 else f"node {i + 1} of layer {number}"
            title = f"{start}, {layer.plan.modes[i][0]}"
            with run.output(name) as path:
                figures.edge(path, layer, layer_inputs[number], i, j, title)
            caption = f"Layer {number + 1}: {title}, to node {j + 1}."
            pictures.append(Picture(run.directory / name, caption, _EDGE_READING))
    return pictures


def _report(
    run: Run,
    model: TableModel,
    metrics: Mapping[str, float | int | str | None],
    pictures: Sequence[Picture],
    formula: Formula | None,
) -> None:
    tables = []
    if formula is not None:
        columns = ("formula", "RMSE", "RMSE of the network")
        tables.append(Table(columns, [(readable_text(formula), formula.rmse, formula.network_rmse)], title="Formula"))
        if formula.alternatives:
            tables.append(Table(("complexity", "RMSE", "formula"), _alternatives(formula), title="Formulas by length"))
        tables.append(
            Table(
                ("edge", "operator"),
                [
                    (f"layer {e[0] + 1}, {e[1] + 1} to {e[2] + 1}", name)
                    for e, name in sorted(formula.operators.items())
                ],
                title="Operators",
            )
        )
    pruned = metrics.get("sample_rmse_pruned")
    verdict, level = explanation_verdict(
        model.target,
        sum(int(layer.edges.sum()) for layer in model.network.each_layer()),
        float(metrics["sample_rmse"] or 0),
        pruned_rmse=None if pruned is None else float(pruned),
        formula=None if formula is None else readable_text(formula),
        formula_rmse=0.0 if formula is None else formula.rmse,
        network_rmse=0.0 if formula is None else formula.network_rmse,
    )
    summary: dict[str, object] = {
        "parameters": model.network.parameters_in_use(),
        "RMSE on the sample": metrics.get("sample_rmse_pruned", metrics["sample_rmse"]),
    }
    if formula is not None:
        summary |= {"RMSE of the formula": formula.rmse}
    report = Report(
        title="kan-fit: explanation", verdict=verdict, level=level, summary=summary, tables=tables, pictures=pictures
    )
    run.report(report)
