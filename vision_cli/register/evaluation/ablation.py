"""Ablation: variants of the network, some from the paper, with the same training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from accelerate import PartialState

from vision_cli.core.command.console import Output, Table
from vision_cli.core.compute.benchmark import read_table
from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.journal import ITEMS
from vision_cli.core.runs.runs import Run, read_metrics
from vision_cli.register.options.training import NetworkOptions
from vision_cli.register.training.synthetic import SyntheticTraining, subjects_of, train_on_synthetic_pairs

VARIANTS: Mapping[str, Callable[[NetworkOptions], NetworkOptions]] = {
    "WiNet": lambda network: network,
    "displacement": lambda network: replace(network, variant="displacement"),
    "db2": lambda network: replace(network, wavelet="db2"),
    "db4": lambda network: replace(network, wavelet="db4"),
    "bior2.2": lambda network: replace(network, wavelet="bior2.2"),
    "without refinement blocks": lambda network: replace(network, refine=False),
    "without C1 to C3": lambda network: replace(network, smooth=False),
    "scales 1/8 and 1/4": lambda network: replace(network, scales=2),
    "scale 1/8 alone": lambda network: replace(network, scales=1),
}
"""The change of the network in each variant."""

_COLUMNS = ("dice_before", "dice", "similarity_before", "similarity", "endpoint_mm", "folds_voxels")


def train_variants(
    run: Run | None, options: SyntheticTraining, compute: Compute, output: Output, *, command: str
) -> None:
    """Train every variant that is not done yet; each is a row of ``items.csv`` and a run in ``variants/NUMBER``.

    Parameters
    ----------
    run
        The open run.
    options
        Settings of the training of all variants.
    compute, output, command
        See `vision_cli.register.training.synthetic.train_on_synthetic_pairs`.

    Raises
    ------
    UsageError
        If there are several processes.
    """
    if run is None or PartialState(cpu=compute.device.type == "cpu").num_processes > 1:
        raise UsageError(
            "train: --ablate on several processes found; one expected.", hint="Start it without accelerate."
        )
    names = list(VARIANTS)
    subjects = subjects_of(options, compute)

    def work(name: str) -> dict[str, object]:
        output.info(f"training {name}")
        network = VARIANTS[name](options.network)
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
    """Return the measures of the variants of a finished run."""
    found = read_table(directory / ITEMS)
    rows = [dict(zip(found.columns, cells, strict=True)) for cells in found.rows]
    return Table(("variant", *_COLUMNS), [[row["id"], *(row[name] for name in _COLUMNS)] for row in rows])
