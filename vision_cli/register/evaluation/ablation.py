"""The paper's ablations, and those that its design suggests: one network a variant, all trained alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from accelerate import PartialState

from vision_cli.core.command.console import Output, Table
from vision_cli.core.compute.benchmark import read_table
from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.journal import ITEMS
from vision_cli.core.runs.runs import Run, read_metrics
from vision_cli.register.training.synthetic import SyntheticTraining, subjects_of, train_on_synthetic_pairs

VARIANTS: Mapping[str, Mapping[str, object]] = {
    "WiNet": {},
    "displacement": {"variant": "displacement"},
    "db2": {"wavelet": "db2"},
    "db4": {"wavelet": "db4"},
    "bior2.2": {"wavelet": "bior2.2"},
    "without refinement blocks": {"refine": False},
    "without C1 to C3": {"smooth": False},
    "scales 1/8 and 1/4": {"scales": 2},
    "scale 1/8 alone": {"scales": 1},
}
"""What of the network each variant changes."""

_COLUMNS = ("dice_before", "dice", "similarity_before", "similarity", "endpoint_mm", "folds_voxels")


def train_variants(
    run: Run | None, options: SyntheticTraining, compute: Compute, output: Output, *, command: str
) -> None:
    """Train every variant that is not done yet: a row of ``items.csv`` each, its run in ``variants/NUMBER``.

    Parameters
    ----------
    run
        The open run.
    options
        Of all variants, but for what each changes of the network.
    compute, output, command
        As for one training.

    Raises
    ------
    UsageError
        If several processes would share the work.
    """
    if run is None or PartialState(cpu=compute.device.type == "cpu").num_processes > 1:
        raise UsageError(
            "train: --ablate on several processes found; one expected.", hint="Start it without accelerate."
        )
    names = list(VARIANTS)
    subjects = subjects_of(options, compute)

    def work(name: str) -> dict[str, object]:
        output.info(f"training {name}")
        network = replace(options.network, **VARIANTS[name])  # type: ignore[arg-type]
        recorded = {**asdict(network), "dim": options.training.dim, "steps": options.steps, "seed": compute.seed}
        with run.part(f"variants/{names.index(name)}", command="register train", options=recorded) as part:
            if not part.already_done:
                own = replace(options, network=network)
                train_on_synthetic_pairs(part, own, compute, Output(quiet=True), subjects, command=command)
                part.record(**compute.facts)
                part.finish()
        measures = read_metrics(part.directory)
        return {column: measures.get(column) for column in _COLUMNS}

    run.each(names, work, name=str, what="variants", output=output)


def ablation_table(directory: Path) -> Table:
    """Return what the variants of a finished run measured."""
    found = read_table(directory / ITEMS)
    rows = [dict(zip(found.columns, cells, strict=True)) for cells in found.rows]
    return Table(("variant", *_COLUMNS), [[row["id"], *(row[name] for name in _COLUMNS)] for row in rows])
