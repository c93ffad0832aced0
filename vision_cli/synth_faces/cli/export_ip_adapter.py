"""``vcli synth-faces export-ip-adapter``: an adapter of action units for stock diffusers."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.cli.app import app

EXAMPLES = ("vcli synth-faces export-ip-adapter adapter/weights.safetensors -o for-diffusers",)


@verb(app, "export-ip-adapter", RUN, OUTPUT, examples=EXAMPLES)
def export_ip_adapter(
    call: Call,
    *,
    adapter: Annotated[
        str, typer.Argument(metavar="FILE", help="Adapter of the paper or linear4 encoder, of train-adapter.")
    ],
) -> None:
    """Write an adapter in the format of IP-Adapter, which the pipelines of diffusers load by themselves."""
    from vision_cli.core.compute.weights import resolve_weights

    source = resolve_weights(adapter, "synth-faces", "mini-sd-au")

    def work(run: Run) -> None:
        from vision_cli.synth_faces.runs.export_adapter import write_ip_adapter

        write_ip_adapter(run, source.path)

    call.run(work, inputs={"adapter": source.path}, says="adapter in")
