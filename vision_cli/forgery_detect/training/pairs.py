"""Pairs of a fake and its real, as many of each domain, in an order that only the seed determines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.values import Examples

_ORDER, _PARTNER = range(2)


class Pairs:
    """Draws the faces of a training.

    Faces 2 k and 2 k + 1 are a pair of domain k modulo the number of domains: a real face, and a fake of the same
    original. A fake without its real is paired with any real face of its domain. Each fake is drawn once a pass.

    Parameters
    ----------
    examples
        The faces.
    seed
        Of order and partners.

    Raises
    ------
    InputError
        If all faces are real, or all are fake.
    """

    def __init__(self, examples: Examples, seed: int) -> None:
        classes = np.unique(examples.labels)
        if len(classes) < 2:
            found = "none" if not len(classes) else "fakes alone" if classes[0] else "real faces alone"
            raise InputError(f"{found} among the {len(examples)} training faces; real and fake ones expected.")
        self.examples, self.seed = examples, seed
        self.domains = [int(domain) for domain in np.unique(examples.domains)]
        self._rows = {domain: _rows_of(examples, domain) for domain in self.domains}

    def row(self, number: int) -> int:
        """Return the row of a sample number."""
        pair, member = divmod(number, 2)
        turn, place = divmod(pair, len(self.domains))
        domain = self.domains[place]
        reals, fakes = self._rows[domain]
        anchors = fakes if len(fakes) else reals
        which, position = divmod(turn, len(anchors))
        order = np.random.default_rng((self.seed, _ORDER, domain, which)).permutation(len(anchors))
        anchor = int(anchors[order[position]])
        if member:
            return anchor
        # In a domain of one class the partner is of that class too.
        partners = reals if len(reals) else fakes
        same = partners[self.examples.sources[partners] == self.examples.sources[anchor]]
        rng = np.random.default_rng((self.seed, _PARTNER, pair))
        return int(rng.choice(same if len(same) and len(fakes) else partners))


def _rows_of(examples: Examples, domain: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the real and of the fake faces of a domain."""
    is_own = examples.domains == domain
    real, fake = np.flatnonzero(is_own & (examples.labels == 0)), np.flatnonzero(is_own & (examples.labels == 1))
    return real.astype(np.int64), fake.astype(np.int64)
