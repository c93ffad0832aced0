"""``vcli synth-faces annotate``: name the expressions of faces by FERAnno, and correct labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, verb
from vision_cli.core.compute.weights import ResolvedWeights
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.cli.app import app
from vision_cli.synth_faces.options.generating import LabellingOptions
from vision_cli.synth_faces.options.sets import FaceSetOptions

EXAMPLES = (
    "vcli synth-faces annotate faces -o labels                       # a run of generate, or any data set",
    "vcli synth-faces annotate photographs/ -o labels                # pictures without labels",
    "vcli synth-faces annotate RAF-DB/ --rectify vote --min-confidence 0.5 -o labels",
)


@verb(
    app,
    "annotate",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.synth_faces.runs.annotate:finish",
)
def annotate(
    call: Call,
    *,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="SET", help="A run of generate, any data set of faces, a folder of pictures, or one."),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="FILE", help="Model that the annotator sees by: default, a file, or a directory.")
    ] = "default",
    guide: Annotated[
        str, typer.Option(metavar="FILE", help="Recogniser that votes with it: default, a file, or a hub id.")
    ] = "default",
    labelling: LabellingOptions,
    faces: FaceSetOptions,
) -> None:
    """Name the expression of each face by what a text-to-face model sees in it; correct labels by vote."""
    if data is None:
        raise call.missing("a set of faces")
    from vision_cli.synth_faces.data.opening import require_there
    from vision_cli.synth_faces.pipeline.sampling.choices import find_annotator, find_guide, find_model

    require_there(data)
    found = [find_model(model), find_annotator(labelling.annotator)]
    found += [find_guide(guide)] if labelling.rectify == "vote" else []
    weights = {f"weights{number}": one.path for number, one in enumerate(found) if isinstance(one, ResolvedWeights)}

    def work(run: Run) -> None:
        from vision_cli.synth_faces.pipeline.sampling.opening import open_model
        from vision_cli.synth_faces.runs.annotate import annotate_set
        from vision_cli.synth_faces.runs.labelling import open_labeller

        opened = open_model(model, call.compute)
        annotate_set(run, data, faces, open_labeller(opened, labelling, guide, call.compute), call.output)

    call.run(work, inputs={**({"set": data} if data.is_file() else {}), **weights}, says="labels in")
