"""A row of the manifest: all that is known of a generated picture, as JSON and as cells of a table.

What depends on how a run was divided or on the clock (shard, seconds) is not in it: it is in the record of the run, so
that the manifest of sixteen shards has the bytes of that of one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, get_type_hints

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.plans.action_units import aus_of_vector
from vision_cli.synth_faces.values import AUS, MOST_INTENSE

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA = 1
NO_AUS = (0.0,) * len(AUS)

DIGEST_JOIN = "+"
"""Between the digests of several weights in one cell."""

SERIES_AU, SERIES_LEVEL = "series_au", "series_level"
"""Facts of a sample in a series of one action unit: the unit, and its intensity."""

Kind: TypeAlias = Literal["text", "whole", "number", "truth", "json"]
Cell: TypeAlias = str | int | float | bool | None
LabelSource = Literal["requested", "rectified", "dropped"]
_FORBID = {"extra": "forbid"}


@dataclass(frozen=True)
class Quality:
    """What a look at the picture found.

    Attributes
    ----------
    face_found
        Whether a face detector found a face; None if none looked.
    sharpness
        Variance of the Laplacian of the grey picture, in squared grey levels; None if it was not measured.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID

    face_found: bool | None = None
    sharpness: float | None = None


@dataclass(frozen=True)
class Guided:
    """How semantic guidance was applied.

    Attributes
    ----------
    start
        Share of the steps after which it begins.
    scale
        Length of its step.
    target, decoder
        What was changed, and what turned latents into pixels.
    guide
        SHA-256 of the weights of the guide.
    loss_first, loss_last
        Of the guide, nats.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID

    start: float | None = None
    scale: float | None = None
    target: str = ""
    decoder: str = ""
    guide: str = ""
    loss_first: float | None = None
    loss_last: float | None = None


@dataclass(frozen=True)
class ManifestRow:
    """A generated picture.

    Attributes
    ----------
    sample_id, file, sha256, width, height
        Number, path below the run's folder, digest of the file, pixels.
    seed, person_seed
        Of the sample and of its person.
    label, label_requested, label_source
        The label, what was asked for, and whether it was kept, corrected or dropped; empty where there is none.
    prompt, negative_prompt
        Of one line.
    au
        True or requested intensities in the order of `AUS`, 0 to 5.
    au_measured
        Those that a recogniser measured; None if none did.
    facts
        What else is known of the face, as ``age``, ``sex`` or ``yaw_deg``.
    pseudo_label, pseudo_probs, confidence, agree, votes
        Of the annotator: label, probability by label, that of its label, whether it agrees with the request, label by
        voter.
    quality, sg
        See their classes; ``sg`` is None without semantic guidance.
    layout_id
        Picture whose layout was taken.
    backend, steps, cfg, au_scale
        How it was made.
    model, adapter, anno
        SHA-256 or names of the weights; of all that voted on the label, joined by ``+``.
    version
        Of this program.
    schema
        Of the row.

    Raises
    ------
    ValueError
        If a vector of AUs is none, or a text has several lines.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID

    sample_id: str
    file: str
    sha256: str
    width: int
    height: int
    seed: int
    person_seed: int
    label: str = ""
    label_requested: str = ""
    label_source: LabelSource = "requested"
    prompt: str = ""
    negative_prompt: str = ""
    au: tuple[float, ...] = NO_AUS
    au_measured: tuple[float, ...] | None = None
    facts: Mapping[str, str | float] = field(default_factory=dict)
    pseudo_label: str = ""
    pseudo_probs: Mapping[str, float] = field(default_factory=dict)
    confidence: float | None = None
    agree: bool | None = None
    votes: Mapping[str, str] = field(default_factory=dict)
    quality: Quality = Quality()
    sg: Guided | None = None
    layout_id: str = ""
    backend: str = "render"
    steps: int | None = None
    cfg: float | None = None
    au_scale: float | None = None
    model: str = ""
    adapter: str = ""
    anno: str = ""
    version: str = ""
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        for vector in (self.au, self.au_measured):
            if vector is not None and (len(vector) != len(AUS) or not all(0 <= au <= MOST_INTENSE for au in vector)):
                raise ValueError(f"{len(vector)} action units; {len(AUS)} from 0 to {MOST_INTENSE:g} expected")
        for text in (self.prompt, self.negative_prompt):
            if text != " ".join(text.split()):
                raise ValueError(f"prompt {text!r}; one line with single blanks expected")

    @property
    def aus(self) -> dict[str, float]:
        """Intensities of the AUs that are not 0, by name."""
        return aus_of_vector(self.au)

    def as_json(self) -> dict[str, object]:
        """Return the row as what a line of JSON holds; numbers that are not finite become None."""
        plain = asdict(self)
        return {name: _plain(value) for name, value in plain.items()}

    def cells(self) -> dict[str, Cell]:
        """Return the row as cells of a table, by the names of `COLUMNS`."""
        row: dict[str, Cell] = {}
        for name, value in self.as_json().items():
            if name in _AU_PREFIXES:
                vector = value if isinstance(value, list) else [None] * len(AUS)
                row |= {f"{_AU_PREFIXES[name]}{au}": cell for au, cell in zip(AUS, vector, strict=True)}
            elif name in _NESTED:
                parts = value if isinstance(value, dict) else {}
                row |= {f"{name}_{part}": parts.get(part) for part in _fields(_NESTED[name])}
            elif isinstance(value, dict):
                row[name] = json.dumps(value) if value else ""
            else:
                row[name] = value if isinstance(value, str | int | float) else None
        return row


