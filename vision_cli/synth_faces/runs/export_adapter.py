"""The work of ``export-ip-adapter``."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save

from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.networks.conditioning.exporting import export_ip_adapter
from vision_cli.synth_faces.pipeline.adapter_files import load_adapter

FILE = "ip_adapter.safetensors"


def write_ip_adapter(run: Run, source: Path) -> None:
    """Write an adapter as ``ip_adapter.safetensors``: tensors of ``image_proj`` and ``ip_adapter``.

    Raises
    ------
    InputError
        If the file is damaged, or no adapter.
    UsageError
        If its encoder has no counterpart in the format.
    """
    adapter = load_adapter(source)
    exported = export_ip_adapter(adapter)
    tensors = {f"{part}.{name}": one.contiguous() for part, named in exported.items() for name, one in named.items()}
    with run.output(FILE) as target:
        target.write_bytes(save(tensors))
    run.write_metrics({"encoder": adapter.shape.kind, "action_units": len(adapter.shape.aus), "tensors": len(tensors)})
