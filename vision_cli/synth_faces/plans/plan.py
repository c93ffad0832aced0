"""What each sample of a run shows: so many of some labels, the rows of a table, or series of one action unit.

A plan is a sequence: what sample ``i`` is depends on the plan, the seed and ``i`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

import numpy as np

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.synth_faces.plans.action_units import au_intensity, au_name, in_order, parse_aus
from vision_cli.synth_faces.plans.labels import label_of
from vision_cli.synth_faces.plans.seeds import sample_seed, word_seed
from vision_cli.synth_faces.values import MOST_INTENSE

LABEL_FIELD = "{label}"
"""What stands for the words of the label in a prompt."""

_DIGITS = 8
_FOLDER = 1000
_COLUMNS = ("label", "au", "count", "prompt", "person", "seed")
_MOST = 10**_DIGITS
_MOST_SEED = 2**63


@dataclass(frozen=True)
class Wanted:
    """What a sample is to show.

    Attributes
    ----------
    index
        Its number in the plan, from 0.
    seed
        Of its random numbers: noise, pose, light and what else the plan leaves open.
    person_seed
        Of the person: samples with the same one show the same person.
    label
        One of `LABELS`; None where AUs or a prompt alone are asked for.
    aus
        Intensities that are asked for by name; empty where the label says them.
    prompt
        Description, of one line; empty where the label says it.
    varied
        AU that a series varies, see `control_series`; empty outside of series.
    """

    index: int
    seed: int
    person_seed: int
    label: str | None = None
    aus: Mapping[str, float] = field(default_factory=dict)
    prompt: str = ""
    varied: str = ""

    @property
    def sample_id(self) -> str:
        """Number of eight digits."""
        return f"{self.index:0{_DIGITS}}"


def picture_name(index: int, suffix: str = ".png") -> str:
    """Return the file name of a sample's picture: at most 1000 in a folder."""
    return f"images/{index // _FOLDER:03}/{index:0{_DIGITS}}{suffix}"


class LabelPlan(Sequence[Wanted]):
    """So many samples of some labels, as equally often as can be.

    Each run of ``len(labels)`` samples has every label once, in an order of its own, so that every shard sees all.

    Parameters
    ----------
    labels
        The labels.
    count
        How many samples.
    seed
        Of the run.
    aus, prompt
        As in `Wanted`, for all samples.
    """

    def __init__(
        self,
        labels: Sequence[str],
        count: int,
        seed: int,
        *,
        aus: Mapping[str, float] | None = None,
        prompt: str = "",
    ) -> None:
        if not labels or not 0 <= count <= _MOST:
            raise ValueError(f"{len(labels)} labels, {count} samples; one or more and 0 to {_MOST} expected")
        self.labels, self.seed = tuple(labels), seed
        self._count, self._aus, self._prompt = count, in_order(aus or {}), one_line(prompt)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Wanted: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Wanted, ...]: ...
    def __getitem__(self, index: int | slice) -> Wanted | tuple[Wanted, ...]:
        if isinstance(index, slice):
            return tuple(self._wanted(place) for place in range(*index.indices(self._count)))
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._wanted(index % self._count)

    def _wanted(self, index: int) -> Wanted:
        block, place = divmod(index, len(self.labels))
        order = np.random.default_rng(sample_seed(self.seed, block, "labels")).permutation(len(self.labels))
        return Wanted(
            index,
            sample_seed(self.seed, index),
            sample_seed(self.seed, index, "person"),
            self.labels[int(order[place])],
            self._aus,
            self._prompt,
        )


def read_plan(path: Path, seed: int) -> tuple[Wanted, ...]:
    """Read a table of what to generate.

    Columns, all optional: ``label``; ``au`` in words as ``12=4,6=3``; a column an AU, as ``AU12`` or ``AUL14``;
    ``count``, how many samples the row stands for; ``prompt``; ``person``, a name: rows with the same one show the same
    person; ``seed`` of the row in place of the run's.

    Raises
    ------
    InputError
        If the table cannot be read, a column is unknown, or a row asks for nothing or for what there is not.
    """
    rows = read_csv_table(path, ())
    au_columns = _au_columns(path, rows[0])
    found: list[Wanted] = []
    for number, row in enumerate(rows, start=1):
        where = f"{path}: row {number}"
        try:
            label = label_of(row["label"], where) if row.get("label") else None
            aus = parse_aus(row.get("au", ""), where)
            for column, name in au_columns.items():
                if row[column]:
                    if name in aus:
                        raise UsageError(f"{where}: AU {name} twice; once expected.", hint="Remove one.")
                    aus[name] = au_intensity(row[column], name, where)
        except UsageError as error:
            raise InputError(error.message, hint=error.hint) from None
        prompt = one_line(row.get("prompt", ""))
        if label is None and not aus and not prompt:
            raise InputError(f"{where} asks for nothing; a label, an action unit or a prompt expected.")
        count = _whole(row.get("count") or "1", "count", where, _MOST)
        if len(found) + count > _MOST:
            raise InputError(f"{path}: more than {_MOST} samples; fewer expected.", hint="Lower the counts.")
        row_seed = _whole(row["seed"], "seed", where, _MOST_SEED) if row.get("seed") else None
        for repeat in range(count):
            index = len(found)
            own = (seed, index) if row_seed is None else (row_seed, repeat)
            person = word_seed(seed, row["person"]) if row.get("person") else sample_seed(*own, "person")
            found.append(Wanted(index, sample_seed(*own), person, label, in_order(aus), prompt))
    if not found:
        raise InputError(f"{path}: counts of 0 alone; a sample or more expected.")
    return tuple(found)


def control_series(
    aus: Sequence[str], seed: int, *, levels: Sequence[float] = (0, 1, 2, 3, 4, 5), repeats: int = 24
) -> tuple[Wanted, ...]:
    """Return the samples of a test of control: each AU at each level, of the same person and seed, so often.

    In order of AU, repeat, level: what is measured on them has the shape ``(len(aus), repeats, len(levels))``.
    The persons and seeds are the same for all AUs.
    """
    found: list[Wanted] = []
    for name in aus:
        for repeat in range(repeats):
            of_series = (sample_seed(seed, repeat, "series"), sample_seed(seed, repeat, "series person"))
            for level in levels:
                if not 0 <= level <= MOST_INTENSE:
                    raise ValueError(f"level {level}; 0 to {MOST_INTENSE:g} expected")
                found.append(Wanted(len(found), *of_series, aus={name: float(level)}, varied=name))
    return tuple(found)


def one_line(text: str) -> str:
    """Return a text with its blanks and line ends as single blanks: what every table can hold."""
    return " ".join(text.split())


def _au_columns(path: Path, row: Mapping[str, str]) -> dict[str, str]:
    """Return the AU of each column that has one."""
    found: dict[str, str] = {}
    for column in row:
        if column in _COLUMNS:
            continue
        try:
            if not column.upper().startswith("AU"):
                raise UsageError("")
            name = au_name(column)
        except UsageError:
            raise InputError(
                f"{path}: column {column!r}; {', '.join(_COLUMNS)} or an action unit such as AU12 expected.",
                hint=did_you_mean(column, _COLUMNS),
            ) from None
        if name in found.values():
            raise InputError(f"{path}: AU {name} in two columns; one expected.", hint="Remove one.")
        found[column] = name
    return found


def _whole(text: str, what: str, where: str, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < most:
        raise InputError(f"{where} has {what} {text!r}; a whole number from 0 expected.", hint="Correct the cell.")
    return value
