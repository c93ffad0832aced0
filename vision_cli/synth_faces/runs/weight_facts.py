"""The work of ``info``: what a weight file of any kind says of itself."""

from __future__ import annotations

from math import prod
from pathlib import Path

from vision_cli.core.compute.described_weights import read_description
from vision_cli.core.errors import InputError
from vision_cli.synth_faces.pipeline.adapter_files import read_adapter_shape
from vision_cli.synth_faces.pipeline.annotator_files import read_annotator_about
from vision_cli.synth_faces.pipeline.diffusion_files import read_mini_about
from vision_cli.synth_faces.pipeline.recogniser_files import read_about

Facts = dict[str, object]


def facts_of(path: Path) -> Facts:
    """Return the kind of a weight file, its sizes, and the count of its numbers.

    Raises
    ------
    InputError
        If it is no weight file of synth-faces.
    """
    from safetensors import safe_open

    try:
        what = str(read_description(path, "synth-faces").get("what"))
    except ValueError as error:
        raise InputError(
            f"{path}: no weights of synth-faces ({error}).",
            hint="Give a file that a training of `vcli synth-faces` wrote, a name of `vcli weights list`, or default.",
        ) from error
    reads = {"diffusion": _model, "au-adapter": _adapter, "annotator": _annotator}
    facts = reads.get(what, _recogniser)(path)
    with safe_open(path, framework="numpy") as file:
        facts["parameters"] = sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return facts


def _model(path: Path) -> Facts:
    about = read_mini_about(path)
    return {"kind": "text-to-face model", "side_px": about.shape.side, "words": len(about.words)}


def _adapter(path: Path) -> Facts:
    shape = read_adapter_shape(path)
    return {
        "kind": "adapter of action units",
        "encoder": shape.kind,
        "action_units": len(shape.aus),
        "context": shape.width,
        "layers": len(shape.layers),
    }


def _annotator(path: Path) -> Facts:
    about = read_annotator_about(path)
    return {
        "kind": "annotator",
        "outputs": ", ".join(about.shape.classes),
        "blocks": about.blocks,
        "model_sha256": about.model,
    }


def _recogniser(path: Path) -> Facts:
    about = read_about(path)
    return {
        "kind": f"recogniser of {'expressions' if about.what == 'expression' else 'action units'}",
        "role": about.role,
        "outputs": ", ".join(about.names),
        "side_px": about.side,
    }
