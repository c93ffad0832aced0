"""Values that a benchmark requires, as rows of a table."""

from __future__ import annotations

from dataclasses import dataclass

BAR_COLUMNS = ("bar", "required", "measured", "met")


@dataclass(frozen=True)
class Bar:
    """A value that is required of a benchmark.

    Attributes
    ----------
    name
        What is compared, with its unit.
    at_least
        Whether more is better.
    required, measured
        The limit, and what was found; None where a method it needs was not run.
    """

    name: str
    at_least: bool
    required: float
    measured: float | None

    @property
    def met(self) -> bool | None:
        """Whether the measured value is on the right side."""
        if self.measured is None:
            return None
        return self.measured >= self.required if self.at_least else self.measured <= self.required

    def cells(self) -> tuple[object, ...]:
        """Return the row of the table."""
        met = {True: "yes", False: "no", None: "not measured"}[self.met]
        return (self.name, f"{'≥' if self.at_least else '≤'} {self.required:g}", self.measured, met)
