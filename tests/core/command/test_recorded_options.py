"""Settings are read back from the record of a run as the command line gave them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
import typer

from vision_cli.core.command.recorded_options import recorded
from vision_cli.core.command.words import Names, NumberOr
from vision_cli.core.errors import UsageError


@dataclass(frozen=True)
class Inner:
    """A class inside another one."""

    is_fast: Annotated[bool, typer.Option("--fast/--no-fast")] = False


@dataclass(frozen=True)
class Settings:
    """One field of each kind."""

    data: Annotated[Path | None, typer.Argument(metavar="DATA")] = None
    count: Annotated[int, typer.Option("-n", "--how-many")] = 3
    names: Annotated[list[str] | None, typer.Option("--class")] = None
    save: Annotated[tuple[str, ...], typer.Option(), Names(("a", "b", "c"))] = ("a", "b")
    factor: Annotated[float | None, typer.Option("--unit"), NumberOr("auto")] = None
    device: str = "cpu"
    inner: Inner = field(default_factory=Inner)


def test_every_kind_of_field_is_read_back_under_the_name_of_its_option():
    options = {
        "data": "scans",
        "how_many": 5,
        "class": ["x"],
        "save": "c,a",
        "unit": "2.5",
        "fast": True,
        "of another class": 1,
    }
    expected = Settings(Path("scans"), 5, ["x"], ("c", "a"), 2.5, inner=Inner(is_fast=True))
    assert recorded(Settings, options) == expected


def test_what_is_not_recorded_has_its_default():
    assert recorded(Settings, {"data": None, "unit": "auto"}) == Settings()


def test_a_damaged_record_is_refused_by_the_name_of_the_option():
    with pytest.raises(UsageError, match=r"--save: x found; names of a, b, c expected\."):
        recorded(Settings, {"save": "x"})