_AU_PREFIXES = {"au": "AU", "au_measured": "measured_AU"}
_NESTED: dict[str, type[Quality | Guided]] = {"quality": Quality, "sg": Guided}


def row_of_json(document: object, where: str) -> ManifestRow:
    """Return the row that a line of JSON holds.

    Raises
    ------
    InputError
        If it is none, or of another version.
    """
    from pydantic import ValidationError

    try:
        row = _checker().validate_python(document)
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"])) or "row"
        raise InputError(
            f"{where}: {place}: {wrong['msg']}; a row of a manifest expected.", hint="Was it changed by hand?"
        ) from None
    if row.schema != SCHEMA:
        raise InputError(f"{where}: schema {row.schema}; {SCHEMA} expected.", hint="Use the version that wrote it.")
    return row


def row_of_cells(cells: Mapping[str, Cell], where: str) -> ManifestRow:
    """Return the row that cells of a table hold; an empty text is nothing.

    Raises
    ------
    InputError
        If they do not hold one.
    """
    if missing := [name for name in COLUMNS if name not in cells]:
        raise InputError(f"{where}: no column {missing[0]}; one expected.", hint="Was the manifest changed by hand?")
    known = {name: _value(cells[name], kind, where) for name, kind in COLUMNS.items()}
    document: dict[str, object] = {}
    for name in _fields(ManifestRow):
        if name in _AU_PREFIXES:
            vector = [known[f"{_AU_PREFIXES[name]}{au}"] for au in AUS]
            document[name] = None if name == "au_measured" and all(au is None for au in vector) else vector
        elif name in _NESTED:
            parts = {part: known[f"{name}_{part}"] for part in _fields(_NESTED[name])}
            document[name] = (
                None if name == "sg" and not any(value not in (None, "") for value in parts.values()) else parts
            )
        else:
            document[name] = known[name]
    return row_of_json(document, where)


@cache
def _checker() -> TypeAdapter[ManifestRow]:
    """Return what checks rows; it takes milliseconds to make, and importing pydantic longer than the help."""
    from pydantic import TypeAdapter

    return TypeAdapter(ManifestRow)


def _columns() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for name, hint in get_type_hints(ManifestRow).items():
        if name in _AU_PREFIXES:
            found |= {f"{_AU_PREFIXES[name]}{au}": "number" for au in AUS}
        elif name in _NESTED:
            inner = get_type_hints(_NESTED[name])
            found |= {f"{name}_{part}": _kind(inner[part]) for part in _fields(_NESTED[name])}
        elif name in _fields(ManifestRow):
            found[name] = _kind(hint)
    return found


def _kind(hint: object) -> Kind:
    text = str(hint)
    if "Mapping" in text:
        return "json"
    if "bool" in text:
        return "truth"
    if "float" in text:
        return "number"
    return "whole" if "int" in text else "text"


def _fields(kind: type[ManifestRow | Quality | Guided]) -> list[str]:
    return [one.name for one in fields(kind)]


def _value(cell: Cell, kind: Kind, where: str) -> object:
    if kind == "text":
        return cell or ""
    if cell is None or cell == "":
        return {} if kind == "json" else None
    if kind != "json":
        return cell
    try:
        return json.loads(str(cell))
    except (ValueError, RecursionError):
        raise InputError(f"{where}: {str(cell)[:60]!r}; JSON expected.") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


COLUMNS = _columns()
"""Columns of the table and what their cells hold, in order."""
