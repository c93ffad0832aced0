"""What is left out of a data set, and when that is too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import Findings
from vision_cli.io.pictures.left_out import LeftOut, Skipped, require_few_skipped


class Collector(LeftOut):
    """Shows what was collected, as the classes of tasks do."""

    @property
    def left(self):
        """Return what is left out."""
        return tuple(self._skipped)


def test_entries_are_left_out_with_their_reason_and_notes_are_said():
    findings = Findings()
    collector = Collector(findings)
    collector.skip("a", "no file a.png")
    collector.skip("b", "not labelled", is_damage=False)
    collector.note("Frames are sorted by name.")
    assert collector.left == (Skipped("a", "no file a.png"), Skipped("b", "not labelled", is_damage=False))
    assert findings.sentences() == ("Frames are sorted by name.",)


def test_damage_ends_a_strict_reading_and_what_the_data_set_leaves_out_does_not():
    collector = Collector(Findings(strict=True))
    collector.skip("b", "not labelled", is_damage=False)
    with pytest.raises(InputError, match=r"^a: no file a\.png\."):
        collector.skip("a", "no file a.png")
    assert [entry.name for entry in collector.left] == ["b"]


def test_a_twentieth_of_damage_is_accepted_and_more_is_not():
    skipped = [Skipped("a", "it is empty"), Skipped("b", "not labelled", is_damage=False)]
    require_few_skipped(Path("set"), skipped, 19, allow_skips=False)
    with pytest.raises(
        InputError, match=r"set: 1 of 19 entries cannot be used, the first a \(it is empty\); at most 5%"
    ):
        require_few_skipped(Path("set"), skipped, 18, allow_skips=False)
    require_few_skipped(Path("set"), skipped, 18, allow_skips=True)
    assert require_few_skipped(Path("set"), [], 0, allow_skips=False) is None
