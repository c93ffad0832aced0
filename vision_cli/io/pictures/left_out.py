"""Entries of a data set that are left out, each with its reason, and whether they are too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import Findings

MOST_SKIPPED = 0.05
"""Share of missing or damaged entries that is accepted without being asked for."""


@dataclass(frozen=True)
class Skipped:
    """An entry of a data set that is left out, and why.

    Attributes
    ----------
    name, reason
        The entry, and why it is left out.
    is_damage
        Whether it is missing or damaged, not what the data set itself leaves out or marks as without a label.
    """

    name: str
    reason: str
    is_damage: bool = True


class LeftOut:
    """Collects what is left out of a data set, and what was assumed; what is taken is for the classes of a task.

    Parameters
    ----------
    findings
        Of the reading of the data set.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._skipped: list[Skipped] = []

    def skip(self, name: str, reason: str, *, is_damage: bool = True) -> None:
        """Leave an entry out.

        Raises
        ------
        InputError
            If the data set is read strictly, and the entry is missing or damaged.
        """
        if is_damage and self._findings.strict:
            raise InputError(f"{name}: {reason}.", hint="Repair the data set, or read it without --strict.")
        self._skipped.append(Skipped(name, reason, is_damage))

    def note(self, sentence: str) -> None:
        """Say what was assumed."""
        self._findings.say(sentence)


def require_few_skipped(path: Path, skipped: Sequence[Skipped], used: int, *, allow_skips: bool) -> None:
    """Refuse a data set of which more than 5 % is missing or damaged.

    Parameters
    ----------
    path
        Names the data set.
    skipped
        What is left out.
    used
        Entries that are not.
    allow_skips
        Whether more is accepted.

    Raises
    ------
    InputError
        If it is so, and not accepted.
    """
    damaged = [entry for entry in skipped if entry.is_damage]
    entries = len(damaged) + used
    if len(damaged) / max(entries, 1) > MOST_SKIPPED and not allow_skips:
        raise InputError(
            f"{path}: {len(damaged)} of {entries} entries cannot be used, the first {damaged[0].name} "
            f"({damaged[0].reason}); at most {MOST_SKIPPED:.0%} expected.",
            hint="Repair the data set, or allow it with --allow-skips.",
        )
