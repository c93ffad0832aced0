"""The network's field beside others as the start of an optimisation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ComparedLosses:
    """Losses of one stage with different fields, see `WaveletOptimiser.compare_with`.

    Attributes
    ----------
    affine
        Without a field.
    optimised
        With the field optimised so far.
    proposed
        With the proposed field.
    """

    affine: float
    optimised: float
    proposed: float

    def favour_proposed(self, margin: float) -> bool:
        """Return whether the proposed field is better by more than ``margin`` times what the optimised one gained."""
        # False where a loss is not a number.
        return self.proposed < self.optimised - margin * max(self.affine - self.optimised, 0.0)
