"""``vcli synth-faces generate``, the main verb: labelled faces with their exact truth."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, SHARD, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.cli.app import app
from vision_cli.synth_faces.options.generating import LABELS, DiffusionOptions, GenerateOptions, LabellingOptions

EXAMPLES = (
    "vcli synth-faces --sample                                       # eight expressions of six people",
    "vcli synth-faces generate -n 2000 --labels basic7 --size 64 -o faces",
    "vcli synth-faces generate --per-label 50 --labels compound -o compound",
    "vcli synth-faces generate -n 20 --au 12=4,6=3,L14=2 -o smiles",
    "vcli synth-faces generate --series 1,4,12 --repeats 24 -o control",
    "vcli synth-faces generate -n 64 --backend diffusion --sg --annotate -o drawn",
    "vcli synth-faces generate --plan plan.csv --shard auto/8 -o faces   # then: vcli runs merge faces",
)


@verb(
    app,
    "generate",
    RUN,
    SHARD,
    COMPUTE,
    PRECISION,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.synth_faces.runs.finish_generate:finish",
)
def generate(
    call: Call,
    *,
    sample: Annotated[
        bool, typer.Option("--sample", help="Draw a sheet of the eight basic expressions of six people.")
    ] = False,
    options: GenerateOptions,
    diffusion: DiffusionOptions,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Label the pictures by the annotator too.", rich_help_panel=LABELS)
    ] = False,
    labelling: LabellingOptions,
) -> None:
    """Generate faces with given expressions or action units, and a manifest of all that is known of them."""
    from vision_cli.synth_faces.plans.requests import sample_plan, wanted_samples
    from vision_cli.synth_faces.runs.generate import Drawing, find_all, generate_all

    if not sample and options.count is None and options.per_label is None and not (options.plan or options.series):
        raise call.missing("--count N")
    wanted = sample_plan(call.seed) if sample else wanted_samples(options, call.seed)

    drawing = Drawing(diffusion, labelling, annotate)
    inputs = {**({} if options.plan is None else {"plan": options.plan}), **find_all(options, drawing)}

    def work(run: Run) -> None:
        generate_all(run, wanted, options, drawing, call.compute, call.output)

    call.run(work, inputs=inputs, says="faces in")
