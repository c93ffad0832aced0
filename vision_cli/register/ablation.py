"""The paper's ablations, and those that its design suggests: one network a variant, all trained alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from vision_cli.core.console import Output, Table
from vision_cli.core.devices import Compute
from vision_cli.core.journal import ITEMS
from vision_cli.core.runs import Run, read_metrics
from vision_cli.io.tables import read_csv_table
from vision_cli.register.synthetic_training import SyntheticTraining, subjects_of, train_on_synthetic_pairs
from vision_cli.register.training import NetworkOptions

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


def train_variants(run: Run, options: SyntheticTraining, compute: Compute, output: Output) -> None:
    """Train every variant that is not done yet: a row of ``items.csv`` each, its run in ``variants/NAME``.

    Parameters
    ----------
    run
        The open run.
    options
        Of all variants, but for what each changes of the network.
    compute, output
        As for one training.
    """
    done = run.items.done
    subjects = subjects_of(options, compute)
    for position, (name, changes) in enumerate(VARIANTS.items()):
        if name in done:
            continue
        output.info(f"training {name}")
        network = NetworkOptions(**{**asdict(options.network), **changes})
        with run.attempt(name, position) as row:
            recorded = {**asdict(network), "dim": options.dim, "steps": options.steps, "seed": compute.seed}
            with run.part(f"variants/{position}", command="register train", options=recorded) as part:
                if not part.already_done:
                    own = replace(options, network=network)
                    part.write_metrics(train_on_synthetic_pairs(part, own, compute, output, subjects))
                    part.finish()
            measures = read_metrics(part.directory)
            row.update({name: measures.get(name) for name in _COLUMNS})
    run.finish_items()


def ablation_table(directory: Path) -> Table:
    """Return what the variants of a finished run measured."""
    rows = read_csv_table(directory / ITEMS, ("id", *_COLUMNS))
    return Table(("variant", *_COLUMNS), [(row["id"], *(float(row[name]) for name in _COLUMNS)) for row in rows])
