"""Random weights that a passed generator determines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def drawing_from(generator: torch.Generator | None) -> Iterator[None]:
    """Let the layers that are made here draw their weights from a generator, and leave torch's own as it was."""
    if generator is None:
        yield
        return
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        yield
