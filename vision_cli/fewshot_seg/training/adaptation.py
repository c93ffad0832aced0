"""Adaptation of a network to the supports of a class: a few steps on episodes that are made of them.

Each support is predicted from the others, or one support from another crop of itself. What is tuned is how prompts are
made of a task and how levels are fused; encoder and decoder stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import Schedule, fit
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.pipeline.networks import LoadedNetwork
from vision_cli.fewshot_seg.training.episodes import EpisodeTask
from vision_cli.fewshot_seg.training.sources import DatasetEpisodes
from vision_cli.fewshot_seg.values import Support

TUNED = ("tavp.fusion.", "tavp.dense.", "tavp.sparse.", "tavp.matching.", "tavp.disentangling.", "tavp.task_weights.")
"""What the names of the tuned tensors begin with."""

_BATCH, _MOST_SHOTS = 4, 3


@dataclass(frozen=True)
class _ReadSupport:
    """A support in the place of a pair of files."""

    name: str
    support: Support

    def read(self) -> Support:
        return self.support


def adapt_network(
    run: Run,
    loaded: LoadedNetwork,
    supports: Sequence[Support],
    *,
    steps: int,
    learning_rate: float,
    compute: Compute,
    output: Output,
) -> Mapping[str, Tensor]:
    """Return the tensors that a few steps on the supports change, by name; the network itself is changed too.

    Parameters
    ----------
    run
        Keeps checkpoints and ``history.csv``.
    loaded
        The network.
    supports
        Of the class; negative ones take no part.
    steps, learning_rate
        Of AdamW, with a cosine schedule.
    compute, output
        Device and seed; shows the progress.

    Raises
    ------
    NumericalError
        If the loss is not finite time and again.
    """
    network: nn.Module = loaded.network
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(TUNED))
    pairs = tuple(_ReadSupport(one.name, one) for one in supports if not one.is_negative)
    source = DatasetEpisodes((pairs,))
    task = EpisodeTask(
        loaded.network,
        source,
        compute.device,
        side=loaded.frame.side,
        batch_size=_BATCH,
        shots=(1, min(_MOST_SHOTS, max(1, len(pairs) - 1))),
        seed=compute.seed,
        validation=0,
        freezes_encoder=True,
    )
    schedule = Schedule(
        steps=steps,
        batch_size=_BATCH,
        learning_rate=learning_rate,
        decay=True,
        clip_norm=1.0,
        save_every=10,
        patience=2,
        seed=compute.seed,
    )
    fit(run, task, schedule, samples=None, compute=compute, output=output, title="adapting")
    network.requires_grad_(False).eval()
    return {name: value for name, value in network.state_dict().items() if name.startswith(TUNED)}
