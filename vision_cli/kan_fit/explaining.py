"""``kan-fit explain``: what a fitted network learned, as pictures, as a formula, and for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from vision_cli.core import interrupts
from vision_cli.core.console import Output, Table
from vision_cli.core.report import Picture, write_report
from vision_cli.core.runs import Run
from vision_cli.kan_fit import figures
from vision_cli.kan_fit.exports import (
    FORMULA_FILES,
    export_onnx,
    export_torch,
    formula_document,
    formula_text,
)
from vision_cli.kan_fit.formulas import Formula
from vision_cli.kan_fit.models import TableModel, pruned_model, read_model, write_model
from vision_cli.kan_fit.operators import read_library
from vision_cli.kan_fit.options import Explanation
from vision_cli.kan_fit.pipeline import measure
from vision_cli.kan_fit.symbolic import find_formula


def explain_model(run: Run, path: Path, wanted: Explanation, seed: int, output: Output) -> None:
    """Explain a fitted model and write the results into an open run.

    Parameters
    ----------
    run
        Where to.
    path
        Directory of a fit.
    wanted
        What to write.
    seed
        Of the split of the sample into rows to fit a formula to and rows to choose by.
    output
        Where progress is shown.
    """
    model = read_model(path)
    inputs, target = model.sample_inputs, model.sample_target
    metrics: dict[str, float | int | str | None] = {
        "parameters": model.network.parameters_in_use(),
        "sample_rmse": measure(model.predict(inputs), target).rmse,
    }
    if wanted.prune is not None:
        model = pruned_model(model, wanted.prune)
        metrics |= {
            "parameters_pruned": model.network.parameters_in_use(),
            "sample_rmse_pruned": measure(model.predict(inputs), target).rmse,
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
        metrics |= {
            "formula": str(formula.expression),
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
    _report(run, metrics, pictures, formula)


def _draw(run: Run, model: TableModel, kind: str) -> list[Picture]:
    names: list[tuple[str, str]] = [(f"plots/net.{kind}", "The network, each edge with the function that it learned.")]
    with run.output(names[0][0]) as path:
        figures.network(path, model, model.sample_inputs)
    with torch.no_grad():
        taken = model.network.layer_inputs(torch.from_numpy(model.sample_inputs))
    for number, layer in enumerate(model.network.each_layer()):
        for i, j in layer.edges.nonzero().tolist():
            interrupts.check()
            name = f"plots/edge_{number}_{i}_{j}.{kind}"
            start = model.names[i] if number == 0 else f"node {i + 1} of layer {number}"
            title = f"{start}, {layer.plan.modes[i][0]}"
            with run.output(name) as path:
                figures.edge(path, layer, taken[number], i, j, title)
            names.append((name, f"Layer {number + 1}: {title}, to node {j + 1}."))
    return [Picture(run.directory / name, caption) for name, caption in names]


def _report(
    run: Run, metrics: dict[str, float | int | str | None], pictures: Sequence[Picture], formula: Formula | None
) -> None:
    tables = []
    if formula is not None:
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
    summary: dict[str, object] = {"parameters": metrics["parameters"], "RMSE on the sample": metrics["sample_rmse"]}
    if formula is not None:
        summary |= {"RMSE of the formula": formula.rmse}
    notes = [] if formula is None else [f"Formula: {formula.expression}"]
    with run.output("report.html") as path:
        write_report(path, title="kan-fit: explanation", summary=summary, tables=tables, pictures=pictures, notes=notes)
