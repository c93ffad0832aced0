"""Parsers of options whose text is a list, a size, a time, or a number or a word.

A field of an options class has its parser after the Typer option::

    iterations: Annotated[tuple[int, ...] | None, typer.Option("--iters", help="..."), Numbers(int, least=0)] = None

The text is on the command line, in config files and in ``run.json``; the field holds the parsed value.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import UsageError


class Words(ABC):
    """Parser of the text of an option, and formatter of its value."""

    @property
    def absent(self) -> str | None:
        """The word for None; None if the option is left out instead."""
        return None

    @abstractmethod
    def parse(self, option: str, text: str) -> Any:
        """Return the value of a text.

        Raises
        ------
        UsageError
            If the text is not valid; the message names ``option``.
        """

    @abstractmethod
    def text(self, value: Any) -> str:
        """Return a value as text."""


@dataclass(frozen=True)
class Names(Words):
    """Names separated by commas.

    Attributes
    ----------
    known
        The valid names; empty for any.
    every
        Word for all of ``known``; None for no such word.
    nothing
        Word for no name; None for no such word.
    groups
        Further words, each with the names it stands for.
    least
        Smallest number of names.
    """

    known: tuple[str, ...] = ()
    every: str | None = None
    nothing: str | None = None
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    least: int = 0

    def parse(self, option: str, text: str) -> tuple[str, ...]:
        """Return the names in the order of the text, without repetitions."""
        words = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
        if self.every is not None and words == (self.every,):
            return self.known
        if self.nothing is not None and words == (self.nothing,):
            return ()
        groups = dict(self.groups)
        if len(words) == 1 and words[0] in groups:
            return groups[words[0]]
        unknown = [word for word in words if self.known and word not in self.known]
        if unknown or len(words) < self.least:
            special = [word for word in (self.every, self.nothing) if word is not None]
            listed = ", ".join((*self.known, *special, *groups))
            raise UsageError(
                f"{option}: {', '.join(unknown) or 'nothing'} found; names of {listed} expected.",
                hint=did_you_mean(unknown[0], (*self.known, *special, *groups)) if unknown else None,
            )
        return words

    def text(self, value: Iterable[str]) -> str:
        """Return the names separated by commas, or the word of their group."""
        words = tuple(value)
        group = next((name for name, members in self.groups if members == words), None)
        if group is not None:
            return group
        return ",".join(words) if words or self.nothing is None else self.nothing


@dataclass(frozen=True)
class Numbers(Words):
    """Numbers separated by commas.

    Attributes
    ----------
    kind
        ``int`` or ``float``.
    count
        How many; None for one or more.
    least, most
        Inclusive bounds of each.
    rising
        Whether they have to increase.
    unit
        Unit for the error message, such as ``pixels``.
    auto
        Word for None; None for no such word.
    """

    kind: type[int | float] = int
    count: int | None = None
    least: float = -math.inf
    most: float = math.inf
    rising: bool = False
    unit: str = ""
    auto: str | None = None

    @property
    def absent(self) -> str | None:
        """The word `auto`."""
        return self.auto

    def parse(self, option: str, text: str) -> tuple[Any, ...] | None:
        """Return the numbers."""
        if self.auto is not None and text == self.auto:
            return None
        try:
            numbers = tuple(self.kind(word) for word in text.split(","))
        except ValueError:
            numbers = ()
        fits = self.count is None or len(numbers) == self.count
        within = all(self.least <= number <= self.most for number in numbers)
        rises = not self.rising or all(a < b for a, b in pairwise(numbers))
        if not numbers or not fits or not within or not rises:
            raise UsageError(f"{option}: {text} found; {self._expected()} expected.")
        return numbers

    def text(self, value: Sequence[float] | None) -> str:
        """Return the numbers separated by commas."""
        return str(self.auto) if value is None else ",".join(f"{number:g}" for number in value)

    def _expected(self) -> str:
        kind = "whole numbers" if self.kind is int else "numbers"
        words = [str(self.count) if self.count is not None else "", kind, self.unit and f"({self.unit})"]
        if self.least > -math.inf and self.most < math.inf:
            words.append(f"from {self.least:g} to {self.most:g}")
        elif self.least > -math.inf:
            words.append(f"of {self.least:g} or more")
        words.append("separated by commas" + (", each greater than the one before" if self.rising else ""))
        return (f"{self.auto}, or " if self.auto else "") + " ".join(word for word in words if word)


@dataclass(frozen=True)
class NumberOr(Words):
    """One number, or a word for None.

    Attributes
    ----------
    word
        The word.
    least, most
        Inclusive bounds of the number.
    above
        Exclusive lower bound.
    """

    word: str
    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf

    @property
    def absent(self) -> str:
        """The word."""
        return self.word

    def parse(self, option: str, text: str) -> float | None:
        """Return the number, None for the word."""
        if text == self.word:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (self.least <= number <= self.most and self.above < number < math.inf):
            low = f" above {self.above:g}" if self.above > -math.inf else ""
            low = f" of {self.least:g} or more" if self.least > -math.inf else low
            high = f", at most {self.most:g}," if self.most < math.inf else ""
            raise UsageError(f"{option}: {text} found; {self.word}, or a number{low}{high} expected.")
        return number

    def text(self, value: float | None) -> str:
        """Return the number, or the word for None."""
        return self.word if value is None else f"{value:g}"


@dataclass(frozen=True)
class Size(Words):
    """A size in pixels: width x height as in ``640x480``, or one number for both.

    The value is ``(height, width)``, the order of array axes.

    Attributes
    ----------
    least, most
        Inclusive bounds of both.
    multiple
        Number that both are multiples of.
    """

    least: int = 1
    most: float = math.inf
    multiple: int = 1

    def parse(self, option: str, text: str) -> tuple[int, int]:
        """Return height and width."""
        try:
            numbers = [int(word) for word in text.lower().split("x")]
        except ValueError:
            numbers = []
        fits = all(self.least <= number <= self.most and number % self.multiple == 0 for number in numbers)
        if len(numbers) not in (1, 2) or not fits:
            bounds = f"{self.least} or more" if self.most == math.inf else f"{self.least} to {self.most:g}"
            steps = "" if self.multiple == 1 else f", in multiples of {self.multiple},"
            raise UsageError(
                f"{option}: {text} found; width x height in pixels as in 640x480, or one number for both, of "
                f"{bounds}{steps} expected."
            )
        return numbers[-1], numbers[0]

    def text(self, value: tuple[int, int]) -> str:
        """Return width x height."""
        height, width = value
        return f"{width}x{height}"


_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Duration(Words):
    """A duration such as ``120``, ``120s``, ``5m`` or ``1h``; the value is in seconds."""

    def parse(self, option: str, text: str) -> float:
        """Return the seconds."""
        number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS_S else (text, "s")
        try:
            seconds = float(number) * _UNITS_S[unit]
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            raise UsageError(f"{option}: {text} found; a time such as 120s, 5m or 1h expected.")
        return seconds

    def text(self, value: float) -> str:
        """Return the seconds with their unit."""
        return f"{value!r}s"
